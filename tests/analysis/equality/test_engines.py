"""Test that SQLite and DuckDB judge alike: recorded, foreign and hostile measurements."""

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import pytest

from probe.analysis.engines.duckdb_engine import DuckDBEngine
from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.pipeline.steps import STATEMENTS
from probe.analysis.sql.statement import Statement
from probe.analysis.verdicts.verdicts import Flattened
from tests.analysis.equality.__main__ import main
from tests.analysis.equality.engines import disagreements
from tests.analysis.equality.judging import flattened
from tests.analysis.equality.sources import Line, cuts_of, hostile, lines_of, mutated_ooni_samples, ooni_samples
from tests.analysis.rules.test_every_rule_fires import RECORDED
from tests.support.measurements.pipeline_tables import statements_without

pytestmark = pytest.mark.timeout(600)  # for machines with other load
NOWHERE = "failure_follows_name_to_neutral_host:tls:reset"


def lines() -> Iterator[Line]:
    recorded = chain.from_iterable(map(lines_of, sorted(RECORDED.glob("*.jsonl.gz"))))
    mutated = islice(mutated_ooni_samples(), 0, None, 40)
    cuts = islice(cuts_of(RECORDED / "http-blockpage.jsonl.gz"), 0, None, 5)
    yield from chain(recorded, ooni_samples(), hostile(), mutated, cuts)


def usable(found: Iterator[Line]) -> list[Flattened]:
    return [one for one in (flattened(*line) for line in found) if isinstance(one, Flattened)]


@pytest.mark.parametrize("tenth", range(10))
def test_sqlite_and_duckdb_judge_alike(tenth: int) -> None:
    with SQLiteEngine() as sqlite, DuckDBEngine() as duckdb:
        counted, found = disagreements(usable(islice(lines(), tenth, None, 10)), sqlite, duckdb)
    assert found == []
    assert counted > 200


def test_engine_without_a_rule_disagrees() -> None:
    """Let one engine lack a rule, so that the comparison has something to find."""
    left = {statement.name: statement for statement in statements_without(NOWHERE)}
    assert [each for each in STATEMENTS if left[each.name] != each]

    class Lacking(SQLiteEngine):
        def run(self, statement: Statement) -> None:
            super().run(left[statement.name])

    with SQLiteEngine() as sqlite, Lacking() as lacking:
        _, found = disagreements(usable(lines_of(RECORDED / "sni-reset.jsonl.gz")), sqlite, lacking)
    rows = [text for text in found if not text.startswith("other records: ")]
    assert rows and all(NOWHERE in text for text in rows)
    assert len(rows) < len(found)


def test_command_compares_engines_on_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(tmp_path / "fixtures.zip")
    assert main(["write", file, "--only", "fixtures", "--jobs", "1"]) == 0
    assert main(["engines", file, "--jobs", "1"]) == 0
    assert "SQLite and DuckDB decide alike" in capsys.readouterr().out
