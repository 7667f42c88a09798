"""Test that every measurement is counted once, also after copies, damage and kills."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.observations.flat_measurement import FlatMeasurement
from probe.analysis.store.flatten import flatten
from probe.analysis.store.maintenance.rejudge import rejudge
from probe.analysis.store.manifest import Manifest, StoreError, rejected_lines
from probe.analysis.store.writing import moves as settling
from probe.analysis.store.writing.ingest import ingest
from probe.analysis.store.writing.workers import workers
from probe.analysis.verdicts.verdicts import judge_measurement
from probe.lab.synth.write import synthesise
from tests.support.store.stores import everything, rows_of, some_lines, store_of, taken, write


def test_store_has_same_verdicts_as_judge(tmp_path: Path) -> None:
    lines = some_lines(6)
    rows = rows_of(store_of(tmp_path, lines), "verdicts")
    for number, line in enumerate(lines, 1):
        (record,) = judge_measurement(line, file="lines.jsonl", number=number)
        (row,) = [row for row in rows if row["measurement_line"] == number]
        same = [key for key in record if key not in {"pass_rate", "media", "hop", "endpoints", "cutoff"}]
        assert {key: row[key] for key in same} == {key: record[key] for key in same}
        assert json.loads(row["endpoints"]) == record["endpoints"]
        for key in ("pass_rate", "media"):
            assert json.loads(row[key] or "null") == record[key]
        assert row["day"] == line["measurement_start_time"][:10]


def test_repeated_files_and_lines_count_once(tmp_path: Path) -> None:
    lines, store = some_lines(5), tmp_path / "store"
    file = write(tmp_path / "a.jsonl", lines[:3])
    assert taken(ingest([file], store)) == (3, 3, 0, 0)
    before = everything(store)
    assert taken(ingest([file, file], store)) == (6, 0, 6, 0)
    assert everything(store) == before
    packed = tmp_path / "copy.jsonl.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    other = write(tmp_path / "b.jsonl", [lines[1], lines[3], lines[3], lines[4]])
    assert taken(ingest([packed, other], store)) == (7, 2, 5, 0)
    assert len(rows_of(store, "measurements")) == len({row["line_hash"] for row in rows_of(store, "measurements")}) == 5


def test_partitions_are_readable_by_other_programs(tmp_path: Path) -> None:
    store = store_of(tmp_path, some_lines(18))
    places = {str(file.parent.relative_to(store)) for file in store.rglob("verdicts/**/*.parquet")}
    assert places == {f"verdicts/month=2026-{m:02}" for m in (1, 2, 3)}
    assert {row["probe_cc"] for row in rows_of(store, "observations")} == {
        "DE",
        "IR",
        "NA",
    }  # the country NA is not a null


def test_several_processes_write_same_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.analysis.store.writing.ingest.BATCH_LINES", 7)
    file = write(tmp_path / "a.jsonl", some_lines(40))
    ingest([file], tmp_path / "one", jobs=1)
    ingest([file], tmp_path / "two", jobs=2)
    assert everything(tmp_path / "one") == everything(tmp_path / "two")
    assert len(rows_of(tmp_path / "one", "measurements")) == 40


def test_lab_measurements_need_option(tmp_path: Path) -> None:
    lines = some_lines(2)
    file = write(tmp_path / "a.jsonl", [lines[0], lines[1] | {"annotations": {"lab": "clean"}}])
    assert taken(ingest([file], tmp_path / "store")) == (2, 1, 0, 1)
    ((_, name, number, reason),) = rejected_lines(tmp_path / "store")
    assert (name, number, reason) == (
        "a.jsonl",
        2,
        "This measurement was made inside the lab. The option --lab includes it.",
    )
    assert taken(ingest([file], tmp_path / "store", lab=True)) == (2, 1, 1, 0)
    assert rejected_lines(tmp_path / "store") == []
    assert sorted(row["lab"] for row in rows_of(tmp_path / "store", "verdicts")) == ["", "clean"]


def test_copy_of_lab_file_is_read_again_with_option(tmp_path: Path) -> None:
    lines = [line | {"annotations": {"lab": "clean"}} for line in some_lines(2)]
    copies = [write(tmp_path / name, lines) for name in ("a.jsonl", "b.jsonl")]
    assert taken(ingest(copies, tmp_path / "store")) == (4, 0, 0, 4)
    assert taken(ingest(copies[1:], tmp_path / "store", lab=True)) == (2, 2, 0, 0)
    assert taken(ingest(copies, tmp_path / "store", lab=True)) == (4, 0, 4, 0)


def test_copies_in_other_spellings_count_once(tmp_path: Path) -> None:
    """Give copies in one batch, in a later batch, in another file and in another ingest."""
    lines, store = [line | {"test_name": "telegram"} for line in some_lines(5)], tmp_path / "store"
    other = [dict(reversed(line.items())) | {"report_id": "another"} for line in lines]
    first = write(tmp_path / "a.jsonl", [*lines[:3], *other[:3]])
    assert taken(ingest([first], store)) == (6, 3, 3, 0)
    before = everything(store)
    second = tmp_path / "b.jsonl"
    second.write_text("".join(json.dumps(line, separators=(" ,", " : "), sort_keys=True) + "\n" for line in other))
    assert taken(ingest([second, first], store)) == (11, 2, 9, 0)
    found = everything(store)
    assert len(found["measurements"]) == 5
    assert all(row in found["measurements"] for row in before["measurements"])  # the first copy is kept


def test_invalid_copy_does_not_displace_a_valid_one(tmp_path: Path) -> None:
    """Let an unusable copy come before the measurement, in the same batch."""
    line = some_lines(1)[0] | {"test_name": "telegram"}
    file = write(tmp_path / "a.jsonl", [line | {"probe_cc": "de"}, line, line | {"probe_cc": "de"}])
    assert taken(ingest([file], tmp_path / "store")) == (3, 1, 0, 2)
    assert len(rows_of(tmp_path / "store", "measurements")) == 1


def test_many_measurements_need_few_files_and_little_space(tmp_path: Path) -> None:
    made = synthesise(500, 3, tmp_path, light=True)
    assert (
        ingest(sorted((tmp_path / "lines").iterdir()), tmp_path / "store", lab=True, jobs=2).accepted == made["lines"]
    )
    packed = sum(file.stat().st_size for file in (tmp_path / "lines").iterdir())
    files = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    assert len(files) <= 20
    assert sum(path.stat().st_size for path in files) <= 2 * packed


def test_rejudge_works_without_results_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_of(tmp_path, some_lines(30))
    (tmp_path / "lines.jsonl").unlink()
    before = everything(store)
    monkeypatch.setattr("probe.analysis.verdicts.verdict_records.RULESET", "2031.01")
    assert rejudge(store)["verdicts"] == len(before["verdicts"])
    after = everything(store)
    assert {row["ruleset"] for row in after["verdicts"]} == {"2031.01"}
    assert [row | {"ruleset": "2026.11"} for row in after["verdicts"]] == before["verdicts"]
    assert after["observations"] == before["observations"]


# -- errors and kills ----------------------------------------------------------------------------------------------


def test_second_writer_is_refused(tmp_path: Path) -> None:
    holder = Manifest(tmp_path)
    with pytest.raises(StoreError, match="Another process is writing"):
        ingest([], tmp_path)
    holder.close()
    assert taken(ingest([], tmp_path)) == (0, 0, 0, 0)


def test_bug_rejects_only_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def buggy(facts: FlatMeasurement, line: dict[str, Any], **more: Any) -> Any:
        if line["annotations"]["number"] == 1:
            raise KeyError("ours")
        return flatten(facts, line, **more)

    monkeypatch.setattr("probe.analysis.store.writing.batch.flatten", buggy)
    assert taken(ingest([write(tmp_path / "a.jsonl", some_lines(3))], tmp_path / "store")) == (3, 2, 0, 1)
    assert rejected_lines(tmp_path / "store")[0][2:] == (
        2,
        "This line showed a bug in the probe. Please report it: KeyError",
    )


def test_killed_worker_gives_store_error() -> None:
    with workers(2) as pool, pytest.raises(StoreError, match="Run the same command again"):
        pool.all(os._exit, [(1,)])


@pytest.mark.parametrize("moves", [0, 2, 7])
def test_interrupted_load_is_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves: int) -> None:
    """Interrupt the moving of files into the tables. No measurement is lost or counted twice."""
    lines, left = some_lines(9), [moves]

    def rename(source: Path, place: Path) -> None:
        if not left[0]:
            raise InterruptedError("the power went")
        left[0] -= 1
        os.replace(source, place)

    file = write(tmp_path / "lines.jsonl", lines)
    with monkeypatch.context() as patch:
        patch.setattr(settling.os, "rename", rename)
        with pytest.raises(StoreError, match="Afterwards the same command continues"):
            ingest([file], tmp_path / "store")
    assert len(rows_of(tmp_path / "store", "measurements")) <= 9  # readable before the next ingest
    assert taken(ingest([file], tmp_path / "store")) == (9, 0, 9, 0)
    assert everything(tmp_path / "store") == everything(store_of(tmp_path / "whole", lines))


SLOW = """
import sys, time
from pathlib import Path
import probe.analysis.store.writing.ingest as module
module.BATCH_LINES = 5
finish = module.Intake.finish
def slowly(self, *batch):
    finish(self, *batch)
    print("batch", flush=True)
    time.sleep(0.05)
module.Intake.finish = slowly
if __name__ == "__main__":
    module.ingest([Path(sys.argv[1])], Path(sys.argv[2]), jobs=int(sys.argv[3]))
"""


@pytest.mark.parametrize("jobs", [1, 2])
def test_killed_ingest_leaves_readable_store_and_continues(tmp_path: Path, jobs: int) -> None:
    script = tmp_path / "slow.py"
    script.write_text(SLOW)
    lines, store = some_lines(60), tmp_path / "store"
    file = write(tmp_path / "lines.jsonl", lines)
    command = [sys.executable, str(script), str(file), str(store), str(jobs)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": "."}) as process:
        assert process.stdout is not None
        for _ in range(3):
            assert process.stdout.readline() == b"batch\n"
        process.send_signal(signal.SIGKILL)
    assert rows_of(store, "measurements") == []  # staged files wait for a load
    manifest = _when_free(store)
    waiting = sum(manifest.staged().values())
    manifest.close()
    assert 15 <= waiting < 60
    assert taken(ingest([file], store)) == (60, 60 - waiting, waiting, 0)
    assert everything(store) == everything(store_of(tmp_path / "whole", lines))


def _when_free(store: Path) -> Manifest:
    """Wait until the workers of a killed ingest have ended."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            return Manifest(store)
        except StoreError:
            time.sleep(0.1)
    raise AssertionError("somebody still holds the store")
