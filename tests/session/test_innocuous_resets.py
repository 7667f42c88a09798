"""Test which resets of innocuous flows show that a network resets connections at random."""

from typing import Any

import pytest

from probe.formats import failures as f
from probe.formats.exchanges.tls import ParallelHellos, TLSHandshake
from probe.formats.transactions import TransactionRecord
from probe.session.innocuous_resets import InnocuousName, ResetCounts
from probe.signatures.parallel_hellos import SOON

NAME = "example.org"
FIRST, SECOND = ("192.0.2.1", "telegram"), ("198.51.100.1", "neutral.example")


def note(
    counts: ResetCounts,
    at: tuple[str, str],
    failure: str | None = None,
    *,
    named: bool = False,
    beside: int = 0,
    name: str = NAME,
    operation: str = "tls_handshake",
) -> None:
    address, owner = at
    operated = operation if failure else None
    about: dict[str, Any] = {"transaction_id": 1, "kind": "innocuous"}
    record = TransactionRecord(**about, failure=failure, failed_operation=operated)
    parallel = ParallelHellos(open=beside, most=beside, elsewhere=0, crowded=0, crowded_answered=0)
    entry = TLSHandshake(transaction_id=1, address=f"{address}:443", x_parallel=parallel)
    counts.note(InnocuousName(address, 443, name, owner), record, [entry], named=named)


def test_names_that_pass_after_a_reset_are_counted_by_network_and_owner() -> None:
    counts = ResetCounts()
    for at in (FIRST, SECOND):
        note(counts, at, f.RESET)
    assert counts.counted() is None and counts.to_repeat() == {"telegram", "neutral.example"}
    for at in (FIRST, SECOND, ("192.0.2.2", "telegram")):
        note(counts, at, named=True)  # the pass may come after a target's name
    found = counts.counted()
    assert found is not None and counts.to_repeat() == set()
    assert (found.flows, found.resets, found.networks, found.owners) == (2, 2, 2, 2)
    note(counts, ("192.0.2.3", "telegram"), f.RESET)
    note(counts, ("192.0.2.3", "telegram"))
    found = counts.counted()
    assert found is not None and (found.flows, found.resets, found.networks, found.owners) == (4, 3, 2, 2)


@pytest.mark.parametrize(
    "reset",
    [
        {"named": True},  # may be residual censorship
        {"operation": "connect"},
        {"name": "example.com"},  # the server may refuse one of the names
    ],
)
def test_reset_with_another_explanation_does_not_count(reset: dict[str, Any]) -> None:
    counts = ResetCounts()
    note(counts, FIRST, f.RESET, **reset)
    note(counts, FIRST)
    assert counts.counted() is None


@pytest.mark.parametrize("failure", [f.TIMEOUT, f.EOF, f.INTERRUPTED])
def test_other_failures_do_not_count(failure: str) -> None:
    counts = ResetCounts()
    note(counts, FIRST, failure)
    note(counts, FIRST)
    assert counts.counted() is None


def test_name_that_is_always_reset_shows_nothing() -> None:
    counts = ResetCounts()
    for _ in range(5):
        note(counts, FIRST, f.RESET)
        note(counts, SECOND)
    assert counts.counted() is None


def test_reset_beside_others_counts_only_if_the_name_passes_before_a_policer_forgets() -> None:
    for later, beside, counts_it in ((SOON - 1, 2, True), (SOON + 1, 2, False), (SOON + 1, 1, True)):
        now = [100.0]
        counts = ResetCounts(lambda moment=now: moment[0])
        note(counts, FIRST, f.RESET, beside=beside)
        now[0] += later
        note(counts, FIRST)
        assert (counts.counted() is not None) is counts_it
