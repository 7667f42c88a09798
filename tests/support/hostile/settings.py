"""Build TOML files, lists, certificates, tables, scores and stores that were made to break their readers."""

import json
import os
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.hostile.measurements import STEERING

ESCAPED = json.dumps(STEERING)  # as JSON and TOML write it

TOML: dict[str, bytes] = {
    "nested-arrays": b"x = " + b"[" * 5000 + b"]" * 5000,
    "nested-tables": b"x = " + b"{a=" * 5000 + b"1" + b"}" * 5000,
    "dotted-key": b"a." * 100_000 + b"a = 1",
    "dotted-header": b"[" + b"a . " * 60_000 + b"a]",
    "dotted-quoted-key": b'"a".' * 60_000 + b"a = 1",
    "one-letter-of-200000": b"a" * 200_000,
    "quotes": b'"' * 200_000,
    "number-of-100000-digits": b"x = " + b"9" * 100_000,
    "date-that-does-not-exist": b"x = 2026-02-30",
    "not-a-number": b"x = nan\ny = -inf",
    "larger-than-the-limit": b"# comment\n" * 100_000,
    "utf-16": 'title = "x"'.encode("utf-16"),
    "invalid-utf-8": b'title = "\xff\x1b[2J"',
    "escapes-in-keys": f"{ESCAPED} = 1\n".encode(),
    "escapes-in-values": f"title = {ESCAPED}\ntargets = {ESCAPED}\n".encode(),
    "u0000": b'title = "a\\u0000b"\nresults = "a\\u0000b"\ntargets = "a\\u0000b"',
    "bytes-of-zero": b"\0" * 1000,
    "carriage-returns": b"title = 1\rnettest = 2",
    "broad": b"".join(b"k%d = 1\n" % number for number in range(20_000)),
    "wrong-types": b"title = 1\nnettest = []\nreviewed = {}\nservices = 7\nendpoints = 3\ncensor = 5\nexpect = []\n",
    "empty": b"",
}


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def folder(path: Path) -> None:
    path.mkdir()


def unreadable(path: Path) -> None:
    """Make a regular file whose reading fails, for root too."""
    path.symlink_to("/proc/self/mem")


NO_FILES: dict[str, Callable[[Path], object]] = {
    "pipe": pipe,
    "device": device,
    "loop": loop,
    "folder": folder,
    "unreadable": unreadable,
}

ADDRESSES: dict[str, bytes] = {
    "lines-of-one-byte": b"x\n" * 300_000,
    "more-addresses-than-the-limit": b"".join(b"https://h%d.example/\n" % number for number in range(25_000)),
    "one-line": b"https://a.example/" + b"x" * 3_000_000,
    "larger-than-the-limit": b"https://a.example/\n" * 500_000,
    "escapes": f"https://a.example/{STEERING}\n".encode(),
    "utf-16": "https://a.example/\n".encode("utf-16"),
    "invalid-utf-8": b"https://\xff.example/\n",
    "bytes-of-zero": b"\0" * 100_000,
    "csv-of-commas": b"url," + b"," * 3_000_000 + b"\n" + b"," * 900_000,
    "csv-with-a-long-field": b'url,category_code\n"' + b"x" * 3_000_000,
    "csv-of-many-rows": b"url\n" + b"x\n" * 300_000,
}

PEM = b"-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n"
CERTIFICATES: dict[str, bytes] = {
    "begins-only": b"-----BEGIN CERTIFICATE-----\n" * 70_000,
    "empty": b"",
    "no-certificate": PEM % b"AAAA",
    "long": PEM % (b"A" * 4_000_000),
    "larger-than-the-limit": b"x" * (9 << 20),
    "escapes": STEERING.encode(),
}

_SECTIONS = ("v4", "v6", "names")
_HEADER = {"title": "t", "date": "d", "sections": {"v4": [40, 1], "v6": [40, 1], "names": [40, 1]}}


def _table(header: object, length: int | None = None) -> bytes:
    written = json.dumps(header).encode()
    return b"censorprobe asn 1\n" + struct.pack("<I", len(written) if length is None else length) + written


NETWORKS: dict[str, bytes] = {
    "no-table": b"x" * 1000,
    "header-of-4-gigabytes": _table(_HEADER, 2**32 - 1),
    "header-nested": b"censorprobe asn 1\n" + struct.pack("<I", 60_000) + b"[" * 60_000,
    "header-of-another-type": _table([]),
    "sections-of-another-type": _table({**_HEADER, "sections": {"v4": "x", "v6": None, "names": [1]}}),
    "negative-places": _table({**_HEADER, "sections": {key: [-9, -9] for key in _SECTIONS}}),
    "many-blocks": _table({**_HEADER, "sections": {key: [0, 2**40] for key in _SECTIONS}}),
}

SCORES: dict[str, bytes] = {
    "nested": b"[" * 100_000,
    "of-another-type": b'{"commit": [], "software_version": 1, "kinds": 2, "scenarios": {"x": {"seeds": "y"}}}',
    "counts-of-another-type": b'{"commit": "x", "software_version": "1", "scenarios": {"x": {"runs": "many"}}}',
    "nan": b'{"commit": "x", "software_version": "1", "scenarios": {"x": {"seconds": NaN}}}',
    "escapes": b'{"commit": "x", "software_version": "1", "scenarios": {"\\u001b[2J": {"wrong": ["\\u001b[2J"]}}}',
    "larger-than-the-limit": b" " * (17 << 20),
    "utf-16": "{}".encode("utf-16"),
}


def _store(path: Path, database: bytes | None = None) -> Path:
    """Make the folders of a store, and its file."""
    for table in ("measurements", "observations", "verdicts"):
        (path / table / "day=2026-11-24" / "probe_cc=DE").mkdir(parents=True)
    if database is None:
        sqlite3.connect(path / "store.sqlite").close()
    else:
        (path / "store.sqlite").write_bytes(database)
    return path


def _other_columns() -> bytes:
    """Return a Parquet file whose columns have the names of a store's, and other types."""
    columns = {"line_hash": [1], "facts": ["{"], "run_id": [[STEERING]], "measurement_start_time": [None]}
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return bytes(sink.getvalue())


def _with_rows(path: Path, content: bytes) -> None:
    for table in ("measurements", "observations", "verdicts"):
        (_store(path) if not path.exists() else path)
        (path / table / "day=2026-11-24" / "probe_cc=DE" / "x.parquet").write_bytes(content)


def _other_tables(path: Path) -> None:
    with closing(sqlite3.connect(_store(path) / "store.sqlite", isolation_level=None)) as database:
        database.execute("CREATE TABLE rejected (hash TEXT)")
        database.execute("CREATE TABLE files (digest BLOB)")


def _tables_with_texts(path: Path) -> None:
    with closing(sqlite3.connect(_store(path) / "store.sqlite", isolation_level=None)) as database:
        database.execute("CREATE TABLE files (digest, name, lines, rejected, of_lab)")
        database.execute("CREATE TABLE rejected (hash, measurement_file, measurement_line, reason)")
        database.execute("INSERT INTO files VALUES (x'ff', ?, 'many', NULL, 0)", (STEERING,))
        database.execute("INSERT INTO rejected VALUES ('x', x'ff00', 'many', ?)", (STEERING,))


def _piped_database(path: Path) -> None:
    os.mkfifo(_store(path, b"") / "pipe")
    (path / "store.sqlite").unlink()
    (path / "pipe").rename(path / "store.sqlite")


def _piped_rows(path: Path) -> None:
    os.mkfifo(_store(path) / "verdicts" / "day=2026-11-24" / "probe_cc=DE" / "x.parquet")


def _version_1(path: Path, content: bytes) -> None:
    """Make a store of version 1, which `migrate` converts."""
    _with_rows(path, content)
    with closing(sqlite3.connect(path / "store.sqlite", isolation_level=None)) as database:
        database.execute("CREATE TABLE lines (hash BLOB PRIMARY KEY)")
        database.execute("CREATE TABLE files (digest, name, lines, rejected, of_lab)")
        database.execute("CREATE TABLE rejected (hash, measurement_file, measurement_line, reason)")
        database.execute("INSERT INTO rejected VALUES (7, x'ff00', 'many', ?)", (STEERING,))
        database.execute("CREATE TABLE pieces (name, lines)")
        database.execute("CREATE TABLE settling (name)")


def _odd_index(path: Path) -> None:
    """Put a pipe, an endless file and one of odd length where the identities of rows are."""
    _with_rows(path, b"PAR1" + b"\x1b[2J" * 1000 + b"PAR1")
    place = path / "index" / "month=2026-11"
    place.mkdir(parents=True)
    os.mkfifo(place / "x.ids")
    (place / "y.ids").symlink_to("/dev/zero")
    (place / "z.ids").write_bytes(b"x" * 17)


def _endless_rows(path: Path) -> None:
    (_store(path) / "verdicts" / "day=2026-11-24" / "probe_cc=DE" / "x.parquet").symlink_to("/dev/zero")


STORES: dict[str, Callable[[Path], object]] = {
    "empty-folder": folder,
    "empty-store": _store,
    "database-of-rubbish": lambda path: _store(path, b"\x1b[2J" * 1000),
    "database-of-other-tables": _other_tables,
    "database-of-other-types": _tables_with_texts,
    "database-is-a-pipe": _piped_database,
    "rows-of-rubbish": lambda path: _with_rows(path, b"PAR1" + b"\x1b[2J" * 1000 + b"PAR1"),
    "rows-of-nothing": lambda path: _with_rows(path, b""),
    "rows-in-a-pipe": _piped_rows,
    "rows-without-end": _endless_rows,
    "version-1-of-rubbish": lambda path: _version_1(path, b"PAR1" + b"\x1b[2J" * 1000 + b"PAR1"),
    "version-1-of-other-columns": lambda path: _version_1(path, _other_columns()),
    "index-of-pipes": _odd_index,
}
