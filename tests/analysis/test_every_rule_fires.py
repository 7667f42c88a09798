"""Every rule decides something in at least one scenario: judged from what the scenarios' runs recorded.

`python -m tests.analysis.test_every_rule_fires` prints the rules that no recording needs.
"""

import gzip
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from probe.analysis.engine import SQLiteEngine, Tables
from probe.analysis.rows import WideRow
from probe.analysis.rules import RULES
from probe.analysis.verdicts import judge_line

RECORDED = Path(__file__).parents[2] / "probe" / "lab" / "recorded"


class _Noting(SQLiteEngine):
    """Keeps the rules that it has named."""

    def __init__(self) -> None:
        super().__init__()
        self.fired: set[str] = set()

    def decide(self, rows: Sequence[WideRow], tables: Tables) -> list[dict[str, str]]:
        decided = super().decide(rows, tables)
        self.fired.update(rule_id for rules in decided for rule_id in rules.values())
        return decided


@cache
def _fired(path: Path) -> frozenset[str]:
    with _Noting() as engine, gzip.open(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            judge_line(json.loads(line), file=path.name, number=number, engine=engine)
    return frozenset(engine.fired)


def never_fired() -> list[str]:
    """The ids of the rules that no recording needs, in the order of judging."""
    fired: set[str] = set()
    for path in sorted(RECORDED.glob("*.jsonl.gz")):
        fired |= _fired(path)
    return [rule_id for rule_id in RULES if rule_id not in fired]


def test_every_rule_fires_in_a_scenario() -> None:
    assert never_fired() == []


if __name__ == "__main__":
    print("\n".join(never_fired()))
