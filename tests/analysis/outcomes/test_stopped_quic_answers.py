"""Test verdicts on HTTP/3 answers that stop in the middle: by name, at one address, and look-alikes."""

from typing import Any

import pytest

from probe.formats.transactions import StreamEnd
from tests.support.measurements.lines import GENUINE, Lines
from tests.support.measurements.stopped_answers import Parts, add_transfer, judged_in_short

HOST, TIMEOUT = "www.facebook.com", "generic_timeout_error"
URL = f"quic://{HOST}:443/"
STATUS, NONE = "ok", f"http:{TIMEOUT}"


def stopped(received: int = 15000, datagrams: int = 23, *, ping: bool | None = False, **more: Any) -> Parts:
    """Return what a transfer shows that stopped. `ping`: the server acknowledged a PING after the stop."""
    end = StreamEnd(
        bytes_received=received,
        bytes_sent=2700,
        bytes_after_sent=more.pop("after", max(0, received - 1500)),
        silence=more.pop("silence", 4.7),
        segments_in=datagrams - datagrams // 3,
        segments_out=datagrams // 3,
        ping_acknowledged=ping,
    )
    return {"stream": end, "body_failure": TIMEOUT} | more


def whole(received: int = 20600, datagrams: int = 28, **more: Any) -> Parts:
    """Return what a complete transfer shows."""
    return stopped(received, datagrams, ping=None, silence=0.01, **more) | {"body_failure": None}


AFTER_PINGS_BYTES = stopped(13500, 65)
AFTER_PINGS_PACKETS = stopped(1700, 21, after=0, ping=None)


def page(outcome: str = STATUS, *, control: Parts | None = None, **parts: Parts | None) -> Lines:
    """Return a measurement of one page over QUIC, with the flows of `parts` in their usual order."""
    lines = Lines({"quic": [URL]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.innocuous(URL, GENUINE)
    lines.first(URL, GENUINE, outcome, **{"t0": 1.0, "t": 5.0} | (parts.get("first") or stopped()))
    lines.confirm(URL, GENUINE, outcome, **{"t0": 6.0, "t": 16.0} | (parts.get("confirm") or stopped()))
    add_transfer(lines, URL, "pings_before_transfer", parts.get("pings"), outcome, 17.0)
    add_transfer(lines, URL, "innocuous_name_transfer", parts.get("other"), STATUS, 17.0)
    add_transfer(lines, URL, "neutral_host_transfer", parts.get("neutral"), STATUS, 17.0)
    add_transfer(lines, URL, "same_transfer_again", parts.get("again"), outcome, 24.0)
    lines.control(URL, GENUINE, **(whole() if control is None else control))
    return lines


BY_NAME: Parts = {"other": whole(), "neutral": whole(45000, 58), "again": stopped()}
AT_ADDRESS: Parts = {"other": stopped(), "neutral": whole(45000, 58), "again": stopped()}


@pytest.mark.parametrize("outcome", [STATUS, NONE])
@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (
            BY_NAME | {"pings": AFTER_PINGS_BYTES},
            ("blocked", "flow.freeze.bytes", "http_freezes_for_name"),
        ),
        (
            BY_NAME | {"pings": AFTER_PINGS_PACKETS},
            ("blocked", "flow.freeze.packets", "http_freezes_for_name"),
        ),
        (BY_NAME, ("blocked", "flow.freeze", "http_freezes_for_name")),
        (BY_NAME | {"other": whole(20600, 30), "neutral": None}, ("blocked", "flow.freeze", "http_freezes_for_name")),
        (
            AT_ADDRESS | {"pings": AFTER_PINGS_BYTES},
            ("likely_blocked", "flow.freeze.bytes", "http_freezes_at_address"),
        ),
        (
            AT_ADDRESS | {"pings": AFTER_PINGS_PACKETS},
            ("likely_blocked", "flow.freeze.packets", "http_freezes_at_address"),
        ),
    ],
)
def test_stops_at_one_place_are_interference(outcome: str, parts: Parts, expected: tuple[str, str, str]) -> None:
    state, mechanism, rule_id = expected
    assert judged_in_short(page(outcome, **parts)) == (state, [mechanism], rule_id)


def test_connections_that_stop_at_times_work_badly() -> None:
    parts = AT_ADDRESS | {"confirm": whole(), "pings": AFTER_PINGS_PACKETS}
    assert judged_in_short(page(**parts)) == (
        "degraded",
        ["flow.freeze.packets"],
        "http_freezes_at_address_at_times",
    )


ACCUSING = AT_ADDRESS | {"pings": AFTER_PINGS_PACKETS}


@pytest.mark.parametrize(
    ("parts", "control"),
    [
        (ACCUSING | {"neutral": None}, None),  # nothing longer arrives from anywhere: a quota for UDP
        (ACCUSING | {"neutral": stopped()}, None),  # an access line that bears little UDP
        (ACCUSING | {"neutral": whole(45000, 58, t0=0.2, t=0.4)}, None),  # used up since then
        (ACCUSING | {"pings": whole(22000, 70)}, None),  # only large datagrams are lost
        (ACCUSING | {"again": None}, None),  # it was not seen again after the comparison
        (ACCUSING | {"again": stopped(8000, 14)}, None),  # datagrams lost at random
        (ACCUSING | {"first": stopped(ping=True)}, None),  # the server was alive after a stop
        (BY_NAME | {"again": whole()}, None),  # an outage has ended
        (BY_NAME | {"again": stopped(t0=16.5, t=16.9)}, None),  # an outage ended before the other name
        (BY_NAME | {"first": stopped(ping=True)}, None),
        (BY_NAME | {"other": whole(9000, 14)}, None),  # a short page under the other name
        (BY_NAME | {"other": whole(20600, 22)}, None),  # the whole page in fewer packets than every flow may have
        # An access line ends every flow, and the other name's last packet just passed. Its acknowledgements count too.
        (BY_NAME | {"other": whole(18200, 26), "neutral": stopped()}, None),
        (BY_NAME | {"other": whole(18200, 26), "neutral": None}, None),
        (BY_NAME, whole(http_seconds=3.0)),  # the server pauses for the control too
        (BY_NAME, whole(9000, 14)),  # another page at the control
        (BY_NAME, stopped()),  # the server stops for the control too
    ],
)
def test_other_stops_have_an_unclear_cause(parts: Parts, control: Parts | None) -> None:
    state, mechanisms, rule_id = judged_in_short(page(control=control, **parts))
    assert (mechanisms, state in {"impaired", "ok"}) == ([], True), rule_id


def test_page_of_a_neutral_host_over_tcp_shows_nothing_about_quic() -> None:
    """Show that a line whose UDP falls silent is not taken for a limit of one address, since TCP passes."""
    lines = page(**ACCUSING | {"neutral": None})
    add_transfer(lines, f"https://{HOST}:443/", "neutral_host_transfer", whole(45000, 58), STATUS, 17.0)
    assert judged_in_short(lines) == ("impaired", [], "http_stops_midway")


def test_stop_that_nothing_tested_accuses_no_address() -> None:
    untested = stopped(ping=None)
    parts = ACCUSING | {"first": untested, "confirm": untested, "again": untested}
    assert judged_in_short(page(**parts)) == ("impaired", [], "http_stops_midway")
