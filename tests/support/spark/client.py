"""Run commands with Spark in a process of its own, whose Java ends with it: `python -m tests.support.spark.client`.

The plan is JSON on stdin, with the parameters of `asked` as keys. The results are JSON on stdout.
"""

import gzip
import hashlib
import io
import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext, redirect_stdout
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Any

from probe.analysis.engines.engine import create_table, select
from probe.analysis.rules.tables import TABLES, tables_for
from probe.analysis.spark import session as sessions
from probe.analysis.store import columns
from probe.cli import main
from probe.lab.run import RECORDED
from tests.support.measurements.feature_rows import Rows, rows_of
from tests.support.measurements.witnesses import WITNESSES
from tests.support.spark.sockets import addresses_here


def asked(master: str, commands: dict[str, list[str]], stores: list[str], rules: bool) -> dict[str, Any]:
    """Return the output of each command, checksums of all tables, the rules' answers, and the addresses of Java.

    All use one session, since every session starts Java on each worker of a cluster.
    """
    spark_words = ["--engine", "spark", "--master", master]
    answers: dict[str, Any] = {}
    with sessions.session(master) as spark:
        sessions.session = lambda _: nullcontext(spark)
        answers["printed"] = {name: printed([*words, *spark_words]) for name, words in commands.items()}
        answers["checksums"] = {store: _checksums(spark, Path(store)) for store in stores}
        answers["rules"] = decisions(spark) if rules else []
        answers["addresses"] = sorted(addresses_here())
    return answers


def printed(words: Sequence[str]) -> str:
    """Return what `probe` prints. Raises AssertionError if the exit code is not 0."""
    out, argv = io.StringIO(), sys.argv
    sys.argv = ["probe", *words]
    try:
        with redirect_stdout(out):
            main()
    except SystemExit as end:
        assert not end.code, words
    finally:
        sys.argv = argv
    return out.getvalue()


def checksum(rows: Iterable[dict[str, Any]]) -> str:
    """Return the number of rows and the sum of their digests, which is independent of their order."""
    count = total = 0
    for row in rows:
        digest = hashlib.sha256(json.dumps(row, sort_keys=True).encode()).digest()
        count, total = count + 1, (total + int.from_bytes(digest)) % (1 << 256)
    return f"{count} {total:064x}"


def _checksums(spark: Any, store: Path) -> dict[str, str]:
    found = {}
    for table in columns.TABLES:
        frame = spark.read.option("mergeSchema", "true").parquet(f"file://{store / table}")
        found[table] = checksum(frame.select(*columns.schema(table).names).toArrow().to_pylist())
    return found


def decided_rows() -> Rows:
    """Return the witness rows of all rules and the rows of all recordings, by class of row."""
    recordings = (gzip.decompress(path.read_bytes()) for path in sorted(RECORDED.glob("*.jsonl.gz")))
    found = rows_of(line for recording in recordings for line in recording.splitlines())
    for table, (kind, _) in TABLES.items():
        found[kind] += [kind(**cells) for cells in WITNESSES[table].values()]
    return found


def decisions(spark: Any) -> list[list[dict[str, str]]]:
    """Run the rules' SQL over these rows in Spark."""
    found = []
    for kind, rows in decided_rows().items():
        cells = attrgetter(*(column.name for column in fields(kind)))
        numbered = [(number, *cells(row)) for number, row in enumerate(rows)]
        ddl = create_table(kind).partition("(")[2].removesuffix(")").replace("VARCHAR", "STRING")
        spark.createDataFrame(numbered, ddl).createOrReplaceTempView(kind.__name__.lower())
        found.append([row.asDict() for row in spark.sql(select(kind, tables_for(kind))).collect()])
    return found


if __name__ == "__main__":
    json.dump(asked(**json.load(sys.stdin)), sys.stdout)
