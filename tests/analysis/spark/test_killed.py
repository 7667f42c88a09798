"""Test that a killed Spark ingest leaves a readable store, and that either engine then adds each measurement once."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from probe.analysis.store.manifest import files_in
from probe.analysis.store.writing.ingest import ingest
from tests.analysis.spark.conftest import LACKING
from tests.real.packages import COMMAND, JAVA
from tests.support.spark.clusters import environment
from tests.support.store.stores import everything, rows_of, some_lines, store_of, taken, write

pytestmark = pytest.mark.timeout(1200)
LINES = 12
WHERE = {
    "the identities are read": "file_reading._tasks",
    "the measurements are judged, and none is recorded": "Manifest.add",
    "some files are moved": "merge.move",
    "all are moved, and the load is not recorded": "Manifest.finish_load",
}
RECORDED = list(WHERE.values())[2:]
LAST = list(WHERE)[-1]
# Kill the process before that function. The move is killed after its second file.
DRIVER = """
import os, signal, sys
from pathlib import Path
from probe.analysis.spark import cluster_workers, file_reading, spark_session
from probe.analysis.store.writing import merge, moves
from probe.analysis.store.manifest import Manifest

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def rename(source, place, left=[2]):
    left[0] -= 1
    os.replace(source, place) if left[0] >= 0 else die()

def move(*all, whole=merge.move):
    moves.os.rename = rename
    whole(*all)

where, lines, store, master = sys.argv[1:]
owner, name = where.split(".")
owners = {"file_reading": file_reading, "merge": merge, "Manifest": Manifest}
setattr(owners[owner], name, move if name == "move" else die)
with spark_session.session(master) as spark:
    file_reading.ingest(cluster_workers.cluster_workers(spark), [Path(lines)], Path(store))
"""


@pytest.fixture(params=WHERE.values(), ids=WHERE)
def killed(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if LACKING:
        pytest.fail(f"not installed: {JAVA}; to run this: {COMMAND}", pytrace=False)
    lines = write(tmp_path / "lines.jsonl", some_lines(LINES))
    # The last one has a Java of its own, which ends with it. The others share a server, so that it starts once.
    master = "local[1]" if request.param == WHERE[LAST] else request.getfixturevalue("connect_server")
    command = [sys.executable, "-c", DRIVER, request.param, str(lines), str(tmp_path / "store"), master]
    done = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True, timeout=1000)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    return tmp_path


def test_killed_spark_ingest_is_repeated(killed: Path, request: pytest.FixtureRequest) -> None:
    """After the last kill Spark continues, after the others DuckDB does."""
    store, lines = killed / "store", killed / "lines.jsonl"
    recorded = request.node.callspec.params["killed"] in RECORDED
    assert len(files_in(store)) == recorded
    assert len(rows_of(store, "measurements")) <= LINES  # readable before the next ingest
    words = ["ingest", str(lines), "--store", str(store), "--json"]
    if request.node.callspec.id == LAST:
        words += ["--engine", "spark", "--master", "local[1]"]
    command = [sys.executable, "-m", "probe", *words]
    done = subprocess.run(command, env=environment(killed), capture_output=True, text=True, timeout=1000)
    assert done.returncode == 0, done.stderr[-2000:]
    counts = json.loads(done.stdout)
    assert (counts["accepted"], counts["duplicates"]) == ((0, LINES) if recorded else (LINES, 0))
    assert everything(store) == everything(store_of(killed / "whole", some_lines(LINES)))
    assert taken(ingest([lines], store)) == (LINES, 0, LINES, 0)  # the file is recorded as read to its end
