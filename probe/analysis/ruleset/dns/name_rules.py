"""Define the rules about names: whether the system resolver gave a verified address."""

from probe.analysis.phenomena.captured_flows import NAME_OF_CAPTURE
from probe.analysis.phenomena.hosts_file_answers import HOSTS_FILE_RULE
from probe.analysis.phenomena.name_filters import NAME_FILTER_RULES
from probe.analysis.phenomena.unrecorded_comparisons import denial_unrecorded
from probe.analysis.rules.inconclusive import LOCAL_FAULT, UNDECIDED
from probe.analysis.rules.rule import Kind, Rule, State
from probe.analysis.ruleset.address_rules import NETWORK_LOST, NETWORK_UNCHECKED
from probe.analysis.ruleset.dns.chosen_resolvers import CHOSEN_RESOLVER_RULES
from probe.analysis.ruleset.dns.failed_lookups import FAILED_LOOKUPS
from probe.analysis.ruleset.dns.forgeries import FORGERIES
from probe.messages import mark

_NO_HARM = "dns_forged_late + dns_forged_public + dns_dark_forged > 0"

_UNANSWERED = (
    "(dns_failure_kind = 'timeout' OR dns_failure_kind = 'servfail' OR dns_failure_kind = 'refused' OR "
    "dns_failure_kind = 'other')"
)
"""A home router without uplink is silent, or reports a failure or a refusal of its own."""

_DENIED = "(dns_failure_kind = 'nxdomain' OR dns_failure_kind = 'no_answer')"
_ALL_BOGON = "(dns_bogon > 0 AND dns_bogon = dns_answers AND dns_genuine = 0)"
_UNKNOWN_EVERYWHERE = "control_attempts > 0 AND control_successes = 0 AND dns_authenticated = 0"

_NOT_COMPARED = (
    f"NOT dns_compared AND NOT dns_resolver_worked_before AND ({_DENIED} OR {_ALL_BOGON})"
    f" AND NOT ({_UNKNOWN_EVERYWHERE})"
)

_FORGERY_SEEN = Kind(
    "name_resolves_forgery_seen",
    State.OK,
    because="The name resolves to a verified address, and {forgery} was seen that did no harm.",
    plain=mark(
        "The name lookup in this network gives a real address for {host}. A false answer was also sent, and it had no "
        "effect."
    ),
)

NAME_RULES = (
    Rule(
        "name_not_needed",
        "NOT dns_needed",
        State.OK,
        because="The endpoint is an address, so no name has to be resolved.",
        plain=mark("The server of {service} is given by its address, so no name lookup was needed."),
    ),
    NAME_OF_CAPTURE,
    Rule(
        "name_not_asked",
        "dns_attempts = 0",
        State.INSUFFICIENT,
        untested=True,
        because="The system resolver was not asked for the name.",
        plain=mark("No lookup of {host} was made. Nothing can be concluded about {service}."),
    ),
    LOCAL_FAULT.rule(
        "dns_local_faults >= dns_attempts", layer="dns", because={"moment": "while the name was resolved"}
    ),
    HOSTS_FILE_RULE,
    NETWORK_LOST.rule(f"network_lost AND {_UNANSWERED}", layer="dns", because={"failed": "the lookup failed"}),
    denial_unrecorded(_NOT_COMPARED),
    Rule(
        "name_not_compared",
        _NOT_COMPARED,
        State.IMPAIRED,
        because=(
            "The system resolver denied the name, or gave a private address. Nothing shows that it gave usual "
            "addresses for other names at the same time. A resolver without uplink does that."
        ),
        plain=mark(
            "The name server of this network gave no usable address for {host}, and maybe for no other name either. "
            "The cause is unclear. Run the test again later."
        ),
    ),
    NETWORK_UNCHECKED.rule(
        f"network_unchecked AND {_UNANSWERED}", layer="dns", because={"failure": "The lookup failed"}
    ),
    Rule(
        "name_contested",
        "dns_contested > 0 AND dns_genuine = 0 AND dns_forged_first = 0",
        State.IMPAIRED,
        because=(
            "The test helper supports the address from the system resolver, and addresses in other networks are proven "
            "here."
        ),
        plain=mark(
            "The address of {host} that this network gives is doubtful: only a test helper outside this network "
            "supports it, and another address is proven. The cause is unclear."
        ),
    ),
    *NAME_FILTER_RULES,
    *CHOSEN_RESOLVER_RULES,
    *FORGERIES,
    *FAILED_LOOKUPS,
    _FORGERY_SEEN.rule(
        f"dns_genuine > 0 AND {_NO_HARM} AND dns_forged_denial",
        forged="denial",
        mechanism="dns.nxdomain",
        because={"forgery": "a forged denial"},
    ),
    _FORGERY_SEEN.rule(
        f"dns_genuine > 0 AND {_NO_HARM} AND dns_forged_bogon",
        forged="bogon",
        mechanism="dns.injection.bogon",
        because={"forgery": "a forged answer with an impossible address"},
    ),
    _FORGERY_SEEN.rule(
        f"dns_genuine > 0 AND {_NO_HARM}",
        forged="other",
        mechanism="dns.injection.other",
        because={"forgery": "a forged answer"},
    ),
    Rule(
        "name_resolves_answer_copied",
        "dns_genuine > 0 AND dns_doubled > 0",
        State.OK,
        mechanism="dns.injection",
        because="The name resolves to a verified address, and the right answer was also injected on the path.",
        plain=mark(
            "The name lookup in this network gives a real address for {host}. Another device in this network sent the "
            "same answer too."
        ),
    ),
    Rule(
        "name_resolves_answer_injected",
        "dns_genuine > 0 AND dns_dark_genuine > 0 AND dns_dark_silent",
        State.OK,
        mechanism="dns.injection",
        because=(
            "The name resolves to a verified address, and a non-resolver that is silent about other names gives the "
            "right answer too."
        ),
        plain=mark(
            "The name lookup in this network gives a real address for {host}. Another device in this network answers "
            "for this name too."
        ),
    ),
    Rule(
        "name_resolves_intercepted",
        "dns_genuine > 0 AND (dns_dark_genuine > 0 OR dns_intercepted)",
        State.OK,
        mechanism="dns.intercepted",
        because=(
            "The name resolves to a verified address, and a device on the path answers in the place of the resolvers."
        ),
        plain=mark(
            "The name lookup in this network gives a real address for {host}. Another device in this network answers "
            "in the place of all name servers."
        ),
    ),
    Rule(
        "name_resolves",
        "dns_genuine > 0",
        State.OK,
        because="The name resolves to a verified address.",
        plain=mark("The name lookup in this network gives a real address for {host}."),
    ),
    Rule(
        "name_unknown_everywhere",
        f"dns_failure_kind <> '' AND {_UNKNOWN_EVERYWHERE}",
        State.DOWN,
        because="The name does not resolve here, and does not resolve at the test helper.",
        plain=mark("There is no address for {host}, here or outside this network. There is no sign of blocking."),
    ),
    Rule(
        "name_family_absent",
        "dns_family_absent",
        State.INSUFFICIENT,
        because="The name has only addresses of a family that does not work on this network.",
        plain=mark(
            "This network cannot reach the kind of address (IPv4 or IPv6) that belongs to {host}. Nothing can be "
            "concluded about {service}."
        ),
    ),
    Rule(
        "name_interrupted",
        "interrupted",
        State.INSUFFICIENT,
        untested=True,
        because="The run was interrupted before the name could be judged.",
        plain=mark("The run was stopped before the name lookup for {host} was finished. Run the test again."),
    ),
    Rule(
        "name_fails",
        "dns_failure_kind <> ''",
        State.IMPAIRED,
        because="The name does not resolve here, and no true answer is proven.",
        plain=mark(
            "The name lookup for {host} failed in this network. No other source proved the real address, so the cause "
            "is unclear."
        ),
    ),
    Rule(
        "name_unproven",
        "dns_answers > 0",
        State.INSUFFICIENT,
        because="The name resolves to addresses that are neither verified nor refuted.",
        plain=mark(
            "The name lookup for {host} gave addresses that could be neither verified nor refuted. Nothing can be "
            "concluded about {service}."
        ),
    ),
    UNDECIDED.rule("TRUE", layer="dns", because={"result": "how the name resolved"}),
)
