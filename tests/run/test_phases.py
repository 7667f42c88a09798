"""Test which phase the open transactions give."""

import pytest

from probe.formats.transactions import Kind, TransactionRecord
from probe.run.phases import Phase, phase_of
from probe.session.trace import Trace


def trace(*kinds: tuple[Kind, bool]) -> Trace:
    """Return a trace with a transaction per kind, open where the second value is True."""
    made = Trace()
    made.transactions = [
        TransactionRecord(transaction_id=number, kind=kind, t0=0.1, t=0.0 if is_open else 0.5)
        for number, (kind, is_open) in enumerate(kinds, 1)
    ]
    return made


@pytest.mark.parametrize(
    ("kinds", "phase"),
    [
        ([], "names"),
        ([("lookup", True)], "names"),
        ([("lookup", False)], "names"),
        ([("lookup", True), ("innocuous", True)], "connections"),
        ([("lookup", False), ("first", True), ("confirm", True)], "connections"),
        ([("first", True), ("followup", True)], "closer_look"),
        ([("lookup", True), ("first", False)], "helper"),
        ([("first", False), ("followup", False)], "helper"),
    ],
)
def test_last_phase_that_is_under_way_counts(kinds: list[tuple[Kind, bool]], phase: Phase) -> None:
    assert phase_of([trace(*kinds)], asks_helper=True) == phase


def test_without_a_helper_late_answers_are_waited_for() -> None:
    assert phase_of([trace(("first", False))], asks_helper=False) == "late_answers"


def test_media_flows_come_after_everything_else() -> None:
    waiting = trace(("first", False), ("followup", False))
    waiting.awaits_media = True
    assert phase_of([waiting], asks_helper=True) == "call_packets"
    assert phase_of([waiting, trace(("first", True))], asks_helper=True) == "connections"


def test_measurements_side_by_side_count_together() -> None:
    assert phase_of([trace(("first", False)), trace(("followup", True))], asks_helper=True) == "closer_look"
    assert phase_of([], asks_helper=True) == "names"
