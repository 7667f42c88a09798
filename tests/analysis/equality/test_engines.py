"""Test that SQLite and DuckDB decide alike for the rows of recorded, foreign and hostile measurements.

tests/analysis/spark/test_engines_agree.py does the same with Spark for the rows of the recordings.
"""

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import pytest

from probe.analysis.engines.engine import SQLiteEngine
from probe.analysis.features.rows import AddressRow
from probe.analysis.rules.tables import TABLES
from tests.analysis.equality.__main__ import main
from tests.analysis.equality.sources import cuts_of, hostile, lines_of, mutated_ooni_samples, ooni_samples
from tests.analysis.rules.test_every_rule_fires import RECORDED
from tests.support.measurements.duckdb_engine import DuckDBEngine
from tests.support.measurements.feature_rows import Rows, disagreements, rows_of

pytestmark = pytest.mark.timeout(600)  # for machines with other load
NOWHERE = "tls_reset_follows_name_to_neutral_host"


def lines() -> Iterator[bytes]:
    recorded = chain.from_iterable(map(lines_of, sorted(RECORDED.glob("*.jsonl.gz"))))
    mutated = islice(mutated_ooni_samples(), 0, None, 40)
    cuts = islice(cuts_of(RECORDED / "http-blockpage.jsonl.gz"), 0, None, 5)
    yield from (raw for _, raw in chain(recorded, ooni_samples(), hostile(), mutated, cuts))


@pytest.fixture(scope="module")
def rows() -> Rows:
    return rows_of(lines())


def test_sqlite_and_duckdb_decide_alike(rows: Rows) -> None:
    assert {kind for kind, _ in TABLES.values()} == rows.keys()
    assert len(rows[AddressRow]) > 500
    with SQLiteEngine() as sqlite, DuckDBEngine() as duckdb:
        assert disagreements(rows, sqlite, duckdb) == []


def test_other_rules_disagree(rows: Rows) -> None:
    """Let one engine lack a rule, so that the comparison has something to find."""

    class Lacking(SQLiteEngine):
        def decide(self, rows, tables, subjects=()):  # type: ignore[no-untyped-def]
            left = {name: tuple(rule for rule in rules if rule.rule_id != NOWHERE) for name, rules in tables.items()}
            return super().decide(rows, left, subjects)

    with SQLiteEngine() as sqlite, Lacking() as lacking:
        found = disagreements(rows, sqlite, lacking)
    assert found and all(NOWHERE in text for text in found)


def test_command_compares_engines_on_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(tmp_path / "fixtures.zip")
    assert main(["write", file, "--only", "fixtures", "--jobs", "1"]) == 0
    assert main(["engines", file, "--jobs", "1"]) == 0
    assert "SQLite and DuckDB decide alike" in capsys.readouterr().out
