"""Test verdicts where long datagrams are lost whatever they carry, and where a censor drops a service's beside it."""

import pytest

from probe.formats.exchanges.calls import STUNExchange, UDPEcho
from tests.analysis.outcomes import test_quic
from tests.analysis.outcomes.calls.test_calls import call, echoed, url_of
from tests.analysis.outcomes.test_connections import TIMEOUT, conclusion, judged
from tests.support.measurements.lines import Lines

RULE = "datagrams_too_long_here"
SILENT_AT_SERVER = ("likely_blocked", ["turn.timeout.other"])


def turn(answer: int | None, *ladders: tuple[tuple[int, ...], int], family: int = 4) -> Lines:
    """Return a TURN server that is silent here, with the size of its answer at the helper, and the sizes that pass."""
    lines = echoed("turn", same="ok")
    for _, entry in lines.at_control.entries:
        if isinstance(entry, STUNExchange):
            entry.x_answer_size = answer
    for passed, lost in ladders:
        lines.sizes(url_of("turn"), *passed, lost=lost, family=family)
    return lines


TWICE = (((48, 96), 192), ((96, 120), 144))


def test_answer_that_is_too_long_for_the_line_is_impaired() -> None:
    lines = turn(160, *TWICE)
    assert conclusion(lines) == ("impaired", [])
    assert judged(lines)["endpoints"][0]["rule_id"] == RULE


@pytest.mark.parametrize(
    ("answer", "ladders"),
    [
        (96, TWICE),  # short enough
        (None, TWICE),  # an older helper does not tell
        (160, TWICE[:1]),  # lost once, as in an outage
        (160, ()),
        (160, (((48, 96, 192, 384, 768, 1232), 0),)),  # all sizes pass, so the server is the reason
        (160, (((), 48), ((), 48))),  # none passes
        (500, (((48, 96), 192), ((96, 192, 384), 768))),  # what was lost first has passed since
    ],
)
def test_other_silence_at_the_server_is_still_accused(
    answer: int | None, ladders: tuple[tuple[tuple[int, ...], int], ...]
) -> None:
    assert conclusion(turn(answer, *ladders)) == SILENT_AT_SERVER


def test_request_that_is_too_long_for_the_line_is_impaired() -> None:
    lines = call("sip")
    for payload in ("other", "sip"):
        lines.echo(url_of("sip"), f"echo:{TIMEOUT}", payload=payload)
    for _, entry in lines.probe.entries:
        if isinstance(entry, UDPEcho):
            entry.size = 400
    assert conclusion(lines)[0] == "likely_blocked"
    for passed, lost in TWICE:
        lines.sizes(url_of("sip"), *passed, lost=lost)
    assert conclusion(lines) == ("impaired", [])


def test_dropped_payload_is_blocked_although_long_datagrams_are_lost() -> None:
    lines = echoed("stun")
    for passed, lost in TWICE:
        lines.sizes(url_of("stun"), *passed, lost=lost)
    assert conclusion(lines) == ("blocked", ["stun.timeout.payload"])


def test_quic_needs_long_datagrams() -> None:
    lines = test_quic.both()
    lines.innocuous(test_quic.QUIC, test_quic.GENUINE, test_quic.SILENT)
    lines.twice(test_quic.QUIC, test_quic.GENUINE, test_quic.SILENT)
    lines.control(test_quic.QUIC, test_quic.GENUINE)
    assert test_quic.conclusion(lines) == ("likely_blocked", ["quic.timeout.other"])
    lines.sizes(test_quic.QUIC, 48, 96, 192, 384, 768, lost=1232)
    lines.sizes(test_quic.QUIC, 768, 884, 1000, lost=1116)
    assert test_quic.conclusion(lines) == ("impaired", [])


def test_name_that_fails_over_quic_is_blocked_although_the_longest_datagrams_are_lost() -> None:
    lines = test_quic.blocked()
    before = test_quic.conclusion(lines)
    lines.sizes(test_quic.QUIC, 48, 96, 192, 384, 768, lost=1232)
    lines.sizes(test_quic.QUIC, 768, 884, 1000, lost=1116)
    assert test_quic.conclusion(lines) == before == ("blocked", ["quic.timeout.sni"])
