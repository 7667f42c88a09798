"""Test that copies of a store in a bucket are whole at every moment, and that nothing is lost."""

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.object_storage import open_bucket
from probe.analysis.object_storage.listing import LISTING
from probe.analysis.store.maintenance import copy as copying
from probe.analysis.store.maintenance.copy import listing_of
from probe.analysis.store.maintenance.rejudge import rejudge
from probe.analysis.store.manifest import StoreError
from probe.analysis.store.writing.ingest import ingest
from probe.cli import main
from tests.support.servers.object_storage import Server
from tests.support.store.kills import Killed
from tests.support.store.stores import everything, some_lines, store_of, write

WRITE = "PLACE is in a bucket, and this command works on stores on a disk. Use it on a copy,"
pytestmark = pytest.mark.timeout(900)  # the server's start takes minutes on a busy disk


def grow(store: Path, count: int) -> None:
    """Add measurements to a store, and judge all again, which replaces files under their names."""
    ingest([write(store.parent / f"{count}.jsonl", some_lines(count))], store)
    rejudge(store)


def test_copy_and_back_gives_the_same_store(server: Server, bucket: str, tmp_path: Path) -> None:
    place = f"s3://{bucket}/store"
    store = store_of(tmp_path, some_lines(6))
    first = copying.copy(str(store), place)
    assert first["sent"] == first["files"] > 9
    assert copying.copy(str(store), place) | {"sent": 0, "bytes": 0} == copying.copy(str(store), place)
    assert copying.copy(place, str(tmp_path / "copy"))["sent"] == first["files"]
    assert everything(tmp_path / "copy") == everything(store)
    assert copying.copy(place, str(tmp_path / "copy"))["sent"] == 0
    grow(store, 7)  # a file of one month
    sent = copying.copy(str(store), place)
    assert 0 < sent["sent"] < sent["files"]
    got = copying.copy(place, str(tmp_path / "copy"))
    assert 0 < got["sent"] <= sent["sent"]
    assert everything(tmp_path / "copy") == everything(store)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("copy.")]
    keys = {entry.key for entry in open_bucket(place).entries()}
    assert len(keys) == sent["files"] + 1  # files that the listing no longer names are gone
    assert ingest([tmp_path / "7.jsonl"], tmp_path / "copy").accepted == 0


@pytest.mark.parametrize("back", [False, True])
def test_a_changed_target_is_refused(back: bool, server: Server, bucket: str, tmp_path: Path) -> None:
    place, store, other = f"s3://{bucket}/store", store_of(tmp_path, some_lines(3)), tmp_path / "other"
    copying.copy(str(store), place)
    copying.copy(place, str(other))
    grow(other, 6)
    if not back:
        copying.copy(str(other), place)
        grow(store, 9)
    source, target = (place, str(other)) if back else (str(store), place)
    before = everything(other)
    with pytest.raises(StoreError, match="was changed since it was last copied"):
        copying.copy(source, target)
    assert everything(other) == before


def test_objects_of_others_are_not_deleted(server: Server, bucket: str, tmp_path: Path) -> None:
    store, others = store_of(tmp_path, some_lines(3)), {"raw/a.jsonl", "measurements/notes.parquet", "store.sqlite"}
    for key in others:
        server.put(f"{bucket}/{key}", b"mine")
    copying.copy(str(store), f"s3://{bucket}")
    grow(store, 4)
    copying.copy(str(store), f"s3://{bucket}")
    keys = {entry.key for entry in open_bucket(f"s3://{bucket}").entries()}
    assert others < keys
    assert len(keys - others) == len(listing_of(store).files) + 1


def test_files_of_others_are_not_replaced(server: Server, bucket: str, tmp_path: Path) -> None:
    copying.copy(str(store_of(tmp_path, some_lines(3))), f"s3://{bucket}/store")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("mine")
    with pytest.raises(StoreError, match="has other files than a store"):
        copying.copy(f"s3://{bucket}/store", str(tmp_path / "mine"))
    assert (tmp_path / "mine" / "diary.txt").read_text() == "mine"


def test_killed_copies_are_whole_and_continue(server: Server, bucket: str, tmp_path: Path) -> None:
    store = store_of(tmp_path, some_lines(3))
    before, steps = everything(store), 0
    copying.copy(str(store), f"s3://{bucket}/0")
    copying.copy(f"s3://{bucket}/0", str(tmp_path / "copy"))
    grow(store, 6)
    after = everything(store)
    while killed(steps, lambda: copying.copy(str(store), f"s3://{bucket}/0")):
        shutil.rmtree(tmp_path / "seen", ignore_errors=True)
        copying.copy(f"s3://{bucket}/0", str(tmp_path / "seen"))
        assert everything(tmp_path / "seen") in (before, after)
        steps += 3
    assert steps >= 9
    for step in range(0, 60, 3):
        ended = killed(step, lambda: copying.copy(f"s3://{bucket}/0", str(tmp_path / "copy")))
        if (tmp_path / "copy").exists():
            assert everything(tmp_path / "copy") in (before, after)
        if not ended:
            break
    assert step >= 3
    assert everything(tmp_path / "copy") == after


def killed(step: int, work: Any) -> bool:
    """Return True if the work was killed before its step of that number."""
    begun = 0

    def before(function: Any) -> Any:
        def counted(*arguments: Any, **more: Any) -> Any:
            nonlocal begun
            begun += 1
            if begun > step:
                raise Killed
            return function(*arguments, **more)

        return counted

    with pytest.MonkeyPatch.context() as patch:
        for name in ("_send", "_put_listing", "_delete", "_fetch", "_exchange", "remember"):
            patch.setattr(copying, name, before(getattr(copying, name)))
        patch.setattr(copying.os, "rename", before(copying.os.rename))
        try:
            work()
        except Killed:
            return True
    return False


def test_damage_is_noticed(server: Server, bucket: str, tmp_path: Path) -> None:
    copying.copy(str(store_of(tmp_path, some_lines(3))), f"s3://{bucket}/store")
    entry = next(entry for entry in open_bucket(f"s3://{bucket}/store").entries() if entry.key != LISTING)
    server.put(f"{bucket}/store/{entry.key}", b"x" * entry.size)
    with pytest.raises(StoreError, match="is damaged"):
        copying.copy(f"s3://{bucket}/store", str(tmp_path / "copy"))
    assert not (tmp_path / "copy" / "store.sqlite").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["judge", "PLACE"], "PLACE is a store. This command reads results files."),
        (["ingest", "x.jsonl", "--store", "PLACE"], WRITE),
        (["ingest", "--rejudge", "--store", "PLACE"], WRITE),
        (["store", "forget", "PLACE", "--cc", "DE"], WRITE),
        (["store", "check", "PLACE"], WRITE),
        (["store", "compact", "PLACE"], WRITE),
        (["store", "migrate", "PLACE"], WRITE),
        (["store", "copy", "PLACE", "PLACE2"], "One of the two must be in a bucket and the other on a disk"),
        (["store", "copy", "PLACE/none", "copy"], "There is no store in PLACE/none."),
        (["store", "copy", "no-store", "PLACE"], "no-store is no store."),
    ],
)
def test_commands_name_the_copy(
    words: list[str],
    sentence: str,
    server: Server,
    bucket: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = f"s3://{bucket}/store"
    server.put(f"{bucket}/store/{LISTING}", b"{}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["probe", *(word.replace("PLACE", place) for word in words)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in {2, 6}
    assert sentence.replace("PLACE", place) in " ".join(capsys.readouterr().err.split())
