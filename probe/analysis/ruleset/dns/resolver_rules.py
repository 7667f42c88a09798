"""Define the rules about resolvers that are targets themselves, over UDP, TCP, TLS and HTTPS."""

from probe.analysis.phenomena.captured_flows import ANSWERED_WITHOUT_PROOF, ANSWERS_CONTRADICT
from probe.analysis.phenomena.random_resets import among_random_resets
from probe.analysis.rules.inconclusive import FAILS_EVERYWHERE, unexplained, unfinished
from probe.analysis.rules.layer import RESOLVER
from probe.analysis.rules.rule import Kind, Rule, State
from probe.analysis.rules.unreachable import unreachable_here
from probe.messages import mark

_FAILED = "payload_successes = 0"

_FAILS_ALIKE_HERE = Kind(
    "resolver_fails_alike_here",
    State.LIKELY_BLOCKED,
    because="{failure} here, twice, and the test helper gets its answer.",
    plain=mark(
        "Two name lookups at {service} failed here: {failure}. A test helper outside this network gets an answer. "
        "Access to {service} is probably blocked."
    ),
)


_WAYS = (
    ("timeout", "payload_timeouts", "dns.timeout", "The query gets no answer", mark("the lookups get no answer")),
    ("refused", "answers_refused", "dns.refused", "The resolver refuses the query", mark("the lookups are refused")),
    (
        "servfail",
        "answers_broken",
        "dns.servfail",
        "The resolver reports its own failure",
        mark("the answers report a failure of the server"),
    ),
)

RESOLVER_RULES = (
    *ANSWERS_CONTRADICT,
    ANSWERED_WITHOUT_PROOF,
    Rule(
        "resolver_answered_in_its_place",
        "payload_successes > answers_false AND by_datagram AND dns_intercepted",
        State.OK,
        mechanism="dns.intercepted",
        because=(
            "The query is answered and nothing contradicts the answer, but a device on the path answers in the place "
            "of the resolvers."
        ),
        plain=mark("{service} seems to answer, and its answers are right. Another device in this network sends them."),
    ),
    Rule(
        "resolver_answers",
        "payload_successes > answers_false",
        State.OK,
        because="The resolver answers the query, and nothing contradicts the answer.",
        plain=mark("{service} gives right answers to name lookups."),
    ),
    *unfinished(RESOLVER),
    among_random_resets(RESOLVER),
    Rule(
        "resolver_answers_bogon",
        "answers_bogons > 0 AND control_successes > 0 AND answers_trusted > 0",
        State.BLOCKED,
        mechanism="dns.injection.bogon",
        because="Another device answers in the place of the resolver, with an address that no public service can have.",
        plain=mark(
            "Name lookups at {service} get an address that no public server can have. This network forges the answers. "
            "Access to {service} is blocked."
        ),
    ),
    Rule(
        "resolver_answer_raced",
        "answers_forged_first > 0 AND answers_trusted > 0",
        State.BLOCKED,
        mechanism="dns.injection.other",
        because="Of two contradicting answers from the resolver's address, the unverified one came first.",
        plain=mark(
            "This network sent a false answer in the name of {service} before the real answer arrived. Access to "
            "{service} is blocked."
        ),
    ),
    Rule(
        "resolver_denies_a_name_that_exists",
        f"{_FAILED} AND control_successes > 0 AND answers_denied >= 2 AND answers_trusted > 0",
        State.BLOCKED,
        mechanism="dns.nxdomain",
        because="Answers from the resolver's address deny twice a name that the resolver gives to the test helper.",
        plain=mark(
            "Name lookups at {service} say that an existing name does not exist. Outside this network {service} knows "
            "the name. Access to {service} is blocked."
        ),
    ),
    Rule(
        "resolver_answers_otherwise",
        "answers_false > 0",
        State.IMPAIRED,
        because="The resolver gives an address that no other answer confirms, and that may still be right.",
        plain=mark(
            "{service} gave an address that no other source confirms. It may still be right, so the cause is unclear."
        ),
    ),
    FAILS_EVERYWHERE.rule(
        f"{_FAILED} AND control_attempts > 0 AND control_successes = 0",
        layer="resolver",
        because={"failure": "The resolver does not answer", "failure_there": "does not answer the test helper"},
    ),
    unreachable_here(RESOLVER, "The resolver's address"),
    *(
        _FAILS_ALIKE_HERE.failing(f"{_FAILED} AND control_successes > 0 AND {column} >= 2", way, *words)
        for way, column, *words in _WAYS
    ),
    Rule(
        "resolver_fails_here",
        f"{_FAILED} AND control_successes > 0 AND payload_attempts >= 2",
        State.LIKELY_BLOCKED,
        mechanism="dns",
        because="The query fails here, twice, and the test helper gets its answer.",
        plain=mark(
            "Two name lookups at {service} failed here in different ways. A test helper outside this network gets an "
            "answer. Access to {service} is probably blocked."
        ),
    ),
    *unexplained(RESOLVER),
)
