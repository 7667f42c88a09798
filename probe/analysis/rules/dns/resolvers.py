"""Define the rules about resolvers that are targets themselves, over UDP, TCP, TLS and HTTPS."""

from probe.analysis.rules.resets import random_resets
from probe.analysis.rules.rule import Rule, State
from probe.messages import mark

_FAILED = "payload_successes = 0"

RESOLVER_RULES = (
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
    Rule(
        "resolver_local_fault",
        "local_faults > 0 AND payload_attempts = 0",
        State.INSUFFICIENT,
        untested=True,
        because="The run was interrupted, or this computer failed, before the DNS query was tried.",
        plain=mark(
            "{service} was not tested, because this computer was too busy or the run was stopped. Run the test again."
        ),
    ),
    Rule(
        "resolver_not_reached",
        "payload_attempts = 0",
        State.INSUFFICIENT,
        untested=True,
        because=(
            "The measurement did not get as far as the DNS query, because an earlier step failed or it was not "
            "requested."
        ),
        plain=mark("The test of {service} ended before its last step. Nothing can be concluded from it."),
    ),
    Rule(
        "resolver_interrupted",
        "interrupted AND payload_attempts < 2",
        State.INSUFFICIENT,
        untested=True,
        because="The run was interrupted before a failure of the DNS query could be confirmed.",
        plain=mark("The run was stopped before a failed test of {service} could be repeated. Run the test again."),
    ),
    Rule(
        "resolver_reset_among_random_resets",
        random_resets.may_be_chance("payload"),
        State.IMPAIRED,
        because=random_resets.BECAUSE,
        plain=random_resets.PLAIN,
    ),
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
    Rule(
        "resolver_fails_everywhere",
        f"{_FAILED} AND control_attempts > 0 AND control_successes = 0",
        State.DOWN,
        because="The resolver does not answer here, and does not answer the test helper.",
        plain=mark(
            "{service} did not answer here, and did not answer a test helper outside this network either. There is no "
            "sign of blocking."
        ),
    ),
    Rule(
        "resolver_unreachable_here",
        f"{_FAILED} AND control_successes > 0 AND by_datagram AND payload_unreachables >= 2",
        State.LIKELY_BLOCKED,
        mechanism="ip.unreachable",
        because="The resolver's address is reported unreachable here, twice, and the test helper gets its answer.",
        plain=mark(
            "This network says, twice, that {service} cannot be reached. A test helper outside this network gets an "
            "answer. Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "resolver_silent_here",
        f"{_FAILED} AND control_successes > 0 AND payload_timeouts >= 2",
        State.LIKELY_BLOCKED,
        mechanism="dns.timeout",
        because="The query gets no answer here, twice, and the test helper gets its answer.",
        plain=mark(
            "Two name lookups at {service} got no answer here. A test helper outside this network gets an answer. "
            "Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "resolver_refuses_here",
        f"{_FAILED} AND control_successes > 0 AND answers_refused >= 2",
        State.LIKELY_BLOCKED,
        mechanism="dns.refused",
        because="The resolver refuses the query here, twice, and the test helper gets its answer.",
        plain=mark(
            "Two name lookups at {service} were refused here. A test helper outside this network gets an answer. "
            "Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "resolver_breaks_here",
        f"{_FAILED} AND control_successes > 0 AND answers_broken >= 2",
        State.LIKELY_BLOCKED,
        mechanism="dns.servfail",
        because="The resolver reports its own failure here, twice, and the test helper gets its answer.",
        plain=mark(
            "Two name lookups at {service} failed here: the answers report a failure of the server. A test helper "
            "outside this network gets an answer. Access to {service} is probably blocked."
        ),
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
    Rule(
        "resolver_unconfirmed",
        "payload_failure IS NOT NULL AND control_successes > 0",
        State.IMPAIRED,
        because=(
            "The DNS query failed here and not at the test helper, but not often or not uniformly enough to conclude "
            "more."
        ),
        plain=mark(
            "The test of {service} failed here and not from a test helper outside this network. The failures are too "
            "few or too different to name a cause. Run the test again."
        ),
    ),
    Rule(
        "resolver_no_control",
        "payload_failure IS NOT NULL",
        State.IMPAIRED,
        because="The DNS query fails here, and no test helper tried the same endpoint.",
        plain=mark(
            "The test of {service} failed here. No test helper outside this network tried it, so the cause is unclear."
        ),
    ),
    Rule(
        "resolver_undecided",
        "TRUE",
        State.INSUFFICIENT,
        because="No rule covers the result of the DNS query.",
        plain=mark("The test of {service} gave a result that no rule covers. Nothing can be concluded from it."),
    ),
)
