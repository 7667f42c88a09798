"""Define what the packets of other programs show, in measurements that were made from a capture (`probe/captures`).

A capture has no control, and certificates in it are encrypted. The program that was captured chose the addresses. Its
flows accuse by the rules that need no verified address: they compare names, or show another sender in the packets.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from probe.analysis.phenomena.phenomenon import Phenomenon, RowPart
from probe.analysis.rules.rule import Kind, Rule, State
from probe.analysis.sql.column import column
from probe.analysis.sql.expressions import same
from probe.analysis.sql.link_counts import TARGET, count, or_false, or_zero
from probe.analysis.sql.statement import Statement
from probe.analysis.sql.subject import SUBJECT
from probe.messages import mark

_COMPLETED = "((tls_tested AND tls_failure_kind = '') OR (quic_tested AND quic_failure_kind = ''))"

_RACES = Statement(
    "captured_race",
    "The queries to a resolver that got contradicting answers. `unlike`: those whose first answer differs in TTL or"
    " flags from the resolver's usual ones.",
    SUBJECT,
    "SELECT l.m, l.endpoint, l.address, count(*) AS raced, count(*) FILTER (WHERE u.unlike_usual) AS unlike"
    f" FROM resolver_query l JOIN resolver_race c ON {same('l', 'c', 'm', 'n', 'q')} AND c.forged_first"
    f" JOIN message u ON {same('l', 'u', 'm', 'n', 'q')} AND u.d = 1 GROUP BY l.m, l.endpoint, l.address",
)


@dataclass
class CapturedColumns:
    """Say what the flows of a capture to an address show."""

    captured: bool = column(
        False, "The measurement was made from a capture of other programs' packets.", or_false("w.captured")
    )
    captured_completions: int = column(
        0,
        "Handshakes with the name that went on in both directions. The server's certificate cannot be seen.",
        count(TARGET, _COMPLETED),
    )
    captured_races: int = column(0, "Queries with contradicting answers.", or_zero("u.raced"))
    captured_races_unlike: int = column(
        0, "Those whose first answer differs in TTL or flags from the resolver's usual ones.", or_zero("u.unlike")
    )


@dataclass
class CapturedName:
    """Say whether a name belongs to a capture."""

    name_captured: bool = column(
        False, "The measurement was made from a capture, whose program chose the addresses.", or_false("g.captured")
    )


NAME_OF_CAPTURE = Rule(
    "capture_chose_address",
    "name_captured AND dns_needed",
    State.OK,
    because="The program that was captured chose the address, so no lookup is judged here.",
    plain=mark("The program that was recorded chose the address of {host} itself."),
)

ADDRESS_OF_CAPTURE = Rule(
    "capture_address_not_judged",
    "captured AND successes = 0 AND by_name",
    State.OK,
    because="The program that was captured chose the address. Rules that compare names need no verified address.",
    plain=mark("The program that was recorded chose the address of {host} itself."),
)

_SOME_COMPLETE = Kind(
    "capture_completes_at_times",
    State.IMPAIRED,
    because="Some handshakes with the name go on in both directions, and others fail. Nothing shows why.",
    plain=mark(
        "Some of the recorded connections that name {host} were answered, and others failed. The recording does not "
        "show why."
    ),
)
_COMPLETES = Kind(
    "capture_completes",
    State.INSUFFICIENT,
    because="The handshake goes on in both directions. The server's certificate is encrypted, so nothing proves whose "
    "server it is.",
    plain=mark(
        "The recorded connections that name {host} were answered. Nothing was interfered with that packets show. They "
        "do not show whether the right server answered, because its certificate is encrypted."
    ),
)


def completes(layer: str) -> tuple[Rule, ...]:
    """Return the rules about handshakes that went on, for the table of a layer. They come before accusations."""
    return (
        _SOME_COMPLETE.rule(f"captured AND captured_completions > 0 AND {layer}_failure IS NOT NULL", layer=layer),
        _COMPLETES.rule("captured AND captured_completions > 0", layer=layer),
    )


RESET_BY_ANOTHER = Rule(
    "capture_reset_by_another",
    "captured AND tls_successes = 0 AND tls_resets > 0 AND resets_unlike > 0",
    State.IMPAIRED,
    because=(
        "The connection is reset by another sender than the server, and too few flows with this name or another one "
        "were captured to show that the name decides."
    ),
    plain=mark(
        "The recorded connections that name {host} were cut off, and another device than the server sent the cut-off "
        "signal. Too few connections were recorded to show whether the name is the reason."
    ),
)

_SURELY_FIRST = Kind(
    "capture_answer_raced",
    State.BLOCKED,
    because=(
        "Two senders answered one query, and their answers contradict each other. The first answer is false: its "
        "TTL or flags are not the resolver's usual ones, or no public service can have its address. It {leads}."
    ),
    plain=mark(
        "Two different answers came to one name lookup. The first one was not sent by the name server, and programs "
        "use the first one. {forgery} The name is blocked by false answers."
    ),
)
_FIRST = Kind(
    "capture_answers_contradict",
    State.IMPAIRED,
    because=(
        "Two contradicting answers came to one query that was sent once. Nothing shows whether one of them is forged, "
        "or whether the query was doubled on its way and answered twice."
    ),
    plain=mark(
        "Two different answers came to one name lookup. Either another device than the name server sent one of them, "
        "or the network doubled the question. The recording does not show which."
    ),
)
_LEADS = (
    (
        "bogon",
        "answers_bogons > 0",
        "is an address that no public service can have",
        mark("No public server can have the first address."),
    ),
    ("other", "", "may be the address of another party", mark("The first address may belong to another server.")),
)


_FALSE_FIRST = "captured_races > 0 AND (captured_races_unlike > 0 OR answers_bogons > 0)"


def _races() -> Iterator[Rule]:
    for forged, condition, technical, plain in _LEADS:
        yield _SURELY_FIRST.rule(
            f"captured AND {_FALSE_FIRST} AND {condition}" if condition else f"captured AND {_FALSE_FIRST}",
            layer="dns",
            forged=forged,
            mechanism=f"dns.injection.{forged}",
            because={"leads": technical},
            plain={"forgery": plain},
        )
    yield _FIRST.rule("captured AND captured_races > 0")


ANSWERS_CONTRADICT = tuple(_races())

ANSWERED_WITHOUT_PROOF = Rule(
    "capture_answer_not_verified",
    "captured AND payload_successes > answers_false",
    State.INSUFFICIENT,
    because="The query is answered once, and nothing in the capture shows whether the answer is right.",
    plain=mark(
        "The recorded name lookup was answered. The recording does not show whether the answer is right, because "
        "nothing verifies it."
    ),
)

CAPTURED_FLOWS = Phenomenon(
    "captured_flows",
    "The measurement was made from packets of other programs.",
    name_part=RowPart(CapturedName),
    address=RowPart(CapturedColumns, {"u": "captured_race"}, (_RACES,)),
)
