"""Print verdicts with their evidence: the transactions that decided, the rule, and what would give another verdict."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from probe.analysis.run_result.run_targets import targets_of
from probe.cli.screen import print_verdicts, say, wrapped
from probe.formats.origin import REAL, Origin
from probe.messages.terminal_cells import padded

if TYPE_CHECKING:
    from probe.analysis.engines.sql_engine import Engine
    from probe.analysis.observations.flat_measurement import FlatMeasurement

INDENT = 22


class Explanations:
    """Print verdicts with their evidence, in 80 columns."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine

    def say_all(
        self,
        records: Sequence[Mapping[str, Any]],
        measurement: dict[str, Any],
        plain: bool,
        origin: Origin,
        facts: "FlatMeasurement | None" = None,
    ) -> None:
        """Print the verdicts of one measurement with their evidence, under one heading if it is artificial.

        `facts` is the flattened measurement, if it is known already.
        """
        from probe.analysis.verdicts.verdicts import flat_measurement_of
        from probe.run_page.verdict_reasons import VerdictReasons

        if not records:
            return
        reasons = VerdictReasons(facts or flat_measurement_of(measurement), records, measurement, self._engine)
        for number, record in enumerate(records):
            shown = REAL if number else origin
            print_verdicts([record], sys.stdout, plain, origin=shown, evidence=False, targets=targets_of([measurement]))
            for title, rows in reasons.of(record):
                _say_list(title, rows)
            say(sys.stdout)


def _say_list(title: str, rows: list[str]) -> None:
    for number, row in enumerate(rows):
        say(sys.stdout, wrapped(row, INDENT, "    " + padded(title if number == 0 else "", INDENT - 4)))
