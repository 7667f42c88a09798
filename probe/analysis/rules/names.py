"""The rules about names: was the answer genuine, and if not, who lied."""

from probe.analysis.rules.rule import Rule, State

_SUSPECT = (
    "(dns_foreign > 0 OR dns_bogon > 0 OR dns_blockpage > 0 OR dns_elsewhere > 0 OR dns_refuted_at_control > 0"
    " OR dns_forged_first > 0 OR dns_forged_public > 0 OR dns_dark_forged > 0)"
)
_UNPROVEN = "dns_answers > 0 AND dns_genuine = 0"
_TRUE_ANSWER = "(dns_proven_here > 0 OR dns_proven_authenticated > 0)"
_TRUSTED = "dns_authenticated + dns_from_control > 0"
_BY_RESOLVER = "dns_public_genuine > 0 AND dns_public_forged + dns_dark_forged = 0 AND NOT dns_intercepted"
_ON_PATH = "dns_public_forged + dns_dark_forged > 0 AND NOT dns_intercepted"
_OTHER_BOX = "(dns_unlike > 0 OR dns_too_fast > 0)"
_FORGED = (
    f"(dns_forged_first > 0 OR ({_UNPROVEN} AND {_TRUE_ANSWER} AND {_SUSPECT})"
    f" OR ({_UNPROVEN} AND dns_bogon = dns_answers AND dns_authenticated > 0))"
)
_HARMLESS = "dns_forged_late + dns_forged_public + dns_dark_forged > 0"


def _injection(rule_id: str, when: str, because: str, state: State = State.BLOCKED) -> tuple[Rule, ...]:
    """One rule per kind of forged answer, the most telling first."""
    kinds = (
        ("blockpage", "dns_blockpage > 0", "it leads to a known block page"),
        (
            "bogon",
            "(dns_forged_bogon OR (dns_bogon > 0 AND dns_bogon = dns_answers))",
            "it is an address that no public service can have",
        ),
        ("other", "TRUE", "it is somebody else's address"),
    )
    return tuple(
        Rule(f"{rule_id}_{kind}", f"{when} AND {also}", state, f"{because}; {how}.", f"dns.injection.{kind}")
        for kind, also, how in kinds
    )


def _unanswered(kind: str, words: str, also: str = "") -> Rule:
    return Rule(
        f"dns_{kind}_here",
        f"dns_failure_kind = '{kind}' AND {_TRUE_ANSWER} AND dns_other_names_resolved > 0{also}",
        State.LIKELY_BLOCKED,
        f"The resolver here {words} for this name and not for others; a true answer exists and is proven.",
        f"dns.{kind}",
    )


NAME_RULES = (
    Rule("name_not_needed", "NOT dns_needed", State.OK, "The endpoint is an address; no name has to be resolved."),
    Rule("name_not_asked", "dns_attempts = 0", State.INSUFFICIENT, "Nobody asked the system's resolver for the name."),
    Rule(
        "name_local_fault",
        "dns_local_faults >= dns_attempts",
        State.INSUFFICIENT,
        "Interrupted, or a fault of our own, while the name was resolved.",
    ),
    Rule(
        "dns_race_denial_first",
        "dns_forged_first > 0 AND dns_forged_denial",
        State.BLOCKED,
        "Two contradicting answers came to one question, and the first says that the name does not exist.",
        "dns.nxdomain",
    ),
    *_injection(
        "dns_one_family_forged",
        f"dns_family_spared AND {_FORGED}",
        "The addresses of one family are forged, those of the other are genuine and work",
        State.DEGRADED,
    ),
    *_injection(
        "dns_race_forged_first",
        "dns_forged_first > 0",
        "Two contradicting answers came to one question, and the one that nothing proves came first",
    ),
    *_injection(
        "dns_interceptor_lies",
        f"{_UNPROVEN} AND {_TRUE_ANSWER} AND {_SUSPECT} AND dns_intercepted",
        "Somebody answers in every resolver's place, and gives a wrong address for this name; the true one is proven",
    ),
    *_injection(
        "dns_resolver_lies",
        f"{_UNPROVEN} AND {_TRUE_ANSWER} AND {_SUSPECT} AND {_BY_RESOLVER}",
        "The provider's resolver itself gives a wrong address: a public one, asked the same way, gives the true one",
    ),
    *_injection(
        "dns_forged_on_path",
        f"{_UNPROVEN} AND {_TRUE_ANSWER} AND {_SUSPECT} AND {_ON_PATH}",
        "Whoever is asked, a wrong address comes back, also from where nobody gives it; the true one is proven",
    ),
    *_injection(
        "dns_lie_proven",
        f"{_UNPROVEN} AND dns_proven_here > 0 AND {_SUSPECT}",
        "The system's resolver gives a wrong address; the true one, from another, is proven",
    ),
    *_injection(
        "dns_lie_proven_at_control",
        f"{_UNPROVEN} AND dns_proven_authenticated > 0 AND {_SUSPECT}",
        "The system's resolver contradicts an encrypted resolver, whose answer the test helper proved",
    ),
    *_injection(
        "dns_race_at_public_resolver",
        f"{_UNPROVEN} AND dns_forged_public > 0",
        "Contradicting answers race to a question that was sent to a public resolver, and the system's is not proven",
    ),
    *_injection(
        "dns_answer_from_nowhere",
        f"{_UNPROVEN} AND dns_dark_forged > 0 AND {_TRUSTED}",
        "An address that runs no resolver answers the question, and trusted resolvers say otherwise",
    ),
    Rule(
        "dns_bogon_from_nowhere",
        f"{_UNPROVEN} AND dns_bogon = dns_answers AND dns_dark_forged > 0 AND dns_dark_silent",
        State.BLOCKED,
        "An address that runs no resolver, and is silent about harmless names, answers the question; what it gives is "
        "an address that no public service can have.",
        "dns.injection.bogon",
    ),
    Rule(
        "dns_leads_to_blockpage",
        f"{_UNPROVEN} AND dns_blockpage > 0",
        State.BLOCKED,
        "The system's resolver leads to a known block page.",
        "dns.injection.blockpage",
    ),
    Rule(
        "dns_bogon_contradicted",
        f"{_UNPROVEN} AND dns_bogon = dns_answers AND dns_authenticated > 0",
        State.BLOCKED,
        "The system's resolver gives an address that no public service can have; an encrypted resolver gives another.",
        "dns.injection.bogon",
    ),
    Rule(
        "dns_resolver_denies",
        f"dns_failure_kind = 'nxdomain' AND {_TRUE_ANSWER} AND {_BY_RESOLVER}",
        State.BLOCKED,
        "The provider's resolver itself denies the name: a public one, asked the same way, gives an address, proven.",
        "dns.nxdomain",
    ),
    Rule(
        "dns_denied_on_path",
        f"dns_failure_kind = 'nxdomain' AND {_TRUE_ANSWER} AND {_ON_PATH}",
        State.BLOCKED,
        "Whoever is asked denies the name, also who has no say in it; another's answer is proven.",
        "dns.nxdomain",
    ),
    Rule(
        "dns_nxdomain_proven_false",
        f"dns_failure_kind = 'nxdomain' AND {_TRUE_ANSWER}",
        State.BLOCKED,
        "The resolver here says that the name does not exist; another's answer is proven.",
        "dns.nxdomain",
    ),
    Rule(
        "dns_no_answer_proven_false",
        f"dns_failure_kind = 'no_answer' AND {_TRUE_ANSWER}",
        State.BLOCKED,
        "The resolver here says that the name has no address; another's answer is proven.",
        "dns",
    ),
    Rule(
        "name_resolves_in_one_family",
        f"dns_family_spared AND {_UNPROVEN}",
        State.OK,
        "The name resolves to an address that is proven to be its own; nothing shows the other family's to be forged.",
    ),
    Rule(
        "dns_bogon_here",
        f"{_UNPROVEN} AND dns_bogon = dns_answers AND dns_from_control > 0",
        State.LIKELY_BLOCKED,
        "The system's resolver gives an address that no public service can have; the helper's resolver gives another.",
        "dns.injection.bogon",
    ),
    Rule(
        "dns_answer_of_another_box",
        f"{_UNPROVEN} AND {_OTHER_BOX} AND {_TRUSTED} AND {_SUSPECT} AND NOT dns_intercepted",
        State.LIKELY_BLOCKED,
        "Trusted resolvers say otherwise, and the answer looks as if another box than the resolver had written it.",
        "dns.injection.other",
    ),
    Rule(
        "dns_nxdomain_here",
        f"dns_failure_kind = 'nxdomain' AND {_TRUSTED} AND dns_others_denied = 0",
        State.LIKELY_BLOCKED,
        "The resolver here says that the name does not exist; trusted resolvers know it.",
        "dns.nxdomain",
    ),
    Rule(
        "dns_stale_answer_here",
        f"{_UNPROVEN} AND dns_neighbours = dns_answers AND dns_reached = 0"
        f" AND ({_TRUE_ANSWER} OR dns_trusted_reached > 0)",
        State.IMPAIRED,
        "The system's resolver gives an address of the service's own network that does not work; another resolver's "
        "works.",
    ),
    Rule(
        "dns_answer_fails_here",
        f"{_UNPROVEN} AND dns_reached = 0 AND dns_proven_here > 0",
        State.LIKELY_BLOCKED,
        "The system's resolver gives an address that does not work; another resolver's answer is proven.",
        "dns.injection.other",
        supersedes=("dns_other_answer_here",),
    ),
    Rule(
        "dns_answer_elsewhere_fails_here",
        f"{_UNPROVEN} AND dns_elsewhere > 0 AND dns_neighbours + dns_reached = 0 AND dns_trusted_reached > 0",
        State.LIKELY_BLOCKED,
        "The system's resolver gives an address of another network, at which nobody answers; a trusted resolver's "
        "works.",
        "dns.injection.other",
    ),
    _unanswered("refused", "refuses to answer"),
    _unanswered("servfail", "fails"),
    _unanswered("timeout", "is silent", " AND dns_others_lost = 0 AND NOT line_drops"),
    Rule(
        "name_resolves_denial_seen",
        f"dns_genuine > 0 AND {_HARMLESS} AND dns_forged_denial",
        State.OK,
        "The name resolves to its own address; a forged denial was seen, and did no harm.",
        "dns.nxdomain",
    ),
    Rule(
        "name_resolves_forged_bogon_seen",
        f"dns_genuine > 0 AND {_HARMLESS} AND dns_forged_bogon",
        State.OK,
        "The name resolves to its own address; a forged answer was seen, and did no harm.",
        "dns.injection.bogon",
    ),
    Rule(
        "name_resolves_forged_answer_seen",
        f"dns_genuine > 0 AND {_HARMLESS}",
        State.OK,
        "The name resolves to its own address; a forged answer was seen, and did no harm.",
        "dns.injection.other",
    ),
    Rule(
        "name_resolves_answer_copied",
        "dns_genuine > 0 AND dns_doubled > 0",
        State.OK,
        "The name resolves to its own address; the right answer was also injected on the path.",
        "dns.injection",
    ),
    Rule(
        "name_resolves_answer_injected",
        "dns_genuine > 0 AND dns_dark_genuine > 0 AND dns_dark_silent",
        State.OK,
        "The name resolves to its own address; the right answer comes also from where only this name is answered.",
        "dns.injection",
    ),
    Rule(
        "name_resolves_intercepted",
        "dns_genuine > 0 AND (dns_dark_genuine > 0 OR dns_intercepted)",
        State.OK,
        "The name resolves to its own address; somebody on the path answers in the resolvers' place.",
        "dns.intercepted",
        supersedes=("name_resolves_through_proxy",),
    ),
    Rule("name_resolves", "dns_genuine > 0", State.OK, "The name resolves to an address that is proven to be its own."),
    Rule(
        "name_unknown_everywhere",
        "dns_failure_kind <> '' AND control_attempts > 0 AND control_successes = 0 AND dns_authenticated = 0",
        State.DOWN,
        "The name does not resolve here, nor at the test helper.",
    ),
    Rule(
        "name_family_absent",
        "dns_family_absent",
        State.INSUFFICIENT,
        "The name has addresses only of a family that does not work on this network.",
    ),
    Rule(
        "name_interrupted",
        "interrupted",
        State.INSUFFICIENT,
        "The run was interrupted before it was known what to make of the name.",
    ),
    Rule(
        "name_fails",
        "dns_failure_kind <> ''",
        State.IMPAIRED,
        "The name does not resolve here, and nothing proves a true answer.",
    ),
    Rule(
        "name_unproven",
        "dns_answers > 0",
        State.INSUFFICIENT,
        "The name resolves to addresses that nothing proves or disproves to be its own.",
    ),
    Rule("name_undecided", "TRUE", State.INSUFFICIENT, "No rule covers how the name resolved."),
)
