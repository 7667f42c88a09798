"""Test the file of the queue: no measurement twice, all of a run or none, no content of sent ones, private."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from probe.ooni.submission.outcomes import Protocol, SubmissionOutcome, SubmissionState, run_key
from probe.ooni.submission.queue_file import QUEUE, QueueError, has_queue, open_queue
from tests.ooni.submission.runs import RUN, lines

SERVER = "https://one.example"


def test_measurement_is_in_the_queue_once_per_server(tmp_path: Path) -> None:
    assert not has_queue(tmp_path)
    with open_queue(tmp_path) as queue:
        assert queue.add(SERVER, Protocol.SUBMIT, RUN, lines(2)) == 2
        assert queue.add(SERVER, Protocol.COLLECTOR, "copy.jsonl", lines(3)) == 1
        assert queue.add("https://two.example", Protocol.SUBMIT, RUN, lines(2)) == 2
    assert has_queue(tmp_path)
    with open_queue(tmp_path) as queue:
        assert [entry.id for entry in queue.entries()] == sorted(entry.id for entry in queue.entries())
        assert queue.counts() == {RUN: {SubmissionState.WAITING: 4}, "copy.jsonl": {SubmissionState.WAITING: 1}}
        assert queue.waiting_servers() == [SERVER, "https://two.example"]


def test_run_is_added_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    def some() -> object:
        yield lines(1)[0]
        raise OSError("the file is gone")

    with open_queue(tmp_path) as queue:
        with pytest.raises(OSError, match="gone"):
            queue.add(SERVER, Protocol.SUBMIT, RUN, some())  # type: ignore[arg-type]
        assert queue.entries() == []


def test_content_of_a_sent_measurement_is_removed(tmp_path: Path) -> None:
    (line,) = lines(1)
    with open_queue(tmp_path) as queue:
        queue.add(SERVER, Protocol.SUBMIT, RUN, [line])
        assert queue.content(1) == line.raw
        queue.settle(1, SubmissionOutcome(SubmissionState.SENT, "", "report", "uid"))
        assert queue.next_waiting(SERVER) is None and queue.drop(None) == 0 and queue.drop([1]) == 0
    with closing(sqlite3.connect(tmp_path / QUEUE)) as database:
        found = database.execute("SELECT packed, report_id, measurement_uid FROM measurement").fetchall()
    assert found == [(None, "report", "uid")]


@pytest.mark.parametrize("state", [SubmissionState.WAITING, SubmissionState.REFUSED, SubmissionState.UNCERTAIN])
def test_unsent_measurement_can_be_dropped_and_added_again(state: SubmissionState, tmp_path: Path) -> None:
    with open_queue(tmp_path) as queue:
        queue.add(SERVER, Protocol.SUBMIT, RUN, lines(3))
        queue.settle(2, SubmissionOutcome(state, "why"))
        assert queue.drop([2, 99]) == 1 and [entry.id for entry in queue.entries()] == [1, 3]
        assert queue.add(SERVER, Protocol.SUBMIT, RUN, lines(3)) == 1
        assert [entry.line for entry in queue.entries()] == [1, 3, 2]


def test_interrupted_sending_is_uncertain_for_the_next_sender_only(tmp_path: Path) -> None:
    with open_queue(tmp_path) as queue:
        queue.add(SERVER, Protocol.SUBMIT, RUN, lines(2))
        queue.mark_sending(1)
        assert queue.entries()[0].state == "sending" and queue.drop([1]) == 0
        with queue.sole_sender():
            assert [entry.state for entry in queue.entries()] == ["uncertain", "waiting"]


def test_files_are_private(tmp_path: Path) -> None:
    with open_queue(tmp_path / "new" / "results") as queue, queue.sole_sender():
        queue.add(SERVER, Protocol.SUBMIT, RUN, lines(1))
        files = list((tmp_path / "new" / "results").iterdir())
        assert len(files) == 4 and {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4000])
def test_damaged_file_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / QUEUE).write_bytes(content)
    with pytest.raises(QueueError, match=f"The queue .*{QUEUE} cannot be used"), open_queue(tmp_path):
        pass


def test_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / QUEUE)
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(QueueError, match="newer version"), open_queue(tmp_path):
        pass


def test_file_is_in_a_log_that_survives_a_power_failure(tmp_path: Path) -> None:
    names = ("journal_mode", "synchronous", "secure_delete")
    with open_queue(tmp_path) as queue:
        settings = [queue._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]
    assert settings == ["wal", 2, 1]


@pytest.mark.parametrize(
    ("path", "key"),
    [
        (f"/home/elisabeth/results/{RUN}", RUN),
        (f"/home/elisabeth/results/{RUN}.zst", RUN),
        (f"/home/elisabeth/results/{RUN}.part", RUN),
        ("/home/elisabeth/mine.jsonl", "mine.jsonl"),
        ("mine.jsonl.gz", "mine.jsonl.gz"),
    ],
)
def test_name_of_a_run_has_no_folder_of_the_user(path: str, key: str) -> None:
    assert run_key(Path(path)) == key
