"""Test the search for identities in files."""

import hashlib
from pathlib import Path

from probe.analysis.observations.measurement_identity import SIZE
from probe.analysis.store.files import table_files
from probe.analysis.store.identity_index import Index, ids_in, index_file, index_files, read_ids, write_ids
from probe.analysis.store.manifest import Manifest
from probe.analysis.store.writing.moves import open_for_writing
from tests.support.store.stores import some_lines, store_of


def digests(first: int, last: int) -> list[bytes]:
    return [hashlib.sha256(str(number).encode()).digest()[:SIZE] for number in range(first, last)]


def test_every_identity_of_a_month_is_found_and_no_other(tmp_path: Path) -> None:
    for first in (0, 500, 997):  # three files, one of them with three identities
        write_ids(tmp_path / "index" / "month=2026-01" / f"{first}.ids", digests(first, min(first + 500, 1000)))
    index = Index(tmp_path)
    assert all(index.holds("2026-01", one) for one in digests(0, 1000))
    assert not any(index.holds("2026-01", one) for one in digests(1000, 2000))
    assert not any(index.holds("2026-02", one) for one in digests(0, 10))
    assert not index.holds("../index/month=2026-01", digests(0, 1)[0])
    index.close()


def test_identity_takes_at_most_16_bytes_and_the_database_keeps_none(tmp_path: Path) -> None:
    store = store_of(tmp_path, some_lines(60))
    sizes = [file.stat().st_size for file in index_files(store)]
    assert sum(sizes) == 60 * SIZE <= 60 * 16
    for file in table_files(store, "measurements"):
        assert read_ids(index_file(file)) == sorted(ids_in(file))
    manifest = Manifest(store)
    assert manifest._db.execute("SELECT count(*) FROM waiting").fetchone() == (0,)
    manifest.close()


def test_lost_index_is_made_again(tmp_path: Path) -> None:
    store = store_of(tmp_path, some_lines(9))
    lost = index_files(store)[0]
    before = lost.read_bytes()
    lost.unlink()
    with open_for_writing(store):
        assert lost.read_bytes() == before
