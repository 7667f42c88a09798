"""Run the rules on DuckDB, to compare its answers with SQLite's."""

from probe.analysis.engines.duckdb_files import duckdb_in_memory
from probe.analysis.engines.engine import DBAPIEngine


class DuckDBEngine(DBAPIEngine):
    """Run the rules on DuckDB, in memory."""

    def __init__(self) -> None:
        super().__init__(duckdb_in_memory())
