"""Test verdicts on answers whose bytes still arrive at the time limit. No device that drops them does that."""

from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from probe.formats.failures import TIMEOUT
from probe.formats.transactions import StreamEnd
from tests.support.measurements.lines import GENUINE, SECOND, Lines
from tests.support.measurements.transfers import HOST, URL, entry, measured

HTTP, TLS = f"http:{TIMEOUT}", f"tls:{TIMEOUT}"
FREE, SLOW = entry(), entry(2_000)


def stream(after: int = 9_000, silence: float = 0.4) -> StreamEnd:
    return StreamEnd(bytes_received=after + 1900, bytes_sent=601, bytes_after_sent=after, silence=silence)


ARRIVING, NOTHING = stream(), stream(0, 4.0)


def judged(
    first: str, confirm: str, *streams: StreamEnd, control: str = "ok", addresses: tuple[str, ...] = (GENUINE, GENUINE)
) -> tuple[str, list[str], str]:
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, *dict.fromkeys(addresses))
    lines.encrypted(HOST, *dict.fromkeys(addresses))
    for address in dict.fromkeys(addresses):
        lines.innocuous(URL, address)
        lines.control(URL, address, control)
    lines.first(URL, addresses[0], first, stream=streams[0], t0=1.0, t=5.0, http_seconds=4.0)
    lines.confirm(URL, addresses[1], confirm, stream=streams[1], t0=6.0, t=16.0, http_seconds=10.0)
    if addresses[0] != addresses[1]:
        lines.confirm(URL, addresses[0], first, stream=streams[0], t0=6.0, t=10.0)
        lines.first(URL, addresses[1], confirm, stream=streams[1], t0=1.0, t=11.0)
    (record,) = judge_measurement(lines.line(), file="a.jsonl", number=1)
    return record["state"], record["mechanisms"], record["rule_id"]


@pytest.mark.parametrize("second", [ARRIVING, NOTHING, stream(9_000, 3.9), stream(1_000)])
def test_answer_that_still_arrives_is_no_timeout_of_a_censor(second: StreamEnd) -> None:
    assert judged(HTTP, HTTP, ARRIVING, second) == ("impaired", [], "http_arrives_too_slowly")
    assert judged(HTTP, HTTP, second, ARRIVING) == ("impaired", [], "http_arrives_too_slowly")


def test_answer_with_a_long_gap_still_arrives() -> None:
    """Show a last byte 5 s after the request. TCP waits so long between two segments that a queue lost."""
    assert judged(HTTP, HTTP, NOTHING, stream(9_000, 5.0)) == ("impaired", [], "http_arrives_too_slowly")
    assert judged(HTTP, HTTP, NOTHING, stream(9_000, 8.0))[2] != "http_arrives_too_slowly"


@pytest.mark.parametrize("one", [NOTHING, stream(1_400, 0.1)])
def test_request_without_an_answer_is_a_timeout(one: StreamEnd) -> None:
    assert judged(HTTP, HTTP, one, NOTHING)[:2] == ("likely_blocked", ["http.timeout"])


def test_reset_beside_a_slow_answer_does_not_become_slow() -> None:
    assert judged(HTTP, "http:connection_reset", ARRIVING, NOTHING)[2] != "http_arrives_too_slowly"


def test_server_that_fails_for_the_control_too_is_down() -> None:
    assert judged(HTTP, HTTP, ARRIVING, ARRIVING, control=HTTP)[0] == "down"


TWO = (GENUINE, SECOND)


def test_handshake_without_an_answer_is_not_accused_beside_slow_answers_to_the_name() -> None:
    state, mechanisms, _ = judged(TLS, HTTP, NOTHING, ARRIVING, addresses=TWO)
    assert (state, mechanisms) == ("impaired", [])
    state, mechanisms, _ = judged(TLS, HTTP, NOTHING, NOTHING, addresses=TWO)
    assert state == "blocked" and "tls.timeout" in " ".join(mechanisms)


def test_slow_handshake_is_not_accused() -> None:
    assert judged(TLS, TLS, ARRIVING, NOTHING) == ("impaired", [], "tls_times_out_beside_slow_answers")


# -- with pairs of transfers ------------------------------------------------------------------------------------------

HARD: dict[str, Any] = {"pages": (), "outcome": HTTP, "stream": ARRIVING, "http_seconds": 4.0}


def test_page_too_slow_for_the_limit_is_slowed_down_if_a_pair_shows_it() -> None:
    (record,) = judge_measurement(measured((SLOW, FREE), **HARD), file="a", number=1)
    assert (record["state"], record["mechanisms"]) == ("degraded", ["tls.throttle.sni"])
    assert record["throughput_ratio"]["high"] < 0.5 and record["rule_id"] == "service_name_throttled"


@pytest.mark.parametrize(
    ("pair", "about"),
    [
        ((FREE, FREE), {}),  # a slow server, or a limit of its address
        ((SLOW, SLOW), {}),  # a slow access line
        ((SLOW, FREE), {"control": [5_000.0]}),  # the server is slow for the control too
        ((SLOW, FREE), {"stream": stream(9_000, 3.9)}),  # the answer fell silent
        ((SLOW, FREE), {"stream": NOTHING}),
        ((SLOW | {"received": SLOW["received"][:30]}, FREE), {}),  # the transfer under the name stops too
    ],
)
def test_other_pages_too_slow_for_the_limit_are_not_slowed_down(
    pair: tuple[dict[str, Any], dict[str, Any]], about: dict[str, Any]
) -> None:
    (record,) = judge_measurement(measured(pair, **HARD | about), file="a", number=1)
    assert "tls.throttle.sni" not in record["mechanisms"] and record["state"] != "degraded"
