"""Define the rules about names that the system resolver denies, does not answer, or answers with unusable addresses."""

from probe.analysis.phenomena.missing_checks import lookup_unrepeated
from probe.analysis.phenomena.query_limits import FAILS_FOR_THIS_NAME, QUERY_LIMIT_RULE
from probe.analysis.phenomena.unrecorded_comparisons import failure_unrecorded
from probe.analysis.rules.rule import Kind, Rule, State
from probe.analysis.ruleset.dns.dns_conditions import FROM_RESOLVER, ON_PATH, SUSPECT, TRUE_ANSWER, TRUSTED, UNVERIFIED
from probe.messages import mark

_OTHER_DEVICE = "(dns_unlike > 0 OR dns_too_fast > 0)"

_RESOLVER_FAILS = (
    f"(dns_failure_kind = 'refused' OR dns_failure_kind = 'servfail' OR dns_failure_kind = 'timeout') AND {TRUE_ANSWER}"
)

_DENIAL_PROVEN_FALSE = Kind(
    "dns_denial_proven_false",
    State.BLOCKED,
    because="The system resolver {denies}, and the address from another source is proven.",
    plain=mark(
        "The name lookup in this network says that there is no address for {host}. The real address is known from "
        "another source. Access to {service} is blocked."
    ),
)
_LOOKUP_FAILS_HERE = Kind(
    "dns_lookup_fails_here",
    State.LIKELY_BLOCKED,
    because="The system resolver {fails}, and the true answer is proven.",
    plain=mark(
        "The name server of this network gives no address for {host}, and gives those of other names: {failure}. "
        "Access to {service} is probably blocked."
    ),
)


def _lookup_fails(way: str, technical: str, plain: str, lossless: str = "") -> Rule:
    return _LOOKUP_FAILS_HERE.rule(
        f"dns_failure_kind = '{way}' AND {TRUE_ANSWER} AND dns_other_names_resolved > 0 AND {FAILS_FOR_THIS_NAME}"
        f"{lossless} AND NOT innocuous_connects_fail",
        way=way,
        mechanism=f"dns.{way}",
        because={"fails": technical},
        plain={"failure": plain},
    )


FAILED_LOOKUPS = (
    QUERY_LIMIT_RULE,
    Rule(
        "dns_resolver_contradicts_itself",
        f"dns_own_genuine > 0 AND {TRUE_ANSWER} AND NOT ({ON_PATH}) AND (dns_failure_kind = 'nxdomain' OR "
        "dns_failure_kind = 'no_answer' OR dns_failure_kind = 'refused' OR dns_failure_kind = 'servfail')",
        State.IMPAIRED,
        because=(
            "The system resolver fails for this name, and gives a verified address to another query at the same time. "
            "A broken resolver does that."
        ),
        plain=mark(
            "The name server of this network gave no address for {host}. It may have been out of order for a time. The "
            "cause is unclear. Run the test again later."
        ),
    ),
    Rule(
        "dns_resolver_denies",
        f"dns_failure_kind = 'nxdomain' AND {TRUE_ANSWER} AND {FROM_RESOLVER}",
        State.BLOCKED,
        mechanism="dns.nxdomain",
        because=(
            "The system resolver itself denies the name, and a public resolver, asked the same way, gives an address "
            "that is proven."
        ),
        plain=mark(
            "The name server of this network says that there is no server named {host}. A public name server gives its "
            "real address. Access to {service} is blocked."
        ),
    ),
    Rule(
        "dns_denied_on_path",
        f"dns_failure_kind = 'nxdomain' AND {TRUE_ANSWER} AND {ON_PATH}",
        State.BLOCKED,
        mechanism="dns.nxdomain",
        because=(
            "Queries to any resolver, and even to a non-resolver, are answered that the name does not exist, while "
            "its address is proven."
        ),
        plain=mark(
            "This network forges the answers of all name servers, and says that there is no server named {host}. There "
            "is one. Access to {service} is blocked."
        ),
    ),
    _DENIAL_PROVEN_FALSE.rule(
        f"dns_failure_kind = 'nxdomain' AND {TRUE_ANSWER}",
        way="nxdomain",
        mechanism="dns.nxdomain",
        because={"denies": "denies the name"},
    ),
    _DENIAL_PROVEN_FALSE.rule(
        f"dns_failure_kind = 'no_answer' AND {TRUE_ANSWER}",
        way="no_answer",
        mechanism="dns",
        because={"denies": "says that the name has no address"},
    ),
    Rule(
        "name_resolves_in_one_family",
        f"dns_family_spared AND {UNVERIFIED}",
        State.OK,
        because=(
            "The addresses of one family are verified, and nothing shows that those of the other family are forged."
        ),
        plain=mark("The name lookup in this network gives a real address for {host}."),
    ),
    Rule(
        "dns_known_forgery",
        f"{UNVERIFIED} AND dns_known_forged = dns_answers AND ({TRUSTED} OR dns_others_denied > 0)",
        State.BLOCKED,
        mechanism="dns.injection.bogon",
        forged="bogon",
        because=(
            "The system resolver gives an address that censors of this country are known to give in false answers, and "
            "that no public service can have. A trusted resolver gives another address, or denies the name."
        ),
        plain=mark(
            "The name lookup in this network gives a false address for {host}. It is known from blocked services in "
            "this country, and another name server does not give it. Access to {service} is blocked."
        ),
    ),
    Rule(
        "dns_bogon_here",
        f"{UNVERIFIED} AND dns_bogon = dns_answers AND dns_from_control > 0",
        State.LIKELY_BLOCKED,
        mechanism="dns.injection.bogon",
        because=(
            "The system resolver gives an address that no public service can have, and the test helper's resolver "
            "gives another address."
        ),
        plain=mark(
            "The name lookup in this network gives an address for {host} that no public server can have. Outside this "
            "network another address is given. Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "dns_answer_of_another_device",
        f"{UNVERIFIED} AND {_OTHER_DEVICE} AND {TRUSTED} AND {SUSPECT} AND NOT dns_intercepted",
        State.LIKELY_BLOCKED,
        mechanism="dns.injection.other",
        because=(
            "Trusted resolvers give other addresses, and the answer looks as if another device than the resolver had "
            "sent it."
        ),
        plain=mark(
            "The address for {host} seems to come from another device than the name server. Trusted name servers give "
            "other addresses. Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "dns_nxdomain_here",
        f"dns_failure_kind = 'nxdomain' AND {TRUSTED} AND dns_others_denied = 0",
        State.LIKELY_BLOCKED,
        mechanism="dns.nxdomain",
        because="The system resolver denies the name, and trusted resolvers give addresses for it.",
        plain=mark(
            "The name lookup in this network says that there is no server named {host}. Trusted name servers know the "
            "name. Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "dns_stale_answer_here",
        f"{UNVERIFIED} AND dns_neighbours = dns_answers AND dns_reached = 0 AND ({TRUE_ANSWER} OR "
        "dns_trusted_reached > 0)",
        State.IMPAIRED,
        because=(
            "The address from the system resolver is in the service's own network and does not work, and that from "
            "another resolver works."
        ),
        plain=mark(
            "The name lookup in this network gives an address for {host} that does not work, and that may be out of "
            "date. Another address works. The cause is unclear."
        ),
    ),
    Rule(
        "dns_answer_fails_here",
        f"{UNVERIFIED} AND dns_reached = 0 AND dns_proven_here > 0",
        State.LIKELY_BLOCKED,
        mechanism="dns.injection.other",
        because="The address from the system resolver does not work, and that from another resolver is proven.",
        plain=mark(
            "The name lookup in this network gives an address for {host} that does not work. The real address is known "
            "from another source. Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "dns_answer_elsewhere_fails_here",
        f"{UNVERIFIED} AND dns_elsewhere > 0 AND dns_neighbours + dns_reached = 0 AND dns_trusted_reached > 0",
        State.LIKELY_BLOCKED,
        mechanism="dns.injection.other",
        because=(
            "The address from the system resolver is in another network and does not answer, and that from a trusted "
            "resolver works."
        ),
        plain=mark(
            "The name lookup in this network gives an address for {host} that does not answer. A trusted name server "
            "gives one that works. Access to {service} is probably blocked."
        ),
    ),
    lookup_unrepeated(
        "(dns_failure_kind = 'refused' OR dns_failure_kind = 'servfail')"
        f" AND {TRUE_ANSWER} AND dns_other_names_resolved > 0 AND {FAILS_FOR_THIS_NAME}"
    ),
    _lookup_fails(
        "refused",
        "refuses queries for this name and answered one for another name then",
        mark("it refuses to answer"),
    ),
    _lookup_fails(
        "servfail",
        "reports a failure for this name and answered for another name then",
        mark("it reports a failure"),
    ),
    _lookup_fails(
        "timeout",
        "does not answer queries for this name, answered one for another name while this one waited",
        mark("it does not answer"),
        " AND dns_others_lost = 0 AND NOT line_drops",
    ),
    failure_unrecorded(_RESOLVER_FAILS),
    Rule(
        "dns_resolver_fails_here",
        _RESOLVER_FAILS,
        State.IMPAIRED,
        because=(
            "The system resolver fails for this name, and the true answer is proven. An outage of the resolver or lost "
            "packets are not excluded."
        ),
        plain=mark(
            "The name server of this network gave no address for {host}. It may have been out of order for a time. The "
            "cause is unclear. Run the test again later."
        ),
    ),
)
