"""Define the rules about the protocols of calls: STUN, TURN, Telegram's relays ("reflectors"), DTLS and SIP."""

from dataclasses import dataclass

from probe.analysis.phenomena.datagram_sizes import too_long_for_calls
from probe.analysis.phenomena.dtls_forms import SILENT_IN_ONE_FORM
from probe.analysis.phenomena.mapped_addresses import STUN_ADDRESS_REWRITTEN
from probe.analysis.phenomena.missing_checks import sizes_untested
from probe.analysis.phenomena.random_resets import among_random_resets
from probe.analysis.phenomena.sip_answers import SIP_INJECTION_RULES, UNKNOWN_CALLERS
from probe.analysis.phenomena.stun_refusals import stun_refusals
from probe.analysis.rules.inconclusive import fails_everywhere, unexplained, unfinished
from probe.analysis.rules.layer import Layer
from probe.analysis.rules.rule import Kind, Rule, State
from probe.analysis.rules.unreachable import unreachable_here
from probe.messages import mark

_CONTROL = "control_successes > 0"
_FAILED = "payload_successes = 0"
_SILENT = f"{_FAILED} AND payload_timeouts >= 2"
_UNREADABLE_PASSES = f"twin_passed > 0 AND {_CONTROL}"
"""The same request inside TLS, or another protocol, is answered at the same address and port."""

_DECIDED_BY_ECHO = "NOT line_lossy AND (control_successes > 0 OR control_attempts = 0)"
_FAILS_EVERYWHERE = f"{_FAILED} AND control_attempts > 0 AND control_successes = 0"


@dataclass(frozen=True)
class CallProtocol:
    """Hold what differs between the protocols of calls.

    `name` is what users read. `hello` is the request in a technical sentence, `copied` where its copies are compared,
    and `place` where it is sent. `answered`, `answers_otherwise` and `changed` are technical sentences. `mechanism` is
    the node of the tree. `is_long`: its requests or answers may be longer than what passes on some lines.
    """

    layer: Layer
    name: str
    answered: str
    answers_otherwise: str = ""
    copied: str = ""
    place: str = "at this address"
    changed: str = ""
    is_long: bool = False

    @property
    def hello(self) -> str:
        """Return the subject of technical sentences about the request."""
        return self.layer.subject[0].upper() + self.layer.subject[1:]

    @property
    def mechanism(self) -> str:
        """Return the node of the tree that the mechanisms of the protocol are below."""
        return self.layer.name


_ANSWERED = Kind(
    "call_answered", State.OK, because="{answered}", plain=mark("{service} answers. Calls can be made through it.")
)
_TAMPERED = Kind(
    "call_tampered",
    State.BLOCKED,
    because=(
        "{hello} gets no answer, and its copies come back from the helper's echo with their first and last two bytes "
        "exchanged. A random datagram of equal size returns unchanged."
    ),
    plain=mark(
        "Packets that begin calls ({protocol}) are spoilt on the way: their beginning and end are exchanged, even on "
        "the way to an unrelated server. Other packets pass unchanged. Access to {service} is blocked."
    ),
)
_LOST_AT_ECHO_TOO = Kind(
    "call_lost_at_echo_too",
    State.BLOCKED,
    because="{hello} gets no answer and is lost to the helper's echo too, and a random datagram of equal size returns.",
    plain=mark(
        "Packets that begin calls ({protocol}) disappear, even on the way to an unrelated server. Other packets of the "
        "same size pass. Access to {service} is blocked."
    ),
)
_READABLE_FAILS = Kind(
    "call_fails_when_readable",
    State.BLOCKED,
    because=(
        "{hello} {fails} when it is readable, an unreadable one is answered at the same address, and the test helper "
        "succeeds."
    ),
    plain=mark(
        "Calls ({protocol}) to {host} fail here: {failure}. Encrypted or different connections to the same server "
        "pass. Access to {service} is blocked."
    ),
)
_UNPROVEN_EVERYWHERE = Kind(
    "unknown_callers_unanswered",
    State.INSUFFICIENT,
    because="{hello} fails here and from the test helper too, so {cause}.",
    plain=UNKNOWN_CALLERS,
)
_ANSWERS_OTHERWISE = Kind(
    "call_answers_otherwise",
    State.IMPAIRED,
    because="{answers_otherwise}",
    plain=mark("{service} answers, but not in the way that proves that it works. The cause is unclear."),
)
_DATAGRAMS_CHANGED = Kind(
    "call_datagrams_changed",
    State.IMPAIRED,
    because="{changed} Datagrams arrive changed here, from the server or from the helper's echo.",
    plain=mark(
        "The test of {service} failed. Packets arrive damaged in this network, so the cause may be a faulty device. "
        "Try another network, or start the router again."
    ),
)
NO_DATAGRAM_PASSES = Kind(
    "no_datagram_passes",
    State.LIKELY_BLOCKED,
    because=(
        "No datagram of this measurement except DNS gets an answer here, not even from the helper's echo, and the test "
        "helper succeeds. Other ports may differ."
    ),
    plain=mark(
        "Packets of the kind (UDP) that calls use get no answer here, neither from the server nor from a test helper. "
        "Name lookups get answers, and other ports may too. Outside this network the helper reaches the server. Access "
        "to {service} is probably blocked."
    ),
)
_RESET_HERE = Kind(
    "call_reset_here",
    State.LIKELY_BLOCKED,
    because="The connection is made and is reset when it carries {hello}, and the test helper gets its answer.",
    plain=mark(
        "Connections to {host} are cut off when they carry calls ({protocol}). A test helper outside this network gets "
        "an answer. Access to {service} is probably blocked."
    ),
)
_SILENT_AT_SERVER_ALONE = Kind(
    "call_silent_at_server_alone",
    State.LIKELY_BLOCKED,
    because=("{hello} gets no answer {place} and returns from the helper's echo, and the test helper gets its answer."),
    plain=mark(
        "Packets that begin calls ({protocol}) to {host} get no answer. The same packets to another server return, and "
        "a test helper gets an answer. Access to {service} is probably blocked."
    ),
)
_SILENT_HERE = Kind(
    "call_silent_here",
    State.LIKELY_BLOCKED,
    because="{hello} gets no answer here, and the test helper gets its answer.",
    plain=mark(
        "Packets that begin calls ({protocol}) to {host} get no answer here. A test helper outside this network gets "
        "an answer. Access to {service} is probably blocked."
    ),
)
_FAILS_HERE = Kind(
    "call_fails_here",
    State.LIKELY_BLOCKED,
    because="{hello} fails here, and the test helper gets its answer.",
    plain=mark(
        "The test of {service} failed here, twice. A test helper outside this network gets an answer. Access to "
        "{service} is probably blocked."
    ),
)

STUN = CallProtocol(
    Layer("stun", "the STUN request"),
    "STUN",
    "The server answers the STUN request correctly.",
    "The server answers the STUN request, but the answer proves nothing.",
)
TURN = CallProtocol(
    Layer("turn", "the TURN request"),
    "TURN",
    "The server answers the TURN request correctly.",
    "The server answers the TURN request, but the answer proves nothing.",
    is_long=True,
)
SIP = CallProtocol(
    Layer("sip", "the SIP request"),
    "SIP",
    "The server answers the SIP request correctly.",
    "The server answers the SIP request, but the answer proves nothing.",
    is_long=True,
)
REFLECTOR = CallProtocol(
    Layer("reflector", "the hello to the call relay", failing="the call relay"),
    "Telegram",
    "The call relay answers the hello.",
    "The call relay answers, but with nothing that bears the tag of the hello.",
    copied="The hello",
    place="at this call relay",
    changed="The hello gets no answer that bears its tag.",
)
DTLS = CallProtocol(
    Layer("dtls", "the DTLS hello"),
    "DTLS",
    "The server answers the DTLS hello with a request for a cookie or with a ServerHello.",
    "The DTLS hello is answered, but with an alert or with a cipher suite that it did not offer.",
)


def _answered(protocol: CallProtocol) -> Rule:
    return _ANSWERED.rule("payload_successes > 0", layer=protocol.layer.name, because={"answered": protocol.answered})


def _at_the_echo(protocol: CallProtocol) -> tuple[Rule, ...]:
    """Return the rules about datagrams whose copies are changed or lost on the way to the helper's echo too."""
    name, words = protocol.layer.name, {"protocol": protocol.name}
    return (
        _TAMPERED.rule(
            f"{_SILENT} AND by_datagram AND same_swapped > 0 AND other_echoed > 0 AND other_changed = 0 AND "
            f"{_DECIDED_BY_ECHO}",
            layer=name,
            mechanism=f"{protocol.mechanism}.tampering",
            because={"hello": protocol.copied or protocol.hello},
            plain=words,
        ),
        _LOST_AT_ECHO_TOO.rule(
            f"{_SILENT} AND by_datagram AND other_echoed > 0 AND same_silent > 0 AND same_echoed = 0 AND "
            f"{_DECIDED_BY_ECHO}",
            layer=name,
            mechanism=f"{protocol.mechanism}.timeout.payload",
            because={"hello": protocol.hello},
            plain=words,
        ),
    )


def _when_readable(protocol: CallProtocol, reset: str) -> tuple[Rule, ...]:
    """Return the rules about requests that fail where another one passes. `reset` is the mechanism of resets."""
    return tuple(
        _READABLE_FAILS.rule(
            when,
            layer=protocol.layer.name,
            way=way,
            mechanism=mechanism,
            because={"hello": protocol.hello, "fails": technical},
            plain={"protocol": protocol.name, "failure": plain},
        )
        for way, when, mechanism, technical, plain in (
            (
                "reset",
                f"{_FAILED} AND payload_resets >= 2 AND {_UNREADABLE_PASSES}",
                reset,
                "is reset",
                mark("connections are cut off"),
            ),
            (
                "timeout",
                f"{_SILENT} AND {_UNREADABLE_PASSES}",
                f"{protocol.mechanism}.timeout.payload",
                "gets no answer",
                mark("connections get no answer"),
            ),
        )
    )


def _answers_otherwise(protocol: CallProtocol) -> Rule:
    return _ANSWERS_OTHERWISE.rule(
        f"{_FAILED} AND payload_answered > 0",
        layer=protocol.layer.name,
        because={"answers_otherwise": protocol.answers_otherwise},
    )


def _datagrams_changed(protocol: CallProtocol) -> Rule:
    """Return the rule about datagrams that answer no request, or that come back from the echo changed at random.

    Then no random one comes back as it was sent, or copies of the failed one come back changed at times.
    """
    return _DATAGRAMS_CHANGED.rule(
        f"{_SILENT} AND by_datagram AND (payload_unreadable > 0 OR same_swapped_at_times > 0 OR "
        "other_echoed = other_changed AND same_changed + other_changed > 0)",
        layer=protocol.layer.name,
        because={"changed": protocol.changed or f"{protocol.hello} gets no answer."},
    )


def _no_datagram_passes(protocol: CallProtocol) -> Rule:
    return NO_DATAGRAM_PASSES.rule(
        f"{_SILENT} AND by_datagram AND other_silent > 0 AND other_echoed = 0 AND same_echoed = 0 AND udp_passed = 0 "
        f"AND datagram_limit = 0 AND dns_by_datagram AND {_CONTROL}",
        layer=protocol.layer.name,
        mechanism="udp.timeout",
    )


def _reset_here(protocol: CallProtocol, mechanism: str) -> Rule:
    return _RESET_HERE.rule(
        f"{_FAILED} AND payload_resets >= 2 AND NOT payload_sealed AND {_CONTROL}",
        layer=protocol.layer.name,
        mechanism=mechanism,
        because={"hello": protocol.layer.subject},
        plain={"protocol": protocol.name},
    )


def _silent(protocol: CallProtocol) -> tuple[Rule, ...]:
    name, words, mechanism = protocol.layer.name, {"protocol": protocol.name}, f"{protocol.mechanism}.timeout.other"
    return (
        _SILENT_AT_SERVER_ALONE.rule(
            f"{_SILENT} AND same_echoed > 0 AND {_CONTROL}",
            layer=name,
            mechanism=mechanism,
            because={"hello": protocol.copied or protocol.hello, "place": protocol.place},
            plain=words,
        ),
        _SILENT_HERE.rule(
            f"{_SILENT} AND {_CONTROL}",
            layer=name,
            mechanism=mechanism,
            because={"hello": protocol.hello},
            plain=words,
        ),
    )


def _fails_here(protocol: CallProtocol) -> tuple[Rule, ...]:
    """Return the rules about other failures.

    On a lossy access line the rules about silence count none, so that relays that are silent there have a rule here.
    """
    silent = ("timeout", "payload_unanswered = payload_attempts AND ", f"{protocol.mechanism}.timeout.other")
    is_relay = protocol in {STUN, TURN, REFLECTOR}
    return tuple(
        _FAILS_HERE.rule(
            f"{_FAILED} AND payload_attempts >= 2 AND {when}{_CONTROL}",
            layer=protocol.layer.name,
            way=way,
            mechanism=mechanism,
            because={"hello": protocol.hello},
        )
        for way, when, mechanism in (*((silent,) if is_relay else ()), ("", "", protocol.mechanism))
    )


def _calls_over_tcp_too(protocol: CallProtocol, everywhere: Rule, reset: str) -> tuple[Rule, ...]:
    """Return the rules about STUN, TURN and SIP. `everywhere` is the rule about failures at the control too."""
    return (
        *((STUN_ADDRESS_REWRITTEN,) if protocol is STUN else ()),
        _answered(protocol),
        *unfinished(protocol.layer),
        among_random_resets(protocol.layer),
        *_at_the_echo(protocol),
        *((too_long_for_calls(protocol.layer.name, protocol.hello),) if protocol.is_long else ()),
        *_when_readable(protocol, reset),
        everywhere,
        *(stun_refusals(protocol.layer.name) if protocol in {STUN, TURN} else ()),
        _answers_otherwise(protocol),
        _datagrams_changed(protocol),
        *((sizes_untested(protocol.layer.name),) if protocol.is_long else ()),
        _no_datagram_passes(protocol),
        unreachable_here(protocol.layer, "The address"),
        _reset_here(protocol, reset),
        *_silent(protocol),
        *_fails_here(protocol),
        *unexplained(protocol.layer),
    )


STUN_RULES = _calls_over_tcp_too(STUN, fails_everywhere(STUN.layer), "stun")
TURN_RULES = _calls_over_tcp_too(TURN, fails_everywhere(TURN.layer), "turn")
SIP_RULES = (
    *SIP_INJECTION_RULES,
    Rule(
        "sip_answered_rewritten",
        "payload_successes > 0 AND payload_rewritten > 0 AND control_rewritten = 0",
        State.OK,
        mechanism="sip.rewrite",
        because="The server answers the SIP request, and a device on the path rewrites the messages without harm.",
        plain=mark("{service} answers. A device in this network changes the messages on the way, without harm."),
    ),
    *_calls_over_tcp_too(
        SIP,
        Rule(
            "sip_fails_everywhere",
            _FAILS_EVERYWHERE,
            State.DOWN,
            because=(
                "The SIP request fails here, and fails from the test helper too, so the server does not answer "
                "strangers."
            ),
            plain=UNKNOWN_CALLERS,
        ),
        "sip.reset.payload",
    ),
)
REFLECTOR_RULES = (
    _answered(REFLECTOR),
    *unfinished(REFLECTOR.layer),
    among_random_resets(REFLECTOR.layer),
    *_at_the_echo(REFLECTOR),
    Rule(
        "reflector_accepts_alone",
        f"tcp_successes > 0 AND payload_timeouts > 0 AND {_FAILS_EVERYWHERE}",
        State.INSUFFICIENT,
        because=(
            "The call relay accepts the connection here, and answers no hello of a stranger, here or at the test "
            "helper."
        ),
        plain=mark(
            "The relay of {service} accepts connections (TCP) here. It answers no strangers, neither here nor at a "
            "test helper outside this network. Nothing can be concluded about it."
        ),
    ),
    _UNPROVEN_EVERYWHERE.rule(
        _FAILS_EVERYWHERE,
        layer="reflector",
        because={"hello": REFLECTOR.hello, "cause": "the relay is down or does not answer strangers"},
    ),
    _datagrams_changed(REFLECTOR),
    _answers_otherwise(REFLECTOR),
    _no_datagram_passes(REFLECTOR),
    unreachable_here(REFLECTOR.layer, "The address"),
    _reset_here(REFLECTOR, "reflector"),
    *_silent(REFLECTOR),
    *_fails_here(REFLECTOR),
    *unexplained(REFLECTOR.layer),
)
DTLS_RULES = (
    _answered(DTLS),
    *unfinished(DTLS.layer),
    too_long_for_calls("dtls", DTLS.hello),  # a form that is shorter passes
    SILENT_IN_ONE_FORM,
    *_at_the_echo(DTLS),
    _UNPROVEN_EVERYWHERE.rule(
        _FAILS_EVERYWHERE,
        layer="dtls",
        because={"hello": DTLS.hello, "cause": "the server is down or does not answer strangers"},
    ),
    _answers_otherwise(DTLS),
    _datagrams_changed(DTLS),
    sizes_untested("dtls"),
    _no_datagram_passes(DTLS),
    unreachable_here(DTLS.layer, "The address"),
    *_silent(DTLS),
    *unexplained(DTLS.layer),
)
