"""Define the statements of the pipeline: tables that are filled from a measurement, and tables that SQL fills."""

from dataclasses import dataclass


@dataclass(frozen=True)
class InputTable:
    """Hold a table that Python fills when a measurement is flattened: its columns with type and meaning.

    `joined_by` lists columns by which statements find rows, if the table is filled once. An index on the others costs
    as much as it saves.
    """

    name: str
    meaning: str
    columns: dict[str, tuple[str, str]]
    joined_by: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Statement:
    """Hold a table that SQL fills. `select` is in the subset that SQLite and DuckDB share.

    `key` lists the columns that identify a row, and `joined_by` other columns by which later statements find rows.
    Where `kept` is False, an engine that reads columns of many measurements need not write the table.
    """

    name: str
    meaning: str
    key: tuple[str, ...]
    select: str
    joined_by: tuple[tuple[str, ...], ...] = ()
    kept: bool = True
