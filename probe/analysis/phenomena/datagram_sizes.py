"""Define the longest datagram that passes here: random ones above a size are lost on the way to the helper's echo.

The sizes that a service needs are that of its own request, that of the answer which the helper got, and 1200 bytes for
QUIC. A censor that drops a service's datagrams does not drop random ones of equal size.
"""

from dataclasses import dataclass
from typing import Any

from probe.analysis.observations.failure_kinds import TIMEOUT, kind_of
from probe.analysis.observations.lenient_json import failure, flag, number, text
from probe.analysis.phenomena.phenomenon import Phenomenon, RowPart
from probe.analysis.rules.rule import Kind, Rule, State
from probe.analysis.sql.column import column
from probe.analysis.sql.link_counts import CONTROL, or_zero
from probe.analysis.sql.statement import Statement
from probe.analysis.sql.subject import SUBJECT, same_subject
from probe.messages import mark

FOLLOWUP = "datagram_sizes"
QUIC_SIZE = 1200  # bytes of the datagrams of a QUIC handshake (RFC 9000, 14.1)
ANSWERS = ("stun", "reflector", "dtls", "sip")


def size_columns(record: dict[str, Any], entries: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return how long the datagrams of a flow were: of an answer, of one to the helper's echo, or of the sizes."""
    echoes = entries.get("echoes", [])
    if text(record.get("followup")) == FOLLOWUP:
        return _sizes(echoes)
    answers = [number(entry.get("x_answer_size")) for kind in ANSWERS for entry in entries.get(kind, [])]
    return {"answer_size": max(answers, default=0), "echo_size": number(echoes[-1].get("size")) if echoes else 0}


def _sizes(echoes: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the longest datagram that came back, and the one that was lost although it was sent several times."""
    came = [number(entry.get("size")) for entry in echoes if flag(entry.get("echoed")) and not entry.get("failure")]
    lost = [
        number(entry.get("size"))
        for entry in echoes
        if kind_of(failure(entry.get("failure"))) == TIMEOUT and number(entry.get("x_sent")) >= 2
    ]
    return {"size_passed": max(came, default=0), "size_lost": min(lost, default=0)}


_SENT = (
    f"SELECT m, family, count(*) AS flows FROM flow WHERE origin = 'probe' AND followup = '{FOLLOWUP}'"
    " GROUP BY m, family"
)

LIMITS = Statement(
    "datagram_limit",
    "The longest datagram that came back from the helper's echo, where longer ones were lost in two flows.",
    ("m", "family"),
    "SELECT m, family, max(size_passed) AS passed FROM flow"
    f" WHERE origin = 'probe' AND followup = '{FOLLOWUP}' AND size_passed > 0 AND size_lost > 0"
    " GROUP BY m, family HAVING count(*) >= 2 AND max(size_passed) < min(size_lost)",
)

LIMITS_OF_ADDRESSES = Statement(
    "address_datagram_limit",
    "The same for each address: of its family, or of the other one if the helper has no echo in this family. Also the"
    " longest answer that the control got, and the size of the service's own datagram.",
    SUBJECT,
    "SELECT s.m, s.endpoint, s.address, max(d.passed) AS passed,"
    f" max(CASE WHEN {CONTROL} THEN k.answer_size ELSE 0 END) AS answer,"
    " max(CASE WHEN role = 'same_echo' THEN k.echo_size ELSE 0 END) AS request"
    " FROM subject s JOIN datagram_limit d ON d.m = s.m"
    f" LEFT JOIN linked k ON {same_subject('k', 's')}"
    f" LEFT JOIN ({_SENT}) e ON e.m = s.m AND e.family = s.address_family"
    " WHERE d.family = s.address_family OR e.m IS NULL GROUP BY s.m, s.endpoint, s.address",
)


@dataclass
class DatagramSizeColumns:
    """State the longest datagram that passes here, and the longest ones that the service needs."""

    datagram_limit: int = column(
        0,
        "Bytes of the longest datagram that came back from the helper's echo, if longer ones were lost twice.",
        or_zero("z.passed"),
    )
    longest_answer: int = column(
        0,
        "Bytes of the longest answer over UDP that the control got.",
        or_zero("z.answer"),
    )
    longest_request: int = column(
        0,
        "Bytes of the service's own datagram, if a copy was sent to the helper's echo.",
        or_zero("z.request"),
    )


_TOO_LONG = Kind(
    "datagrams_too_long_here",
    State.IMPAIRED,
    because=(
        "{hello} gets no answer, and random datagrams above a size are lost on the way to the helper's echo too, in "
        "two flows. Shorter ones come back. The request, or the answer that the helper got, is longer."
    ),
    plain=mark(
        "{service} needs longer packets (UDP) than this network lets through. Short packets pass, and long ones are "
        "lost on the way to an unrelated server too. A VPN, a satellite link or a mobile network can be the cause. "
        "Try another network."
    ),
)


def too_long_for_calls(layer: str, hello: str) -> Rule:
    """Return the rule about a protocol of calls whose request or answer is too long. `hello` begins a sentence."""
    return _TOO_LONG.rule(
        "payload_successes = 0 AND payload_timeouts >= 2 AND by_datagram AND datagram_limit > 0 AND "
        "NOT (same_silent > 0 AND other_echoed > 0) AND "
        "(longest_answer > datagram_limit OR longest_request > datagram_limit)",
        layer=layer,
        because={"hello": hello},
    )


TOO_LONG_FOR_QUIC = _TOO_LONG.rule(
    f"quic_successes = 0 AND quic_timeouts > 0 AND datagram_limit > 0 AND datagram_limit < {QUIC_SIZE}",
    layer="quic",
    because={"hello": "The QUIC handshake"},
)

DATAGRAM_SIZES = Phenomenon(
    "datagram_sizes",
    "Datagrams above a size are lost here, whatever they carry.",
    entry_columns=size_columns,
    address=RowPart(DatagramSizeColumns, {"z": "address_datagram_limit"}, (LIMITS, LIMITS_OF_ADDRESSES)),
)
