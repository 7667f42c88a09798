"""The rules about calls: STUN, TURN and SIP, over UDP, TCP and TLS; one table for each protocol."""

from dataclasses import dataclass

from probe.analysis.rules.name_differential import closing, opening
from probe.analysis.rules.rule import Rule, State

_FAILED = "payload_successes = 0"
_SILENT = f"{_FAILED} AND payload_timeouts >= 2"
_CONTROL = "control_successes > 0"
_SAME_DROPPED = "other_echoed > 0 AND same_silent > 0 AND same_echoed = 0"
_TWIN = f"twin_passed > 0 AND {_CONTROL}"


@dataclass(frozen=True)
class Call:
    """One protocol: what its messages are called, the mechanism of a reset, and why it may fail for everybody."""

    name: str
    words: str
    by_reset: str
    for_everybody: str


def _answers(call: Call) -> tuple[Rule, ...]:
    return (
        Rule(
            f"{call.name}_answered", "payload_successes > 0", State.OK, f"The server answers {call.words} as it should."
        ),
    )


def _blocked(call: Call) -> tuple[Rule, ...]:
    """A twin that gets through shows that the payload is what is stopped."""
    return (
        Rule(
            f"{call.name}_silent_twin_echoed",
            f"{_SILENT} AND by_datagram AND {_SAME_DROPPED} AND NOT line_lossy"
            f" AND ({_CONTROL} OR control_attempts = 0)",
            State.BLOCKED,
            f"{call.words} draws silence, and is lost on the way to the helper's echo too; a datagram of "
            "no protocol comes back from there.",
            f"{call.name}.timeout.payload",
        ),
        Rule(
            f"{call.name}_reset_twin_passes",
            f"{_FAILED} AND payload_resets >= 2 AND {_TWIN}",
            State.BLOCKED,
            f"{call.words} is reset when it can be read; what cannot be read as such is answered at the "
            "same address, and the test helper succeeds.",
            call.by_reset,
        ),
        Rule(
            f"{call.name}_silent_twin_passes",
            f"{_SILENT} AND {_TWIN}",
            State.BLOCKED,
            f"{call.words} draws silence when it can be read; what cannot be read as such is answered at "
            "the same address, and the test helper succeeds.",
            f"{call.name}.timeout.payload",
        ),
    )


def _not_the_network(call: Call) -> tuple[Rule, ...]:
    return (
        Rule(
            f"{call.name}_fails_everywhere",
            f"{_FAILED} AND control_attempts > 0 AND control_successes = 0",
            State.DOWN,
            call.for_everybody,
        ),
        Rule(
            f"{call.name}_answers_otherwise",
            f"{_FAILED} AND payload_answered > 0",
            State.IMPAIRED,
            f"The server answers {call.words}, but not with what would prove it.",
        ),
    )


def _likely(call: Call) -> tuple[Rule, ...]:
    """It fails here in one way, twice, and the helper succeeds; nothing shows that the payload is the reason."""
    return (
        Rule(
            f"{call.name}_no_datagram_passes",
            f"{_SILENT} AND by_datagram AND other_silent > 0 AND other_echoed = 0 AND same_echoed = 0"
            f" AND udp_passed = 0 AND dns_by_datagram AND {_CONTROL}",
            State.LIKELY_BLOCKED,
            "No datagram but DNS's gets an answer here, not even from the helper's echo; the test helper succeeds.",
            "udp.timeout",
        ),
        Rule(
            f"{call.name}_unreachable_here",
            f"{_FAILED} AND by_datagram AND payload_unreachables >= 2 AND {_CONTROL}",
            State.LIKELY_BLOCKED,
            "The address is reported unreachable here, twice; the test helper gets its answer.",
            "ip.unreachable",
        ),
        Rule(
            f"{call.name}_reset_here",
            f"{_FAILED} AND payload_resets >= 2 AND NOT payload_sealed AND {_CONTROL}",
            State.LIKELY_BLOCKED,
            f"The connection is made, and is reset when it carries {call.words}; the test helper gets its answer.",
            call.by_reset,
        ),
    )


def _likely_silent(call: Call) -> tuple[Rule, ...]:
    """It draws silence, or fails in some other way, here alone."""
    return (
        Rule(
            f"{call.name}_silent_though_twin_echoed",
            f"{_SILENT} AND same_echoed > 0 AND {_CONTROL}",
            State.LIKELY_BLOCKED,
            f"{call.words} draws silence at this address and comes back from the helper's echo; the test "
            "helper gets its answer.",
            f"{call.name}.timeout.other",
        ),
        Rule(
            f"{call.name}_silent_here",
            f"{_SILENT} AND {_CONTROL}",
            State.LIKELY_BLOCKED,
            f"{call.words} draws silence here; the test helper gets its answer.",
            f"{call.name}.timeout.other",
        ),
        Rule(
            f"{call.name}_fails_here",
            f"{_FAILED} AND payload_attempts >= 2 AND {_CONTROL}",
            State.LIKELY_BLOCKED,
            f"{call.words} fails here; the test helper gets its answer.",
            call.name,
        ),
    )


def call_rules(call: Call, *first: Rule) -> tuple[Rule, ...]:
    """The table of one protocol; `first` come before all others."""
    return (
        *first,
        *_answers(call),
        *opening("payload", call.words, ids=call.name),
        *_blocked(call),
        *_not_the_network(call),
        *_likely(call),
        *_likely_silent(call),
        *closing("payload", call.words, ids=call.name),
    )


STUN_RULES = call_rules(Call("stun", "STUN's question", "stun", "STUN fails here, and from the test helper too."))
TURN_RULES = call_rules(Call("turn", "TURN's question", "turn", "TURN fails here, and from the test helper too."))
SIP_RULES = call_rules(
    Call(
        "sip",
        "SIP's question",
        "sip.reset.payload",
        "SIP fails here, and from the test helper too: the server does not answer strangers.",
    ),
    Rule(
        "sip_answered_rewritten",
        "payload_successes > 0 AND payload_rewritten > 0 AND control_rewritten = 0",
        State.OK,
        "The server answers SIP's question; something on the way rewrites the messages, and does no harm.",
        "sip.rewrite",
    ),
)
