"""Define the rules about false DNS answers whose origin is not known."""

from probe.analysis.rules.dns.conditions import BOGON, SUSPECT, TRUSTED, UNVERIFIED
from probe.analysis.rules.rule import Rule, State
from probe.messages import mark

UNTRACED_FORGERIES = (
    Rule(
        "dns_lie_proven_blockpage",
        f"{UNVERIFIED} AND dns_proven_here > 0 AND {SUSPECT} AND dns_blockpage > 0",
        State.BLOCKED,
        mechanism="dns.injection.blockpage",
        because=(
            "The system resolver gives a false address, and the address from another source is proven. The false "
            "address leads to a known block page."
        ),
        plain=mark(
            "The name lookup in this network gives a false address for {host}. The real address is known from another "
            "source. The false address leads to a block page. Access to {service} is blocked."
        ),
    ),
    Rule(
        "dns_lie_proven_bogon",
        f"{UNVERIFIED} AND dns_proven_here > 0 AND {SUSPECT} AND {BOGON}",
        State.BLOCKED,
        mechanism="dns.injection.bogon",
        because=(
            "The system resolver gives a false address, and the address from another source is proven. The false "
            "address is an address that no public service can have."
        ),
        plain=mark(
            "The name lookup in this network gives a false address for {host}. The real address is known from another "
            "source. No public server can have the false address. Access to {service} is blocked."
        ),
    ),
    Rule(
        "dns_lie_proven_other",
        f"{UNVERIFIED} AND dns_proven_here > 0 AND {SUSPECT}",
        State.BLOCKED,
        mechanism="dns.injection.other",
        because=(
            "The system resolver gives a false address, and the address from another source is proven. The false "
            "address is the address of another party."
        ),
        plain=mark(
            "The name lookup in this network gives a false address for {host}. The real address is known from another "
            "source. The false address belongs to another server. Access to {service} is blocked."
        ),
    ),
    Rule(
        "dns_lie_proven_at_control_blockpage",
        f"{UNVERIFIED} AND dns_proven_authenticated > 0 AND {SUSPECT} AND dns_blockpage > 0",
        State.BLOCKED,
        mechanism="dns.injection.blockpage",
        because=(
            "The system resolver contradicts an encrypted resolver, whose address is proven at the test helper. The "
            "false address leads to a known block page."
        ),
        plain=mark(
            "The name lookup in this network gives a false address for {host}. An encrypted lookup gives the real one. "
            "The false address leads to a block page. Access to {service} is blocked."
        ),
    ),
    Rule(
        "dns_lie_proven_at_control_bogon",
        f"{UNVERIFIED} AND dns_proven_authenticated > 0 AND {SUSPECT} AND {BOGON}",
        State.BLOCKED,
        mechanism="dns.injection.bogon",
        because=(
            "The system resolver contradicts an encrypted resolver, whose address is proven at the test helper. The "
            "false address is an address that no public service can have."
        ),
        plain=mark(
            "The name lookup in this network gives a false address for {host}. An encrypted lookup gives the real one. "
            "No public server can have the false address. Access to {service} is blocked."
        ),
    ),
    Rule(
        "dns_lie_proven_at_control_other",
        f"{UNVERIFIED} AND dns_proven_authenticated > 0 AND {SUSPECT}",
        State.BLOCKED,
        mechanism="dns.injection.other",
        because=(
            "The system resolver contradicts an encrypted resolver, whose address is proven at the test helper. The "
            "false address is the address of another party."
        ),
        plain=mark(
            "The name lookup in this network gives a false address for {host}. An encrypted lookup gives the real one. "
            "The false address belongs to another server. Access to {service} is blocked."
        ),
    ),
    Rule(
        "dns_race_at_public_resolver_blockpage",
        f"{UNVERIFIED} AND dns_forged_public > 0 AND dns_blockpage > 0",
        State.BLOCKED,
        mechanism="dns.injection.blockpage",
        because=(
            "A query to a public resolver gets contradicting answers, and the address from the system resolver is "
            "unverified. It leads to a known block page."
        ),
        plain=mark(
            "This network sends false answers when a public name server is asked for {host}. Its own answer could not "
            "be verified. The false address leads to a block page. Access to {service} is blocked."
        ),
    ),
    Rule(
        "dns_race_at_public_resolver_bogon",
        f"{UNVERIFIED} AND dns_forged_public > 0 AND {BOGON}",
        State.BLOCKED,
        mechanism="dns.injection.bogon",
        because=(
            "A query to a public resolver gets contradicting answers, and the address from the system resolver is "
            "unverified. It is an address that no public service can have."
        ),
        plain=mark(
            "This network sends false answers when a public name server is asked for {host}. Its own answer could not "
            "be verified. No public server can have the false address. Access to {service} is blocked."
        ),
    ),
    Rule(
        "dns_race_at_public_resolver_other",
        f"{UNVERIFIED} AND dns_forged_public > 0",
        State.BLOCKED,
        mechanism="dns.injection.other",
        because=(
            "A query to a public resolver gets contradicting answers, and the address from the system resolver is "
            "unverified. It is the address of another party."
        ),
        plain=mark(
            "This network sends false answers when a public name server is asked for {host}. Its own answer could not "
            "be verified. The false address belongs to another server. Access to {service} is blocked."
        ),
    ),
    Rule(
        "dns_answer_from_nowhere_blockpage",
        f"{UNVERIFIED} AND dns_dark_forged > 0 AND {TRUSTED} AND dns_blockpage > 0",
        State.BLOCKED,
        mechanism="dns.injection.blockpage",
        because=(
            "A non-resolver seems to answer the query, and trusted resolvers give other addresses. The false address "
            "leads to a known block page."
        ),
        plain=mark(
            "This network forges an answer when {host} is looked up. It came from an address where no name server "
            "runs. The false address leads to a block page. Access to {service} is blocked."
        ),
    ),
    Rule(
        "dns_answer_from_nowhere_bogon",
        f"{UNVERIFIED} AND dns_dark_forged > 0 AND {TRUSTED} AND {BOGON}",
        State.BLOCKED,
        mechanism="dns.injection.bogon",
        because=(
            "A non-resolver seems to answer the query, and trusted resolvers give other addresses. The false address "
            "is an address that no public service can have."
        ),
        plain=mark(
            "This network forges an answer when {host} is looked up. It came from an address where no name server "
            "runs. No public server can have the false address. Access to {service} is blocked."
        ),
    ),
    Rule(
        "dns_answer_from_nowhere_other",
        f"{UNVERIFIED} AND dns_dark_forged > 0 AND {TRUSTED}",
        State.BLOCKED,
        mechanism="dns.injection.other",
        because=(
            "A non-resolver seems to answer the query, and trusted resolvers give other addresses. The false address "
            "is the address of another party."
        ),
        plain=mark(
            "This network forges an answer when {host} is looked up. It came from an address where no name server "
            "runs. The false address belongs to another server. Access to {service} is blocked."
        ),
    ),
    Rule(
        "dns_bogon_from_nowhere",
        f"{UNVERIFIED} AND dns_bogon = dns_answers AND dns_dark_forged > 0 AND dns_dark_silent",
        State.BLOCKED,
        mechanism="dns.injection.bogon",
        because=(
            "A non-resolver that is silent about innocuous names seems to answer the query, and gives an address that "
            "no public service can have."
        ),
        plain=mark(
            "This network forges an answer when {host} is looked up. It came from an address where no name server "
            "runs. No public server can have the false address. Access to {service} is blocked."
        ),
    ),
    Rule(
        "dns_leads_to_blockpage",
        f"{UNVERIFIED} AND dns_blockpage > 0",
        State.BLOCKED,
        mechanism="dns.injection.blockpage",
        because="The address from the system resolver leads to a known block page.",
        plain=mark("The name lookup in this network leads {host} to a block page. Access to {service} is blocked."),
    ),
    Rule(
        "dns_bogon_contradicted",
        f"{UNVERIFIED} AND dns_bogon = dns_answers AND dns_authenticated > 0",
        State.BLOCKED,
        mechanism="dns.injection.bogon",
        because=(
            "The system resolver gives an address that no public service can have, and an encrypted resolver gives "
            "another address."
        ),
        plain=mark(
            "The name lookup in this network gives an address for {host} that no public server can have. An encrypted "
            "lookup gives another one. Access to {service} is blocked."
        ),
    ),
)
