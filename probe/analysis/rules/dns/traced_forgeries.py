"""Define the rules about forged DNS answers whose origin is known: race, interceptor, resolver or path."""

from probe.analysis.rules.dns.conditions import BOGON, FROM_RESOLVER, ON_PATH, SUSPECT, TRUE_ANSWER, UNVERIFIED
from probe.analysis.rules.rule import Rule, State
from probe.messages import mark

_FORGED = (
    f"(dns_forged_first > 0 OR ({UNVERIFIED} AND {TRUE_ANSWER} AND {SUSPECT})"
    f" OR ({UNVERIFIED} AND dns_bogon = dns_answers AND dns_authenticated > 0))"
)

TRACED_FORGERIES = (
    Rule(
        "dns_race_denial_first",
        "dns_forged_first > 0 AND dns_forged_denial",
        State.BLOCKED,
        mechanism="dns.nxdomain",
        because="Of two contradicting answers to one query, the first one says that the name does not exist.",
        plain=mark(
            "This network answered that there is no server named {host}, before the real answer arrived. Access to "
            "{service} is blocked."
        ),
    ),
    Rule(
        "dns_one_family_forged_blockpage",
        f"dns_family_spared AND {_FORGED} AND dns_blockpage > 0",
        State.DEGRADED,
        mechanism="dns.injection.blockpage",
        because=(
            "The addresses of one family are verified and work, and the answer for the other family is forged. It "
            "leads to a known block page."
        ),
        plain=mark(
            "This network gives a false address for {host}, over IPv4 only or over IPv6 only. The false address leads "
            "to a block page. The other kind of address works, so {service} works in part."
        ),
    ),
    Rule(
        "dns_one_family_forged_bogon",
        f"dns_family_spared AND {_FORGED} AND {BOGON}",
        State.DEGRADED,
        mechanism="dns.injection.bogon",
        because=(
            "The addresses of one family are verified and work, and the answer for the other family is forged. It is "
            "an address that no public service can have."
        ),
        plain=mark(
            "This network gives a false address for {host}, over IPv4 only or over IPv6 only. No public server can "
            "have the false address. The other kind of address works, so {service} works in part."
        ),
    ),
    Rule(
        "dns_one_family_forged_other",
        f"dns_family_spared AND {_FORGED}",
        State.DEGRADED,
        mechanism="dns.injection.other",
        because=(
            "The addresses of one family are verified and work, and the answer for the other family is forged. It is "
            "the address of another party."
        ),
        plain=mark(
            "This network gives a false address for {host}, over IPv4 only or over IPv6 only. The false address "
            "belongs to another server. The other kind of address works, so {service} works in part."
        ),
    ),
    Rule(
        "dns_race_forged_first_blockpage",
        "dns_forged_first > 0 AND dns_blockpage > 0",
        State.BLOCKED,
        mechanism="dns.injection.blockpage",
        because=(
            "Of two contradicting answers to one query, the unverified one came first. It leads to a known block page."
        ),
        plain=mark(
            "This network sent a false address for {host} before the real answer arrived. The false address leads to a "
            "block page. Access to {service} is blocked."
        ),
    ),
    Rule(
        "dns_race_forged_first_bogon",
        f"dns_forged_first > 0 AND {BOGON}",
        State.BLOCKED,
        mechanism="dns.injection.bogon",
        because=(
            "Of two contradicting answers to one query, the unverified one came first. It is an address that no "
            "public service can have."
        ),
        plain=mark(
            "This network sent a false address for {host} before the real answer arrived. No public server can have "
            "the false address. Access to {service} is blocked."
        ),
    ),
    Rule(
        "dns_race_forged_first_other",
        "dns_forged_first > 0",
        State.BLOCKED,
        mechanism="dns.injection.other",
        because=(
            "Of two contradicting answers to one query, the unverified one came first. It is the address of another "
            "party."
        ),
        plain=mark(
            "This network sent a false address for {host} before the real answer arrived. The false address belongs to "
            "another server. Access to {service} is blocked."
        ),
    ),
    Rule(
        "dns_interceptor_lies_blockpage",
        f"{UNVERIFIED} AND {TRUE_ANSWER} AND {SUSPECT} AND dns_intercepted AND dns_blockpage > 0",
        State.BLOCKED,
        mechanism="dns.injection.blockpage",
        because=(
            "A device on the path answers in the place of every resolver and gives a false address, while the true "
            "one is proven. The false address leads to a known block page."
        ),
        plain=mark(
            "A device in this network answers all name lookups itself, and gives a false address for {host}. The false "
            "address leads to a block page. Access to {service} is blocked."
        ),
    ),
    Rule(
        "dns_interceptor_lies_bogon",
        f"{UNVERIFIED} AND {TRUE_ANSWER} AND {SUSPECT} AND dns_intercepted AND {BOGON}",
        State.BLOCKED,
        mechanism="dns.injection.bogon",
        because=(
            "A device on the path answers in the place of every resolver and gives a false address, while the true "
            "one is proven. The false address is an address that no public service can have."
        ),
        plain=mark(
            "A device in this network answers all name lookups itself, and gives a false address for {host}. No public "
            "server can have the false address. Access to {service} is blocked."
        ),
    ),
    Rule(
        "dns_interceptor_lies_other",
        f"{UNVERIFIED} AND {TRUE_ANSWER} AND {SUSPECT} AND dns_intercepted",
        State.BLOCKED,
        mechanism="dns.injection.other",
        because=(
            "A device on the path answers in the place of every resolver and gives a false address, while the true "
            "one is proven. The false address is the address of another party."
        ),
        plain=mark(
            "A device in this network answers all name lookups itself, and gives a false address for {host}. The false "
            "address belongs to another server. Access to {service} is blocked."
        ),
    ),
    Rule(
        "dns_resolver_lies_blockpage",
        f"{UNVERIFIED} AND {TRUE_ANSWER} AND {SUSPECT} AND {FROM_RESOLVER} AND dns_blockpage > 0",
        State.BLOCKED,
        mechanism="dns.injection.blockpage",
        because=(
            "The system resolver itself gives a false address, and a public resolver, asked the same way, gives the "
            "true one. The false address leads to a known block page."
        ),
        plain=mark(
            "The name server of this network gives a false address for {host}. A public name server gives the real "
            "one. The false address leads to a block page. Access to {service} is blocked."
        ),
    ),
    Rule(
        "dns_resolver_lies_bogon",
        f"{UNVERIFIED} AND {TRUE_ANSWER} AND {SUSPECT} AND {FROM_RESOLVER} AND {BOGON}",
        State.BLOCKED,
        mechanism="dns.injection.bogon",
        because=(
            "The system resolver itself gives a false address, and a public resolver, asked the same way, gives the "
            "true one. The false address is an address that no public service can have."
        ),
        plain=mark(
            "The name server of this network gives a false address for {host}. A public name server gives the real "
            "one. No public server can have the false address. Access to {service} is blocked."
        ),
    ),
    Rule(
        "dns_resolver_lies_other",
        f"{UNVERIFIED} AND {TRUE_ANSWER} AND {SUSPECT} AND {FROM_RESOLVER}",
        State.BLOCKED,
        mechanism="dns.injection.other",
        because=(
            "The system resolver itself gives a false address, and a public resolver, asked the same way, gives the "
            "true one. The false address is the address of another party."
        ),
        plain=mark(
            "The name server of this network gives a false address for {host}. A public name server gives the real "
            "one. The false address belongs to another server. Access to {service} is blocked."
        ),
    ),
    Rule(
        "dns_forged_on_path_blockpage",
        f"{UNVERIFIED} AND {TRUE_ANSWER} AND {SUSPECT} AND {ON_PATH} AND dns_blockpage > 0",
        State.BLOCKED,
        mechanism="dns.injection.blockpage",
        because=(
            "Queries to any resolver, and even to a non-resolver, get a false address, while the true one is proven. "
            "The false address leads to a known block page."
        ),
        plain=mark(
            "This network forges the answers of all name servers for {host}, and sends a false address. The false "
            "address leads to a block page. Access to {service} is blocked."
        ),
    ),
    Rule(
        "dns_forged_on_path_bogon",
        f"{UNVERIFIED} AND {TRUE_ANSWER} AND {SUSPECT} AND {ON_PATH} AND {BOGON}",
        State.BLOCKED,
        mechanism="dns.injection.bogon",
        because=(
            "Queries to any resolver, and even to a non-resolver, get a false address, while the true one is proven. "
            "The false address is an address that no public service can have."
        ),
        plain=mark(
            "This network forges the answers of all name servers for {host}, and sends a false address. No public "
            "server can have the false address. Access to {service} is blocked."
        ),
    ),
    Rule(
        "dns_forged_on_path_other",
        f"{UNVERIFIED} AND {TRUE_ANSWER} AND {SUSPECT} AND {ON_PATH}",
        State.BLOCKED,
        mechanism="dns.injection.other",
        because=(
            "Queries to any resolver, and even to a non-resolver, get a false address, while the true one is proven. "
            "The false address is the address of another party."
        ),
        plain=mark(
            "This network forges the answers of all name servers for {host}, and sends a false address. The false "
            "address belongs to another server. Access to {service} is blocked."
        ),
    ),
)
