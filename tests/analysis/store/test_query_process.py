"""Test that a query cannot take more memory than allowed, and that it spills only where it may."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.engines.spill_folder import PREFIX, SpillFolder
from probe.analysis.store import query_process, views
from probe.analysis.store.manifest import StoreError
from probe.analysis.store.query_process import RESERVED, query
from tests.support.dispositions import set_defaults
from tests.support.lab.inside_lab import ROOT
from tests.support.store.stores import some_lines, store_of

MOST = 1_900_000  # kB that a query's process may take: HELD, with libraries, and what it fills until it is looked at
TOO_MUCH = "This query needs more than 1GB of memory and was stopped."


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return store_of(tmp_path_factory.mktemp("queries"), some_lines(9))


@pytest.fixture(autouse=True)
def spills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of TMPDIR. Nothing may be left in it, and nothing may be written to the working folder."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "tmp"


def as_text(number: int, row: dict[str, Any]) -> Iterable[str]:
    yield f"{number}:{','.join(map(str, row.values()))}\n"


def answer(store: Path, statement: str) -> str:
    return "".join(query(store, statement, as_text))


def test_answer_is_that_of_the_store(store: Path) -> None:
    statement = "SELECT state, count(*) FROM verdicts GROUP BY ALL ORDER BY 1"
    assert answer(store, statement) == "0:blocked,3\n1:degraded,3\n2:ok,3\n"
    assert len(answer(store, "SELECT repeat('ü', 100000) FROM range(30)").encode()) > 6_000_000


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT length(repeat('x', 4000000000))",
        "SELECT repeat('x', 2000000000)",
        "SELECT length(string_agg(repeat('x', 1000), ',')) FROM range(10000000)",
        "SELECT len(list(repeat('x', 1000) || a)) FROM range(10000000) AS t(a)",
        "SELECT len(list_transform(range(400000000), lambda x: x * 2))",
        "SELECT json_array_length(to_json(range(300000000)))",
        "SELECT len(string_split(repeat('x,', 500000000), ','))",
        "SELECT length(replace(repeat('x', 400000000), 'x', 'yyyyyyyyyy'))",
    ],
)
def test_query_that_needs_too_much_ends_with_a_sentence(store: Path, spills: Path, statement: str) -> None:
    with pytest.raises(StoreError, match=TOO_MUCH):
        answer(store, statement)
    assert list(spills.iterdir()) == [] and list(Path.cwd().iterdir()) == []
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < MOST


def test_single_value_that_is_too_large_is_refused_before_it_fills_memory(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query_process, "HELD", 10**12)  # so that only RLIMIT_DATA can refuse it
    with pytest.raises(StoreError, match=TOO_MUCH):
        answer(store, "SELECT length(repeat('x', 4000000000))")


def test_query_within_the_memory_of_duckdb_is_answered(store: Path) -> None:
    """Sort rows that DuckDB can hold. Its allocator reserves twice as much as it uses."""
    rows = "SELECT md5(a::VARCHAR) || repeat('x', 150) AS c, row_number() OVER (ORDER BY hash(a)) AS r"
    assert (
        answer(store, f"SELECT max(r), length(max(c)) FROM ({rows} FROM range(6000000) AS t(a))") == "0:6000000,182\n"
    )


def test_wide_answer_is_sent_in_parts(store: Path) -> None:
    sizes = [len(text) for text in query(store, "SELECT repeat('x', 1000000) FROM range(50)", as_text)]
    assert sum(sizes) > 50_000_000 and max(sizes) <= query_process.CHUNK


SORT = "SELECT max(b) AS b FROM (SELECT row_number() OVER (ORDER BY hash(a)) AS b FROM range(4000000) AS t(a))"


def test_sort_that_is_larger_than_memory_spills_to_tmpdir(
    store: Path, spills: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "MEMORY", "60MB")
    seen: set[str] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.01):
            seen.update(path.name for path in spills.rglob("*"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with views.Store(store) as opened:
            assert opened.sql(SORT).to_pylist() == [{"b": 4_000_000}]
    finally:
        over.set()
        watcher.join()
    del opened
    assert any(name.startswith("duckdb_temp") for name in seen)
    assert list(spills.iterdir()) == [] and list(Path.cwd().iterdir()) == []


def test_spill_has_a_limit(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MEMORY", "60MB")
    monkeypatch.setattr(views, "MOST_SPILLED", "1MB")
    with views.Store(store) as opened, pytest.raises(StoreError, match="60MB of memory and 1MB in "):
        opened.sql(SORT)


def test_folder_of_tmpdir_that_cannot_be_written_costs_no_small_query(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", "/proc")
    assert answer(store, "SELECT 1") == "0:1\n"
    assert SpillFolder().path is None


# -- kills ---------------------------------------------------------------------------------------------------------

LONG = "SELECT count(*) FROM range(100000000000) AS t(a) WHERE hash(a) = 1"


@contextmanager
def started(store: Path, statement: str) -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, "-m", "probe", "sql", statement, "--store", str(store)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(words, text=True, preexec_fn=set_defaults, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()  # or else a query that goes on when a test fails takes a processor for hours


def child_of(process: subprocess.Popen[str]) -> int:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return int(pid)
        time.sleep(0.05)
    raise AssertionError("the query's process did not start")


def is_gone(pid: int) -> bool:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_command_leaves_no_process_and_no_folder(store: Path, spills: Path, number: signal.Signals) -> None:
    with started(store, LONG) as process:
        child = child_of(process)
        time.sleep(1.5)  # it has opened the store
        process.send_signal(number)
    assert is_gone(child)
    assert list(spills.iterdir()) == []


def test_interrupted_command_ends_in_order(store: Path, spills: Path) -> None:
    with started(store, LONG) as process:
        child = child_of(process)
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "")
    assert is_gone(child) and list(spills.iterdir()) == []


def test_query_killed_by_the_system_gets_a_sentence(store: Path, spills: Path) -> None:
    with started(store, LONG) as process:
        os.kill(child_of(process), signal.SIGKILL)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (2, "")
    assert err.splitlines() == [f"probe: {TOO_MUCH} Ask for fewer or shorter values."]
    assert list(spills.iterdir()) == []


def test_folder_of_killed_process_is_removed_by_the_next(store: Path, spills: Path) -> None:
    left = spills / f"{PREFIX}killed"
    left.mkdir()
    (left / "duckdb_temp_storage_DEFAULT-0.tmp").write_bytes(b"x" * 1000)
    other = spills / "of-others"
    other.mkdir()
    (spills / f"{PREFIX}file").write_text("a file with such a name")
    held = SpillFolder()
    assert held.path is not None and not left.exists()
    assert answer(store, "SELECT 1") == "0:1\n"
    assert held.path.is_dir() and held.path.stat().st_mode & 0o777 == 0o700
    held.remove()
    assert sorted(path.name for path in spills.iterdir()) == [f"{PREFIX}file", "of-others"]


def test_bug_in_the_process_is_reported_as_one(store: Path) -> None:
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        list(query(store, "SELECT 1", divided))


def divided(number: int, row: dict[str, Any]) -> Iterable[str]:
    yield str(1 // number)


def test_limit_of_the_caller_counts_if_it_is_lower() -> None:
    program = f"""
import resource
from probe.platforms.processes import _statm, limit_memory
limit_memory({RESERVED})
soft, _ = resource.getrlimit(resource.RLIMIT_DATA)
assert abs(soft - _statm("self")[5] - {RESERVED}) < 1 << 24
resource.setrlimit(resource.RLIMIT_DATA, (10**9, 10**9))
limit_memory({RESERVED})
assert resource.getrlimit(resource.RLIMIT_DATA)[0] == 10**9
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
