"""Test verdicts on HTTP answers that stop in the middle: by name, at one address, at times, and look-alikes."""

from typing import Any

import pytest

from probe.formats.transactions import StreamEnd
from tests.support.measurements.lines import GENUINE, Lines
from tests.support.measurements.stopped_answers import Parts, add_transfer, judged_in_short

HOST, TIMEOUT = "web.telegram.org", "generic_timeout_error"
URL, OTHER = f"https://{HOST}:443/", "https://other.telegram.org:443/"
STATUS_LINE, NONE = "ok", f"http:{TIMEOUT}"


def stopped(received: int = 16000, packets: int = 25, *, acked: bool | None = False, **more: Any) -> Parts:
    """Return what a transfer shows that stopped after `received` bytes in `packets`. `acked` None: not known."""
    told = {} if acked is None else {"bytes_acked": 602 if acked else 601}
    known = {} if packets < 0 else {"segments_in": packets // 2, "segments_out": packets - packets // 2}
    after = more.pop("after", received - 2000)
    end = StreamEnd(
        bytes_received=received,
        bytes_sent=601,
        bytes_after_sent=after,
        silence=more.pop("silence", 3.9),
        segment_size=more.pop("segment", 1448),
        **told,
        **known,
    )
    return {"stream": end, "body_failure": TIMEOUT} | more


def whole(received: int = 22000, packets: int = 33, **more: Any) -> Parts:
    """Return what a complete transfer shows."""
    return stopped(received, packets, acked=True, silence=0.01, **more) | {"body_failure": None}


SMALL_BYTES = stopped(16000, 55, segment=524)
SMALL_PACKETS = stopped(3000, 26, segment=524)
PEER_IGNORES_SIZE = stopped(16000, 25, segment=524)
SMALL_WHOLE = whole(22000, 70, segment=524)


def page(outcome: str = STATUS_LINE, *, control: Parts | None = None, **parts: Parts) -> Lines:
    """Return a measurement of one page, with the flows of `parts` in their usual order. None: no such flow."""
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.innocuous(URL, GENUINE)
    lines.first(URL, GENUINE, outcome, **{"t0": 1.0, "t": 5.0} | (parts.get("first") or stopped()))
    lines.confirm(URL, GENUINE, outcome, **{"t0": 6.0, "t": 16.0} | (parts.get("confirm") or stopped()))
    add_transfer(lines, URL, "small_segments_transfer", parts.get("small"), outcome, 17.0)
    add_transfer(lines, URL, "innocuous_name_transfer", parts.get("other"), STATUS_LINE, 17.0)
    add_transfer(lines, URL, "neutral_host_transfer", parts.get("neutral"), STATUS_LINE, 17.0)
    add_transfer(lines, URL, "same_transfer_again", parts.get("again"), outcome, 22.0)
    lines.control(URL, GENUINE, **(whole() if control is None else control))
    return lines


BY_NAME: Parts = {"other": whole(), "neutral": whole(42000, 60), "again": stopped()}
AT_ADDRESS: Parts = {"other": stopped(), "neutral": whole(42000, 60), "again": stopped()}


@pytest.mark.parametrize("outcome", [STATUS_LINE, NONE])
@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (BY_NAME | {"small": SMALL_BYTES}, ("blocked", "flow.freeze.bytes", "http_freezes_for_name")),
        (BY_NAME | {"small": SMALL_PACKETS}, ("blocked", "flow.freeze.packets", "http_freezes_for_name")),
        (BY_NAME | {"small": SMALL_WHOLE}, ("blocked", "flow.freeze", "http_freezes_for_name")),
        (BY_NAME, ("blocked", "flow.freeze", "http_freezes_for_name")),
        (BY_NAME | {"small": PEER_IGNORES_SIZE}, ("blocked", "flow.freeze", "http_freezes_for_name")),
        (AT_ADDRESS | {"small": SMALL_BYTES}, ("likely_blocked", "flow.freeze.bytes", "http_freezes_at_address")),
        (
            AT_ADDRESS | {"small": SMALL_PACKETS},
            ("likely_blocked", "flow.freeze.packets", "http_freezes_at_address"),
        ),
    ],
)
def test_stops_at_one_place_are_interference(outcome: str, parts: Parts, expected: tuple[str, str, str]) -> None:
    state, mechanism, rule_id = expected
    assert judged_in_short(page(outcome, **parts)) == (state, [mechanism], rule_id)


def test_name_is_accused_where_the_system_counts_no_packets() -> None:
    """Show that on a system without TCP_INFO and TCP_MAXSEG the name alone decides."""
    known = stopped(packets=-1, acked=None)
    parts = {"first": known, "confirm": known, "again": known, "other": whole(packets=-1)}
    assert judged_in_short(page(**parts)) == ("blocked", ["flow.freeze"], "http_freezes_for_name")


def test_connections_that_stop_at_times_work_badly() -> None:
    parts = AT_ADDRESS | {"confirm": whole(), "small": SMALL_PACKETS}
    assert judged_in_short(page(**parts)) == (
        "degraded",
        ["flow.freeze.packets"],
        "http_freezes_at_address_at_times",
    )


@pytest.mark.parametrize(
    ("parts", "control"),
    [
        (AT_ADDRESS | {"small": SMALL_BYTES, "neutral": None}, None),  # nothing longer arrives from anywhere: a quota
        (AT_ADDRESS | {"small": SMALL_BYTES, "neutral": whole(42000, 60, t0=0.2, t=0.4)}, None),  # used up since then
        (AT_ADDRESS | {"small": SMALL_WHOLE}, None),  # only large packets are lost
        (AT_ADDRESS | {"small": SMALL_BYTES, "again": None}, None),  # it was not seen again after the comparison
        (AT_ADDRESS | {"small": SMALL_BYTES, "again": stopped(8000, 14)}, None),  # packets lost at random
        (BY_NAME | {"small": SMALL_BYTES, "again": whole()}, None),  # an outage has ended
        (BY_NAME | {"small": SMALL_BYTES, "again": stopped(8000, 14)}, None),  # packets lost at random
        (BY_NAME | {"small": SMALL_BYTES, "again": stopped(t0=16.5, t=16.9)}, None),  # an outage ended before the other
        (BY_NAME | {"small": SMALL_BYTES}, whole(http_seconds=3.0)),  # the server pauses for the control too
        (BY_NAME | {"small": SMALL_BYTES}, whole(9000, 14)),  # another page at the control
    ],
)
def test_other_stops_have_an_unclear_cause(parts: Parts, control: Parts | None) -> None:
    state, mechanisms, rule_id = judged_in_short(page(control=control, **parts))
    assert (mechanisms, state in {"impaired", "ok"}) == ([], True), rule_id


def test_server_that_acknowledges_what_is_sent_has_stopped_by_itself() -> None:
    """Show that a path that passes acknowledgements is not frozen, whatever was compared."""
    alive = stopped(acked=True)
    for others in (BY_NAME, AT_ADDRESS):
        parts = others | {"first": alive, "confirm": alive, "again": alive, "small": SMALL_BYTES}
        assert judged_in_short(page(**parts)) == ("impaired", [], "http_stops_midway")


def test_address_is_not_accused_where_acknowledgements_are_not_known() -> None:
    known = stopped(acked=None)
    parts = AT_ADDRESS | {"first": known, "confirm": known, "again": known, "small": SMALL_BYTES}
    assert judged_in_short(page(**parts)) == ("impaired", [], "http_stops_midway")


def test_page_that_is_complete_once_more_is_not_accused_by_name() -> None:
    lines = page(**BY_NAME, small=SMALL_BYTES)
    add_transfer(lines, URL, "same_transfer_again", whole(), STATUS_LINE, 27.0)
    assert judged_in_short(lines)[:2] == ("impaired", [])


def test_short_page_under_another_name_says_nothing_about_the_name() -> None:
    lines = page(**BY_NAME | {"small": SMALL_BYTES, "other": whole(9000, 14)})
    assert judged_in_short(lines) == ("impaired", [], "http_stops_midway")


@pytest.mark.parametrize("outcome", [STATUS_LINE, NONE])
def test_server_that_stops_for_the_control_too_is_not_accused(outcome: str) -> None:
    lines = page(outcome, control=stopped(), **BY_NAME, small=SMALL_BYTES)
    assert judged_in_short(lines)[:2] == ("ok" if outcome == STATUS_LINE else "impaired", [])


def test_pages_that_arrive_slowly_are_ok() -> None:
    slow = stopped(silence=0.7)
    assert judged_in_short(page(first=slow, confirm=slow))[:2] == ("ok", [])


def test_session_tickets_are_no_answer() -> None:
    """Show that a request without any answer is silence from the start, and not an answer that stopped."""
    tickets = stopped(2500, 16, after=500)
    lines = page(NONE, first=tickets, confirm=tickets)
    assert judged_in_short(lines) == ("likely_blocked", ["http.timeout"], "fails_here_again")


def test_one_stop_without_a_status_line_is_no_missing_answer() -> None:
    """Show that a silence after some bytes is not taken for a request without any answer."""
    lines = page(NONE, confirm=stopped(2500, 16, after=500))
    assert judged_in_short(lines) == ("impaired", [], "http_stops_midway")
