"""Test that Spark Connect judges a batch as SQLite does: the same records, and the same rule for each row.

The batch holds a part of the recordings, the fixtures, OONI's samples and the hostile lines (ONE_IN = 1: all).
"""

import json
import subprocess
import sys

import pytest

from probe.analysis.engines.engine import SQLiteEngine
from probe.analysis.rules.tables import RULES
from tests.support.spark.clusters import environment
from tests.support.spark.judging import Judged, judged

pytestmark = pytest.mark.timeout(1200)  # most of it for machines with other load
PATIENCE = 1000  # seconds. It takes one minute on an idle machine.
LEAST = {"records": 100, "decisions": 1000, "rules": len(RULES)}


@pytest.fixture(scope="module")
def sqlite() -> Judged:
    with SQLiteEngine() as engine:
        return judged(engine)


@pytest.fixture(scope="module")
def spark(connect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    command = [sys.executable, "-m", "tests.support.spark.judging", connect_server]
    settings = environment(tmp_path_factory.mktemp("client"))
    done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr[-4000:]
    found: Judged = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("what", LEAST)
def test_spark_and_sqlite_judge_alike(spark: Judged, sqlite: Judged, what: str) -> None:
    different = [pair for pair in zip(spark[what], sqlite[what], strict=True) if pair[0] != pair[1]]
    assert different[:3] == []
    assert len(sqlite[what]) >= LEAST[what]
