"""The rules about resolvers that are themselves the target, over UDP, TCP, TLS and HTTPS."""

from probe.analysis.rules.name_differential import closing, opening
from probe.analysis.rules.rule import Rule, State

_FAILED = "payload_successes = 0"
_TWICE = f"{_FAILED} AND control_successes > 0 AND"


def _here(rule_id: str, when: str, because: str, mechanism: str) -> Rule:
    return Rule(
        rule_id,
        f"{_TWICE} {when}",
        State.LIKELY_BLOCKED,
        f"{because}, twice; the test helper gets its answer from there.",
        mechanism,
    )


RESOLVER_RULES = (
    Rule(
        "resolver_answered_in_its_place",
        "payload_successes > answers_false AND by_datagram AND dns_intercepted",
        State.OK,
        "The question is answered, and nothing contradicts it; somebody on the path answers in the resolvers' place.",
        "dns.intercepted",
    ),
    Rule(
        "resolver_answers",
        "payload_successes > answers_false",
        State.OK,
        "The resolver answers the question asked, and nothing contradicts it.",
    ),
    *opening("payload", "the question", ids="resolver"),
    Rule(
        "resolver_answers_bogon",
        "answers_bogons > 0 AND control_successes > 0 AND answers_trusted > 0",
        State.BLOCKED,
        "In the resolver's place somebody answers with an address that no public service can have.",
        "dns.injection.bogon",
    ),
    Rule(
        "resolver_answer_raced",
        "answers_forged_first > 0 AND answers_trusted > 0",
        State.BLOCKED,
        "Two contradicting answers came from the resolver's address, and the one that nothing proves came first.",
        "dns.injection.other",
    ),
    Rule(
        "resolver_denies_a_name_that_exists",
        f"{_TWICE} answers_denied >= 2 AND answers_trusted > 0",
        State.BLOCKED,
        "In the resolver's place somebody denies, twice, a name that exists and that the resolver tells the test "
        "helper about.",
        "dns.nxdomain",
    ),
    Rule(
        "resolver_answers_otherwise",
        "answers_false > 0",
        State.IMPAIRED,
        "The resolver answers with an address that no other answer confirms; it may be right all the same.",
    ),
    Rule(
        "resolver_fails_everywhere",
        f"{_FAILED} AND control_attempts > 0 AND control_successes = 0",
        State.DOWN,
        "The resolver does not answer here, nor the test helper.",
    ),
    _here(
        "resolver_unreachable_here",
        "by_datagram AND payload_unreachables >= 2",
        "The resolver's address is reported unreachable here",
        "ip.unreachable",
    ),
    _here("resolver_silent_here", "payload_timeouts >= 2", "The question draws silence here", "dns.timeout"),
    _here("resolver_refuses_here", "answers_refused >= 2", "The resolver refuses to answer here", "dns.refused"),
    _here("resolver_breaks_here", "answers_broken >= 2", "The resolver reports its own failure here", "dns.servfail"),
    _here("resolver_fails_here", "payload_attempts >= 2", "The question is not answered here", "dns"),
    *closing("payload", "The question", ids="resolver"),
)
