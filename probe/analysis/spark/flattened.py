"""Read files on the machines of the cluster, and return one nested row per line, with the functions of the store."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa

from probe.analysis.store.columns import MEASUREMENT, OBSERVATION, TABLES, VERDICT, schema, to_arrow
from probe.analysis.store.flatten import Flat
from probe.analysis.store.writing.admission import read_line
from probe.analysis.store.writing.batch import admit
from probe.analysis.store.writing.hashes import file_digest, line_hash, problem_hash
from probe.results import Piece, Problem, read_pieces

BATCH_LINES, BATCH_BYTES = 2048, 32 * 1024 * 1024  # that are judged together, whichever is reached first
LINES_FOR_JAVA = 128  # that Java gets, and holds in memory, at a time
PLAIN = {
    "file_place": "int64",  # index of the file
    "number": "int64",  # number of the line in it, from 1. 0 is the row of the file itself.
    "digest": "string",  # only in a file's row
    "line_hash": "string",  # the identity of the measurement
    "hash_of_line": "string",  # which a migrated store can have in place of the identity
    "problem_hash": "string",  # in place of `line_hash` for a line that could not be read
    "measurement_file": "string",
    "measurement_line": "int64",
    "reason": "string",  # of a rejected line
}
_DDL = {"string": "STRING", "int64": "BIGINT", "bool": "BOOLEAN", "double": "DOUBLE", "list": "ARRAY<STRING>"}

Line = tuple[dict[str, Any], bytes, Piece]
"""The plain columns of a line, the measurement's identity, and the line."""

Judged = tuple[dict[str, Any], Flat, list[dict[str, Any]]]
"""The plain columns of a line, its rows, and the rows of its verdicts."""


def _columns_ddl(columns: dict[str, str], separator: str) -> str:
    return ", ".join(f"`{name}`{separator} {_DDL[kind]}" for name, kind in columns.items())


FILES_DDL = "place BIGINT, path STRING"
ROWS_DDL = (
    f"{_columns_ddl(PLAIN, '')}, "
    f"measurement STRUCT<{_columns_ddl(MEASUREMENT, ':')}>, "
    f"observations ARRAY<STRUCT<{_columns_ddl(OBSERVATION, ':')}>>, "
    f"verdicts ARRAY<STRUCT<{_columns_ddl(VERDICT, ':')}>>"
)


def rows_of_files(batches: Iterable[Any], *, known: frozenset[str], lab: bool, now: datetime) -> Iterator[Any]:
    """Turn batches of FILES_DDL into batches of ROWS_DDL, for `mapInArrow`.

    A file whose digest is in `known` gives only its own row.
    """
    for batch in batches:
        for file in batch.to_pylist():
            yield from _rows_of_file(file["place"], Path(file["path"]), known, lab, now)


def _rows_of_file(place: int, path: Path, known: frozenset[str], lab: bool, now: datetime) -> Iterator[Any]:
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist on every machine of the cluster")
    digest = file_digest(path)
    yield _of_others([{"file_place": place, "number": 0, "digest": digest}])
    if digest in known:
        return
    lines, others, size = list[Line](), list[dict[str, Any]](), 0
    for number, piece in enumerate(read_pieces(path), 1):
        row, read = _row_of(piece, digest, now, lab)
        row |= {"file_place": place, "number": number}
        if isinstance(read, str):
            others.append(row | {"reason": read})
        else:
            lines.append((row, *read))
            size += len(read[1].raw)
        if len(lines) + len(others) >= BATCH_LINES or size >= BATCH_BYTES:
            yield from _batches(lines, others)
            lines, others, size = [], [], 0
    yield from _batches(lines, others)


def _row_of(
    piece: Piece | Problem, digest: str, now: datetime, lab: bool
) -> tuple[dict[str, Any], tuple[bytes, Piece] | str]:
    """Return the plain columns of a line, and the line with its identity or the reason why it is rejected."""
    location = {"measurement_file": piece.file, "measurement_line": piece.number}
    if isinstance(piece, Problem):
        return location | {"problem_hash": problem_hash(piece, digest).hex()}, piece.sentence
    read = read_line(piece, digest, now, lab)
    location |= {"line_hash": read.identity.hex(), "hash_of_line": line_hash(piece).hex()}
    return location, (read.identity, piece) if read.reason is None else read.reason


def _batches(lines: list[Line], others: list[dict[str, Any]]) -> Iterator[Any]:
    judged = list[Judged]()
    admitted = admit([(identity, piece) for _, identity, piece in lines])
    for (row, _, _), found in zip(lines, admitted, strict=True):
        if isinstance(found, str):
            others.append(row | {"reason": found})
        else:
            judged.append((row, *found))
    for start in range(0, len(judged), LINES_FOR_JAVA):
        yield _of_lines(judged[start : start + LINES_FOR_JAVA])
    for start in range(0, len(others), LINES_FOR_JAVA):
        yield _of_others(others[start : start + LINES_FOR_JAVA])


def _of_lines(lines: list[Judged]) -> Any:
    """Return a batch with the rows of the store's tables, nested by line."""
    rows, flats, verdicts = zip(*lines, strict=True)
    made = to_arrow(flats, [row for records in verdicts for row in records])
    structs = [pa.StructArray.from_arrays(*_parts(made[table])) for table in TABLES]
    nested = [
        structs[0],
        _nest(structs[1], [len(flat.observations) for flat in flats]),
        _nest(structs[2], [len(records) for records in verdicts]),
    ]
    return _batch(rows, nested)


def _of_others(rows: list[dict[str, Any]]) -> Any:
    return _batch(rows, [pa.nulls(len(rows), kind) for kind in _nested_types()])


def _batch(rows: Any, nested: list[Any]) -> Any:
    plain = [pa.array([row.get(name) for row in rows], kind) for name, kind in PLAIN.items()]
    return pa.RecordBatch.from_arrays([*plain, *nested], names=[*PLAIN, "measurement", "observations", "verdicts"])


def _nested_types() -> list[Any]:
    structs = [pa.struct(list(schema(table))) for table in TABLES]
    return [structs[0], pa.list_(structs[1]), pa.list_(structs[2])]


def _parts(table: Any) -> tuple[list[Any], None, list[Any]]:
    """Return a table's columns and fields as the arguments of StructArray.from_arrays."""
    return [column.combine_chunks() for column in table.columns], None, list(table.schema)


def _nest(values: Any, lengths: list[int]) -> Any:
    """Divide values into consecutive lists of these lengths."""
    return pa.ListArray.from_arrays(pa.array([0, *accumulate(lengths)], "int32"), values)
