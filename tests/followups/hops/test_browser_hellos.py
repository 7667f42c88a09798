"""Test hop searches after a browser's hello failed at an endpoint that answers ours."""

from pathlib import Path

import pytest

from probe.followups.flow import FlowRunner
from probe.followups.hops.hop_search import HopSearch
from probe.followups.hops.limited_payloads import Case, stream_payload
from probe.formats import failures as f
from probe.session.trace import Trace, TransactionFacts
from probe.wire.tls.client_hello import carries_ech
from tests.followups.hops.test_hop_search import HOP, HTTPS, IP, NAME, PORT, Path8, path
from tests.support.world import INNOCUOUS, World

__all__ = ["path"]

BROWSER, WITHOUT_ECH, OTHER_NAME = "browser_hello", "browser_hello_without_ech", "harmless_browser_hello"
NAME_FAILS = [(BROWSER, f.RESET), (WITHOUT_ECH, f.RESET), (BROWSER, f.RESET), (OTHER_NAME, None)]
NAME_WITH_ECH_FAILS = [(BROWSER, f.TIMEOUT), (WITHOUT_ECH, None), (BROWSER, f.TIMEOUT), (OTHER_NAME, None)]
ECH_FAILS = [(BROWSER, f.RESET), (WITHOUT_ECH, None), (BROWSER, f.RESET), (OTHER_NAME, f.RESET)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def searching(
    world: World, hellos: list[tuple[str, str | None]], operation: str = "tls_handshake"
) -> tuple[Trace, HopSearch]:
    """Record an endpoint that answered, and then these hellos with their failures."""
    trace = Trace()
    where = HopSearch(FlowRunner(trace, world.session))
    about = {"service": "web", "endpoint": HTTPS.url, "address": IP, "port": PORT, "family": 4}
    async with trace.transaction(TransactionFacts("first", sent_name=NAME, **about)) as own:
        pass
    for followup, failure in hellos:
        name = INNOCUOUS if followup == OTHER_NAME else NAME
        facts = TransactionFacts(
            "followup", followup=followup, cause=own.record.transaction_id, sent_name=name, **about
        )
        async with trace.transaction(facts) as tx:
            pass
        if failure is not None:
            tx.record.failed_operation, tx.record.failure = operation, failure
    where.cases.note_attempt(own.record, HTTPS)
    return trace, where


@pytest.mark.parametrize(
    ("hellos", "host", "by_silence"),
    [(NAME_FAILS, NAME, False), (NAME_WITH_ECH_FAILS, NAME, True), (ECH_FAILS, INNOCUOUS, False)],
)
async def test_hello_that_failed_is_sent_again_as_the_browser_sends_it(
    world: World, hellos: list[tuple[str, str | None]], host: str, by_silence: bool
) -> None:
    trace, where = await searching(world, hellos)
    (case,) = where.cases.of({NAME})
    assert (case.kind, case.host, case.by_silence) == ("tls", host, by_silence) and case.by_browser
    assert case.is_trigger == (host == NAME) and not case.any_name
    (cause,) = [record for record in trace.transactions if record.transaction_id == case.cause]
    assert cause.followup == BROWSER and cause.failure == hellos[0][1]
    hello = stream_payload(case, short=True)
    assert carries_ech(hello) and host.encode() in hello and len(hello) < 1400


@pytest.mark.parametrize(
    "hellos",
    [
        [],
        NAME_FAILS[:1],
        [(BROWSER, f.RESET), (WITHOUT_ECH, None), (BROWSER, None)],
        [(BROWSER, f.RESET), (BROWSER, f.TIMEOUT), (OTHER_NAME, None)],
        [(BROWSER, f.RESET), (WITHOUT_ECH, f.RESET), (BROWSER, f.RESET), (OTHER_NAME, f.RESET)],
        [(BROWSER, f.SSL_UNKNOWN_AUTHORITY), (BROWSER, f.SSL_UNKNOWN_AUTHORITY), (OTHER_NAME, None)],
        NAME_FAILS[:3],
    ],
)
async def test_hello_whose_failure_shows_no_interference_is_not_searched(
    world: World, hellos: list[tuple[str, str | None]]
) -> None:
    """Test single failures, different ones, a server that refuses browsers' hellos, and certificates."""
    _, where = await searching(world, hellos)
    assert where.cases.of({NAME}) == []


async def test_failed_connects_of_browsers_are_not_searched(world: World) -> None:
    _, where = await searching(world, NAME_FAILS, operation="connect")
    assert where.cases.of({NAME}) == []


@pytest.mark.parametrize(("hellos", "triggers"), [(NAME_FAILS, True), (ECH_FAILS, False)])
async def test_innocuous_name_with_the_extension_costs_no_trigger(
    world: World, path: Path8, hellos: list[tuple[str, str | None]], triggers: bool
) -> None:
    trace, where = await searching(world, hellos)
    await where.find({NAME})
    limited = [record for record in trace.transactions if record.followup == "limited_payload"]
    assert world.session.located["tls"].high == HOP and limited and trace.bugs == []
    assert {record.trigger for record in limited} == {triggers}
    assert {record.sent_name for record in limited} == {NAME if triggers else INNOCUOUS}
    assert world.session.pace.triggers == (len(limited) if triggers else 0)


def test_browsers_hello_keeps_its_form_in_one_segment() -> None:
    """Test that only the large key share and the padding are missing, so that lists of programs still know it."""
    case = Case("tls", "web", NAME, IP, PORT, False, 1, HTTPS, by_browser=True)
    short = stream_payload(case, short=True)
    assert b"\x11\xec" in short and len(stream_payload(case, short=False)) < 1400  # group X25519MLKEM768
