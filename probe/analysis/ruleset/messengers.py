"""Define the rules about the messengers' own protocols, MTProto and Noise (table `payload`)."""

from probe.analysis.phenomena.random_resets import among_random_resets
from probe.analysis.phenomena.unlisted_protocol_flows import UNLISTED_PROTOCOLS_FAIL
from probe.analysis.rules.inconclusive import fails_everywhere, unexplained, unfinished
from probe.analysis.rules.layer import PAYLOAD
from probe.analysis.rules.rule import Kind, Rule, State
from probe.messages import mark

_TWICE = "payload_successes = 0 AND payload_attempts >= 2 AND control_successes > 0"

_OTHER_PROTOCOL_PASSES = Kind(
    "payload_fails_beside_other_protocol",
    State.BLOCKED,
    because=(
        "The service's own protocol {fails}, another protocol at the same address and port {passes}, and the test "
        "helper succeeds."
    ),
    plain=mark(
        "Connections in the language of {service} fail: {failure}. Other connections to the same server work. Access "
        "to {service} is blocked."
    ),
)

PAYLOAD_RULES = (
    Rule(
        "payload_answered",
        "payload_successes > 0",
        State.OK,
        because="The server answers the service's own protocol and proves its identity.",
        plain=mark("{service} can be reached, and its server proved its identity."),
    ),
    *unfinished(PAYLOAD),
    among_random_resets(PAYLOAD),
    _OTHER_PROTOCOL_PASSES.rule(
        f"{_TWICE} AND payload_resets >= 2 AND twin_passed > 0",
        way="reset",
        mechanism="protocol.reset",
        because={"fails": "is reset here", "passes": "is answered"},
        plain={"failure": mark("connections are cut off")},
    ),
    _OTHER_PROTOCOL_PASSES.rule(
        f"{_TWICE} AND payload_timeouts >= 2 AND twin_passed > 0",
        way="timeout",
        mechanism="protocol.drop",
        because={"fails": "gets no answer here", "passes": "does"},
        plain={"failure": mark("connections get no answer")},
    ),
    UNLISTED_PROTOCOLS_FAIL,
    fails_everywhere(PAYLOAD),
    Rule(
        "payload_answered_by_web_proxy",
        "payload_successes = 0 AND payload_web_answers > 0 AND control_successes > 0",
        State.IMPAIRED,
        because=(
            "A web server answers in the place of the service's server at this port. A transparent web proxy does "
            "that with everything that is no web request."
        ),
        plain=mark(
            "A web proxy in this network answers in place of the server of {service} at this port. It lets only web "
            "pages pass, so this is no sign of blocking. Other ports may work."
        ),
    ),
    Rule(
        "payload_fails_here",
        f"{_TWICE}",
        State.LIKELY_BLOCKED,
        mechanism="protocol",
        because="The service's own protocol fails here, and the test helper succeeds.",
        plain=mark(
            "The server of {service} does not respond properly here. A test helper outside this network reaches it. "
            "Access to {service} is probably blocked."
        ),
    ),
    *unexplained(PAYLOAD),
)
