"""Test that a disk that is full at any moment costs a store no measurement, and that the same call finishes the work.

The disks are real ones of a few pages. Each test grows the space until the work succeeds, so that the disk becomes full
at every point of it. The functions that are given to `on_small_disk` run in a process of their own.
"""

import errno
import os
import shutil
import sqlite3
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.store import database, views
from probe.analysis.store.database import os_error_of
from probe.analysis.store.export import WRITERS, export
from probe.analysis.store.files import REPLACED, STAGED, WORK
from probe.analysis.store.maintenance.forget import Selection, forget
from probe.analysis.store.maintenance.migrate import migrate
from probe.analysis.store.maintenance.rejudge import rejudge
from probe.analysis.store.manifest import Manifest, StoreError, rejected_lines
from probe.analysis.store.views import Store
from probe.analysis.store.writing import ingest as ingesting
from probe.analysis.store.writing import merge as merging
from probe.analysis.store.writing.ingest import ingest
from probe.results import FullDisk, full_disk, try_writing
from tests.support.lab.small_disk import LARGE, Disk, on_small_disk
from tests.support.store.earlier import EARLIER, earlier_store
from tests.support.store.stores import everything, some_lines, store_of, taken, write

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]  # for machines with other load
STEP = 40 * 1024  # bytes by which the space grows
SENTENCE = "The disk is full: {} cannot be written. Free some space and run the same command again."


def places_of(error: BaseException) -> set[str]:
    """Return the names of our functions in which an error was raised, with those behind it."""
    found = set()
    while error is not None:
        frames = traceback.extract_tb(error.__traceback__)
        found |= {frame.name for frame in frames if f"{os.sep}probe{os.sep}" in frame.filename}
        error = error.__context__
    return found


def until_it_fits(
    disk: Disk, work: Callable[[int], Any], before: Callable[[], None], check: Callable[[], None], step: int = STEP
) -> list[str]:
    """Do the work with more and more space, and after each failure again with all space. Return where it failed."""
    places: set[str] = set()
    for space in range(0, 200 * step, step):
        disk.empty()
        before()
        try:
            work(space)
            check()
            return sorted(places)
        except FullDisk as error:
            assert str(error).startswith("The disk is full: "), error
            places |= places_of(error)
        disk.make_space()
        work(LARGE)
        check()
    raise AssertionError("the work does not end with 200 steps")


def of_one_day(count: int) -> list[dict[str, Any]]:
    """Return measurements of one partition, because each partition takes time."""
    return [line | {"probe_cc": "DE", "measurement_start_time": "2026-01-11 13:00:00"} for line in some_lines(count)]


def ingest_on(disk: Disk, files: list[str], whole: str, jobs: int) -> list[str]:
    ingesting.BATCH_LINES = 15
    store = disk.folder / "store"

    def work(space: int) -> None:
        disk.leave(space)
        report = ingest(map(Path, files), store, jobs=jobs)
        assert taken(report)[0] == 41 and report.rejected == 1

    return until_it_fits(disk, work, lambda: None, lambda: same_stores(store, Path(whole)))


def same_stores(store: Path, whole: Path) -> None:
    """Check rows, rejected lines, and that nothing else is left."""
    assert everything(store) == everything(whole)
    assert rejected_lines(store) == rejected_lines(whole)
    left = [path for name in (WORK, STAGED, REPLACED) for path in (store / name).rglob("*") if path.is_file()]
    assert left == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_ingest_on_full_disk_is_finished_by_the_same_call(tmp_path: Path, jobs: int) -> None:
    lines = of_one_day(40)
    files = [write(tmp_path / "a.jsonl", [*lines[:25], {}]), write(tmp_path / "b.jsonl", lines[25:])]
    ingest(files, tmp_path / "whole")
    places = on_small_disk(ingest_on, tmp_path, [str(file) for file in files], str(tmp_path / "whole"), jobs)
    assert {"connect", "work", "write_rows", "load_staged"} <= {*places, *(["work", "write_rows"] if jobs > 1 else [])}


def merge_on(disk: Disk, loaded: str, file: str, whole: str) -> list[str]:
    store = disk.folder / "store"

    def work(space: int) -> None:
        def crowded(folder: Path) -> list[list[merging.Part]]:
            disk.leave(space)  # the load before it has all space, because it needs more
            return merging.crowded(folder)

        ingesting.crowded = crowded
        ingest([Path(file)], store)

    return until_it_fits(
        disk, work, lambda: shutil.copytree(loaded, store) and None, lambda: same_stores(store, Path(whole))
    )


def test_merge_on_full_disk_is_undone_and_repeated(tmp_path: Path) -> None:
    lines = of_one_day(40)
    loaded = store_of(tmp_path / "loaded", lines[:20])
    file = write(tmp_path / "more.jsonl", lines[20:])
    whole = shutil.copytree(loaded, tmp_path / "whole")
    ingest([file], whole)
    places = on_small_disk(merge_on, tmp_path, str(loaded), str(file), str(whole))
    assert {"begin", "write_rows"} <= set(places)


def rejudge_on(disk: Disk, loaded: str) -> list[str]:
    store = disk.folder / "store"
    return until_it_fits(
        disk,
        lambda space: disk.leave(space) or rejudge(store),
        lambda: shutil.copytree(loaded, store) and None,
        lambda: same_stores(store, Path(loaded)),
    )


def test_rejudge_on_full_disk_keeps_the_old_verdicts(tmp_path: Path) -> None:
    places = on_small_disk(rejudge_on, tmp_path, str(store_of(tmp_path / "loaded", of_one_day(30))))
    assert "judge_piece" in places


def forget_on(disk: Disk, loaded: str, whole: str) -> list[str]:
    store = disk.folder / "store"
    return until_it_fits(
        disk,
        lambda space: disk.leave(space) or forget(store, Selection(before="2026-01-11", cc="DE")),
        lambda: shutil.copytree(loaded, store) and None,
        lambda: same_stores(store, Path(whole)),
    )


def test_forget_on_full_disk_is_undone_and_repeated(tmp_path: Path) -> None:
    lines = of_one_day(40)
    kept = [line | {"measurement_start_time": f"2026-01-12 13:00:{n:02}"} for n, line in enumerate(lines[20:])]
    forgotten = [line | {"measurement_start_time": f"2026-01-10 13:00:{n:02}"} for n, line in enumerate(lines[:20])]
    loaded = store_of(tmp_path, forgotten + kept)
    whole = shutil.copytree(loaded, tmp_path / "whole")
    assert forget(whole, Selection(before="2026-01-11", cc="DE")) == 20
    places = on_small_disk(forget_on, tmp_path, str(loaded), str(whole))
    assert {"forget", "write_rows"} <= set(places)


def migrate_on(disk: Disk, earlier: str, whole: str) -> list[str]:
    store = disk.folder / "store"
    return until_it_fits(
        disk,
        lambda space: disk.leave(space) or migrate(store),
        lambda: shutil.copytree(earlier, store) and None,
        lambda: same_stores(store, Path(whole)),
    )


def test_migration_on_full_disk_is_undone_and_repeated(tmp_path: Path) -> None:
    earlier = earlier_store(EARLIER[-1], tmp_path)
    whole = shutil.copytree(earlier, tmp_path / "whole")
    migrate(whole)
    places = on_small_disk(migrate_on, tmp_path, str(earlier), str(whole))
    assert {"convert", "write_rows"} <= set(places)


def export_on(disk: Disk, store: str, kind: str, whole: str) -> list[str]:
    out = disk.folder / f"x.{kind}"

    def check() -> None:
        assert out.read_bytes() == Path(whole).read_bytes()
        assert [path.name for path in disk.folder.iterdir()] == [out.name]

    def work(space: int) -> None:
        disk.leave(space)
        try:
            export(Path(store), "verdicts", out, kind)
        except FullDisk as error:
            assert str(error) == SENTENCE.format(out)
            assert list(disk.folder.iterdir()) == []
            raise

    return until_it_fits(disk, work, lambda: None, check, step=Path(whole).stat().st_size // 3)


@pytest.mark.parametrize("kind", WRITERS)
def test_export_on_full_disk_leaves_no_file(tmp_path: Path, kind: str) -> None:
    store, whole = store_of(tmp_path, of_one_day(40)), tmp_path / f"whole.{kind}"
    export(store, "verdicts", whole, kind)
    assert on_small_disk(export_on, tmp_path, str(store), kind, str(whole))


# -- no name left, read-only file systems, quotas ------------------------------------------------------------------


def refusals_on(disk: Disk, file: str, loaded: str) -> list[str]:
    """Return what is said by a disk that takes no further file, and then by one that is read-only."""
    store, new = disk.folder / "store", disk.folder / "new"
    shutil.copytree(loaded, store)
    (disk.folder / "made").mkdir()
    said = []
    for refuse in (disk.leave_no_name, disk.forbid_writing):
        refuse()
        for work in (
            lambda: ingest([Path(file)], store),
            lambda: ingest([Path(file)], new),
            lambda: export(Path(loaded), "verdicts", disk.folder / "x.csv", "csv"),
        ):
            try:
                work()
            except (FullDisk, StoreError) as error:
                said.append(f"{type(error).__name__}: {error}".replace(str(disk.folder), "DISK"))
        disk.make_space()
    return said


def test_missing_names_and_read_only_disks_are_put_in_words(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", of_one_day(9))
    said = on_small_disk(refusals_on, tmp_path, str(file), str(store_of(tmp_path / "loaded", of_one_day(3))))
    full = [f"FullDisk: {SENTENCE.format(f'DISK/{name}')}" for name in ("store", "new", "x.csv")]
    read_only = "the file system is read-only"
    assert said == [
        *full,
        f"StoreError: No store can be kept in DISK/store: {read_only}. Give another folder with --store.",
        f"StoreError: No store can be kept in DISK/new: {read_only}. Give another folder with --store.",
        f"StoreError: DISK/x.csv cannot be written: {read_only}.",
    ]


@pytest.mark.parametrize(
    ("number", "kind", "sentence"),
    [
        (errno.EDQUOT, FullDisk, "Your share of the disk is used up: {} cannot be written. Free some space and"),
        (errno.EROFS, StoreError, "The store {} cannot be written: the file system is read-only. Afterwards"),
    ],
)
def test_reason_that_sqlite_hides_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[Exception], sentence: str
) -> None:
    """Let SQLite report an I/O error, as it does for a quota. The system's answer to a trial then decides."""

    def refused(*_: object) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
        raise error

    monkeypatch.setattr(Manifest, "add", refused)
    monkeypatch.setattr(database, "try_writing", lambda _: OSError(number, os.strerror(number)))
    store = tmp_path / "store"
    with pytest.raises(kind) as raised:
        ingest([write(tmp_path / "a.jsonl", of_one_day(2))], store)
    assert str(raised.value).startswith(sentence.format(store))


def test_other_faults_of_sqlite_are_no_full_disk(tmp_path: Path) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_READ
    assert os_error_of(error, tmp_path) is None  # the trial succeeds
    assert os_error_of(sqlite3.OperationalError("near SELCT"), tmp_path) is None


def test_trial_leaves_nothing(tmp_path: Path) -> None:
    assert try_writing(tmp_path) is None and list(tmp_path.iterdir()) == []
    missing = try_writing(tmp_path / "missing")
    assert missing is not None and missing.errno == errno.ENOENT


def test_quota_has_its_own_sentence() -> None:
    said = str(full_disk(OSError(errno.EDQUOT, "Disk quota exceeded"), "x"))
    assert (
        said
        == "Your share of the disk is used up: x cannot be written. Free some space and run the same command again."
    )


def spill_on(disk: Disk, store: str) -> str:
    os.environ["TMPDIR"] = str(disk.folder)
    views.MEMORY = "100MB"
    disk.leave(1 << 20)
    with Store(Path(store)) as opened:
        try:
            opened.sql("SELECT a FROM range(5000000) AS t(a) ORDER BY hash(a), repeat(a::VARCHAR, 20)")
        except FullDisk as error:
            return str(error)
    return ""


def test_query_without_room_to_spill_says_where(tmp_path: Path) -> None:
    said = on_small_disk(spill_on, tmp_path, str(store_of(tmp_path, of_one_day(3))))
    assert said == SENTENCE.format(tmp_path / "disk")
