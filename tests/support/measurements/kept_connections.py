"""Make a measurement of one page, with connections that were kept open and ended at given ages."""

from typing import Any, NamedTuple

from probe.formats.transactions import StreamEnd
from probe.signatures.kept_connections import FAST_INTERVAL, LATER, SECONDS, SLOW_INTERVAL
from tests.support.measurements.lines import GENUINE, Lines

HOST, INNOCUOUS, NEUTRAL_HOST, NEUTRAL = "web.telegram.org", "www.example.com", "fedoraproject.org", "9.9.9.10"
URL = f"https://{HOST}:443/"
TIMEOUT, RESET, EOF = "generic_timeout_error", "connection_reset", "eof_error"
CONNECTED = 0.05  # seconds of the connect


class Kept(NamedTuple):
    """Hold one connection. `age`: when it ended, None if it lasted. `asked`: answers before it ended, if not by age."""

    followup: str = "kept_connection"
    name: str = HOST
    address: str = GENUINE
    began: float = 10.0
    interval: float = SLOW_INTERVAL
    age: float | None = 5.0
    failure: str = TIMEOUT
    acked: bool = False
    answers: int = 0


SLOW, FAST = Kept(), Kept(began=10.0 + LATER, interval=FAST_INTERVAL)
AGAIN = Kept(began=25.0)
OTHER = Kept("kept_connection_innocuous", INNOCUOUS, age=None)
ELSEWHERE = Kept("kept_connection_neutral", NEUTRAL_HOST, NEUTRAL, age=None)
ELSEWHERE_AGAIN = ELSEWHERE._replace(began=25.0)
NAME_ELSEWHERE = Kept("kept_connection_name_neutral", HOST, NEUTRAL, 25.0)
BY_NAME = (SLOW, FAST, OTHER, ELSEWHERE, AGAIN, NAME_ELSEWHERE, ELSEWHERE_AGAIN)
_BROKEN = StreamEnd(bytes_received=9000, bytes_sent=601, bytes_after_sent=7000, silence=3.9, bytes_acked=602)


def measured(*connections: Kept, control: bool = True, breaks_off: bool = False) -> dict[str, Any]:
    """Return a measurement of the page with these connections. `breaks_off`: the page never comes whole."""
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    if breaks_off:
        lines.twice(URL, GENUINE, "ok", stream=_BROKEN, body_failure=TIMEOUT)
    else:
        lines.first(URL, GENUINE)
    if control:
        lines.control(URL, GENUINE)
    measurement = lines.line()
    for each in connections:
        _add(measurement["test_keys"], each)
    return measurement


def _add(keys: dict[str, Any], kept: Kept) -> None:
    number = max(each["transaction_id"] for each in keys["x_transactions"]) + 1
    opened, whole = kept.began + CONNECTED, kept.age is None and not kept.answers
    ages = [round(place * kept.interval, 3) for place in range(round(SECONDS / kept.interval))]
    answered = ages[: kept.answers] if kept.answers else [age for age in ages if whole or age < (kept.age or 0.0)]
    asked = answered if whole else ages[: len(answered) + 1]
    failed = None if whole else kept.failure
    silence = 3.5 if failed == TIMEOUT else 0.1
    received, sent = 2400 + 150 * len(answered), 600 + 300 * len(asked)
    stream = {"bytes_received": received, "bytes_sent": sent, "bytes_acked": sent + 1 if whole or kept.acked else 601}
    stream |= {"bytes_after_sent": 0, "silence": silence, "segments_in": 20, "segments_out": 20, "last_byte": 5.0}
    keys["x_transactions"].append(
        {
            "transaction_id": number,
            "kind": "followup",
            "followup": kept.followup,
            "service": "web",
            "endpoint": URL,
            "address": kept.address,
            "port": 443,
            "family": 4,
            "sent_name": kept.name,
            "failure": failed,
            "failed_operation": "http_round_trip" if failed else None,
            "t0": kept.began,
            "t": opened + asked[-1] + silence,
            "stream": stream,
        }
    )
    _add_entries(keys["x_followups"], kept, number, opened, asked, answered)


def _add_entries(
    held: dict[str, Any], kept: Kept, number: int, opened: float, asked: list[float], answered: list[float]
) -> None:
    about = {"transaction_id": number, "failure": None, "address": f"{kept.address}:443"}
    connect = {"ip": kept.address, "port": 443, "status": {"failure": None, "success": True}}
    held.setdefault("tcp_connect", []).append(about | connect | {"t0": kept.began, "t": opened})
    hello = {"server_name": kept.name, "x_answered": True, "x_completed": True}
    held.setdefault("tls_handshakes", []).append(about | hello | {"t0": opened, "t": opened})
    hidden = HOST if kept.followup == "kept_connection_innocuous" else kept.name
    for place, age in enumerate(asked):
        begun = opened + age
        request = {"url": f"https://{hidden}/", "headers": {"Host": hidden}, "x_transport": "tcp"}
        ended: dict[str, Any] = {"t0": begun, "t": begun + 0.05, "response": {"code": 200}}
        if place >= len(answered):
            ended = {"t0": begun, "t": begun + 3.5, "failure": kept.failure, "response": {"code": 0}}
        held.setdefault("requests", []).append(about | {"request": request} | ended)
