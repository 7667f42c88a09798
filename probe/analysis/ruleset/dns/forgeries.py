"""Define the rules about forged DNS answers: from a race, an interceptor, the resolver, the path, or unknown."""

from collections.abc import Iterator

from probe.analysis.rules.rule import Kind, Rule, State
from probe.analysis.ruleset.dns.dns_conditions import (
    BOGON,
    FROM_RESOLVER,
    ON_PATH,
    SUSPECT,
    TRUE_ANSWER,
    TRUSTED,
    UNVERIFIED,
)
from probe.messages import mark

_FORGED = (
    f"(dns_forged_first > 0 OR ({UNVERIFIED} AND {TRUE_ANSWER} AND {SUSPECT})"
    f" OR ({UNVERIFIED} AND dns_bogon = dns_answers AND dns_authenticated > 0))"
)
_LEADS = (
    (
        "blockpage",
        "dns_blockpage > 0",
        "leads to a known block page",
        mark("The false address leads to a block page."),
    ),
    (
        "bogon",
        BOGON,
        "is an address that no public service can have",
        mark("No public server can have the false address."),
    ),
    ("other", "", "is the address of another party", mark("The false address belongs to another server.")),
)
"""What the false address is, its condition, and the words for it. The first that holds counts."""

_ONE_FAMILY = Kind(
    "dns_one_family_forged",
    State.DEGRADED,
    because=(
        "The addresses of one family are verified and work, and the answer for the other family is forged. It {leads}."
    ),
    plain=mark(
        "This network gives a false address for {host}, over IPv4 only or over IPv6 only. {forgery} The other kind of "
        "address works, so {service} works in part."
    ),
)
_FORGED_FIRST = Kind(
    "dns_race_forged_first",
    State.BLOCKED,
    because="Of two contradicting answers to one query, the unverified one came first. It {leads}.",
    plain=mark(
        "This network sent a false address for {host} before the real answer arrived. {forgery} Access to {service} is "
        "blocked."
    ),
)
_INTERCEPTOR = Kind(
    "dns_interceptor_forges",
    State.BLOCKED,
    because=(
        "A device on the path answers in the place of every resolver and gives a false address, while the true one is "
        "proven. The false address {leads}."
    ),
    plain=mark(
        "A device in this network answers all name lookups itself, and gives a false address for {host}. {forgery} "
        "Access to {service} is blocked."
    ),
)
_RESOLVER = Kind(
    "dns_resolver_forges",
    State.BLOCKED,
    because=(
        "The system resolver itself gives a false address, and a public resolver, asked the same way, gives the true "
        "one. The false address {leads}."
    ),
    plain=mark(
        "The name server of this network gives a false address for {host}. A public name server gives the real one. "
        "{forgery} Access to {service} is blocked."
    ),
)
_ON_PATH = Kind(
    "dns_forged_on_path",
    State.BLOCKED,
    because=(
        "Queries to any resolver, and even to a non-resolver, get a false address, while the true one is proven. The "
        "false address {leads}."
    ),
    plain=mark(
        "This network forges the answers of all name servers for {host}, and sends a false address. {forgery} Access "
        "to {service} is blocked."
    ),
)
_PROVEN = Kind(
    "dns_forgery_proven",
    State.BLOCKED,
    because=(
        "The system resolver gives a false address, and the address from another source is proven. The false address "
        "{leads}."
    ),
    plain=mark(
        "The name lookup in this network gives a false address for {host}. The real address is known from another "
        "source. {forgery} Access to {service} is blocked."
    ),
)
_PROVEN_AT_CONTROL = Kind(
    "dns_forgery_proven_at_control",
    State.BLOCKED,
    because=(
        "The system resolver contradicts an encrypted resolver, whose address is proven at the test helper. The false "
        "address {leads}."
    ),
    plain=mark(
        "The name lookup in this network gives a false address for {host}. An encrypted lookup gives the real one. "
        "{forgery} Access to {service} is blocked."
    ),
)
_AT_PUBLIC_RESOLVER = Kind(
    "dns_race_at_public_resolver",
    State.BLOCKED,
    because=(
        "A query to a public resolver gets contradicting answers, and the address from the system resolver is "
        "unverified. It {leads}."
    ),
    plain=mark(
        "This network sends false answers when a public name server is asked for {host}. Its own answer could not be "
        "verified. {forgery} Access to {service} is blocked."
    ),
)
_FROM_NON_RESOLVER = Kind(
    "dns_answer_from_non_resolver",
    State.BLOCKED,
    because=(
        "A non-resolver seems to answer the query, and trusted resolvers give other addresses. The false address "
        "{leads}."
    ),
    plain=mark(
        "This network forges an answer when {host} is looked up. It came from an address where no name server runs. "
        "{forgery} Access to {service} is blocked."
    ),
)


def _forgeries(kind: Kind, when: str) -> Iterator[Rule]:
    for forged, condition, technical, plain in _LEADS:
        yield kind.rule(
            f"{when} AND {condition}" if condition else when,
            forged=forged,
            mechanism=f"dns.injection.{forged}",
            because={"leads": technical},
            plain={"forgery": plain},
        )


_SUSPECT_HERE = f"{UNVERIFIED} AND {TRUE_ANSWER} AND {SUSPECT}"

FORGERIES = (
    Rule(
        "dns_race_denial_first",
        "dns_forged_first > 0 AND dns_forged_denial",
        State.BLOCKED,
        mechanism="dns.nxdomain",
        forged="denial",
        because="Of two contradicting answers to one query, the first one says that the name does not exist.",
        plain=mark(
            "This network answered that there is no server named {host}, before the real answer arrived. Access to "
            "{service} is blocked."
        ),
    ),
    *_forgeries(_ONE_FAMILY, f"dns_family_spared AND {_FORGED}"),
    *_forgeries(_FORGED_FIRST, "dns_forged_first > 0"),
    *_forgeries(_INTERCEPTOR, f"{_SUSPECT_HERE} AND dns_intercepted"),
    *_forgeries(_RESOLVER, f"{_SUSPECT_HERE} AND {FROM_RESOLVER}"),
    *_forgeries(_ON_PATH, f"{_SUSPECT_HERE} AND {ON_PATH}"),
    *_forgeries(_PROVEN, f"{UNVERIFIED} AND dns_proven_here > 0 AND {SUSPECT}"),
    *_forgeries(_PROVEN_AT_CONTROL, f"{UNVERIFIED} AND dns_proven_authenticated > 0 AND {SUSPECT}"),
    *_forgeries(_AT_PUBLIC_RESOLVER, f"{UNVERIFIED} AND dns_forged_public > 0"),
    *_forgeries(_FROM_NON_RESOLVER, f"{UNVERIFIED} AND dns_dark_forged > 0 AND {TRUSTED}"),
    Rule(
        "dns_bogon_from_non_resolver",
        f"{UNVERIFIED} AND dns_bogon = dns_answers AND dns_dark_forged > 0 AND dns_dark_silent",
        State.BLOCKED,
        mechanism="dns.injection.bogon",
        forged="bogon",
        because=(
            "A non-resolver that is silent about innocuous names seems to answer the query, and gives an address that "
            "no public service can have."
        ),
        plain=_FROM_NON_RESOLVER.plain,
        words=(("forgery", _LEADS[1][3]),),
    ),
    Rule(
        "dns_leads_to_blockpage",
        f"{UNVERIFIED} AND dns_blockpage > 0",
        State.BLOCKED,
        mechanism="dns.injection.blockpage",
        forged="blockpage",
        because="The address from the system resolver leads to a known block page.",
        plain=mark("The name lookup in this network leads {host} to a block page. Access to {service} is blocked."),
    ),
    Rule(
        "dns_bogon_contradicted",
        f"{UNVERIFIED} AND dns_bogon = dns_answers AND dns_authenticated > 0",
        State.BLOCKED,
        mechanism="dns.injection.bogon",
        forged="bogon",
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
