"""Hold the results of the checks of a network, and conclude from them: working families, portal, fit or not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from probe.formats.facts import Portal, Preflight, ResolverFacts, SegmentSizes
from probe.platforms.configured_resolvers import system_resolvers
from probe.resolution.encrypted_dns import WarmResolver
from probe.run.network.local_network import proxy_in_environment, resolver_class, through_vpn, translation
from probe.run.network.neutral_host import NeutralResult, intercepted, median_skew
from probe.session.session import Session
from probe.targets.target import family_of

PORTALS = ("redirect", "content", "dns")
NAMES_TOGETHER = 3  # of different operators. A portal leads that many names to one address.


@dataclass
class CheckResults:
    """Hold the results of the checks, filled as they end. Unfinished checks have no result."""

    neutral: list[NeutralResult] = field(default_factory=list)
    # one per answered check, None if the answer was as expected
    portal: list[Portal | None] = field(default_factory=list)
    udp: list[bool] = field(default_factory=list)
    # the same for public resolvers only, which are never in the local network
    udp_public: list[bool] = field(default_factory=list)
    warm: WarmResolver | None = None
    resolver: ResolverFacts | None = None  # how the system's resolver answers an innocuous question
    dark_answers: bool | None = None  # whether the non-resolver answers, None if it was not asked
    led_to: dict[str, list[str]] = field(default_factory=dict)  # innocuous name: addresses from the system's resolver
    heard: set[int] = field(default_factory=set)  # families of answers by public resolvers
    provider: int | None = None  # family over which the provider's resolver answered from beyond the local network
    pages: set[int] = field(default_factory=set)  # families of expected web pages
    mtu: SegmentSizes | None = None


def fill_session(session: Session, found: CheckResults) -> Preflight:
    """Fill the session's fields from the results. Return the facts of x_run.preflight."""
    proven = families_with_proof(found)
    families = proven if session.as_control else proven | _answered(found)
    if session.pace.translator is not None and 4 not in proven:  # it does not work, or leads elsewhere
        session.pace.translator, families = None, families - {4}
    session.ipv4, session.ipv6 = 4 in families, 6 in families
    session.encrypted = found.warm
    verified = [one for one in found.neutral if one.failure is None and not one.connect_only]
    session.neutral_addresses = [(one.ip, one.endpoint) for one in verified if not one.home]
    session.home_addresses = [(one.ip, one.endpoint) for one in verified if one.home]
    session.neutral_cut_off = any(one.cut_off() for one in found.neutral)
    portal = portal_verdict(found)
    public = {endpoint.host for _, endpoint in session.resolvers.endpoints() if endpoint.scheme == "dns+udp"}
    went_on = any(one.went_on() for one in found.neutral)
    return Preflight(
        network=portal is not None or (bool(families) and (bool(proven or found.pages or found.provider) or went_on)),
        neutral=[one.written() for one in found.neutral],
        portal=portal,
        clock_skew=median_skew(found.neutral),
        vpn=through_vpn(public),
        tls_interception="all" if intercepted(found.neutral) else None,
        ipv4=session.ipv4,
        ipv6=session.ipv6,
        ipv4_proven=4 in proven,
        ipv6_proven=6 in proven,
        udp=any(found.udp) if found.udp else None,
        udp_public=any(found.udp_public) if found.udp_public else None,
        resolver=found.resolver,
        dark_answers=found.dark_answers,
        proxy_environment=proxy_in_environment(),
        resolver_class=resolver_class(system_resolvers(), public),
        mtu=found.mtu,
        ipv4_translated=translation(public, by_probe=session.pace.translator is not None),
    )


def families_with_proof(found: CheckResults) -> set[int]:
    """Return the families over which a host proved its identity.

    An encrypted resolver is asked without a name. So it does not prove a family in which handshakes with names are cut
    off, if they pass in the other family.
    """
    usable = [one for one in found.neutral if (one.proven or one.trusted_by_machine) and not one.home]
    by_name = {family_of(one.ip) for one in usable}
    cut_off = {family_of(one.ip) for one in found.neutral if one.cut_off()} if by_name else set()
    return by_name | ({family_of(found.warm.ip)} - cut_off if found.warm else set())


def _answered(found: CheckResults) -> set[int]:
    """Return the families over which any flow was answered.

    A censor of all names or of a port hides the certificates that prove a family. A helper needs the proof, since it
    reports its own failures as facts about the servers.
    """
    provider = {found.provider} if found.provider else set()
    return found.heard | found.pages | provider | {family_of(one.ip) for one in found.neutral if one.answered()}


def portal_verdict(found: CheckResults) -> Portal | None:
    """Return the kind of portal, or None.

    A portal is assumed if no neutral host is verified and every check was answered differently or every name leads to
    one address. A host in the country refutes none, because operators let some of them pass without credit.
    """
    if any(one.proven and not one.home for one in found.neutral):
        return None
    if len(found.led_to) >= NAMES_TOGETHER and len({tuple(ips) for ips in found.led_to.values()}) == 1:
        return "dns"
    if None in found.portal:
        return None
    return next((verdict for verdict in found.portal if verdict is not None), None)


def usable(facts: Mapping[str, Any]) -> bool:
    """Tell whether the preflight found a usable network: some host answers, and there is no sign-in page."""
    return facts.get("network") is not False and facts.get("portal") not in PORTALS
