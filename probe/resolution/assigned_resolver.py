"""Find the resolver that the network assigned to this computer, if the computer asks another one.

The user, a program or a company has set the other one then. What it answers says nothing about the network, unless the
assigned resolver answers alike.
"""

import asyncio
import ipaddress

from probe.platforms.assigned_resolvers import assigned_resolvers
from probe.platforms.configured_resolvers import system_resolvers, upstream_of_stub
from probe.platforms.default_routes import default_interfaces
from probe.platforms.interfaces import interface_of
from probe.platforms.own_addresses import source_addresses
from probe.session.session import Session
from probe.targets.target import family_of

ASSIGNED = "assigned"  # what records show in place of its address


def resolver_in_use() -> str:
    """Return the address of the resolver that the system asks. A stub of systemd only forwards to it."""
    servers = system_resolvers()
    first = servers[0].partition("%")[0] if servers else ""
    return upstream_of_stub(first) or first


def place_of(session: Session, address: str) -> str:
    """Return where a resolver is, as `x_run.name_filter` has it."""
    if session.filters.resolver_at(address) is not None:
        return "listed"
    ip = ipaddress.ip_address(address)
    if ip.is_loopback:
        return "this_computer"
    if not ip.is_global:
        return "local_network"
    return "public" if address in {endpoint.host for _, endpoint in session.resolvers.endpoints()} else "elsewhere"


def assigned_resolver(session: Session) -> str:
    """Return the address of the assigned resolver, "" if the computer asks it anyway, or if it is not known.

    The resolver in use was set by the user only if no network assigned it. So the assigned ones must be known over its
    family, and flows must leave through one interface. A resolver on this computer may ask over any family.
    """
    used, assigned = resolver_in_use(), session.assigned_resolvers
    known = [one for one in assigned if session.family_works(family_of(one))]
    if used and not ipaddress.ip_address(used).is_loopback:
        known = [one for one in known if family_of(one) == family_of(used)]
    return known[0] if known and used and used not in assigned else ""


def may_be_the_cause(session: Session) -> bool:
    """Return whether an answer of the assigned resolver can show that the one in use is the cause.

    A network can answer in the place of a well-known resolver. A listed filter is known by its tests.
    """
    return assigned_resolver(session) != "" and place_of(session, resolver_in_use()) not in {"listed", "public"}


async def learn_assigned_resolvers(session: Session) -> None:
    """Ask the system once, before the run, what the network assigned. A helper's own network is of no interest."""
    if not session.as_control:
        session.assigned_resolvers = await asyncio.to_thread(_assigned, session.public_addresses())


def _assigned(destinations: list[str]) -> list[str]:
    """Return the resolvers assigned to the only interface with a default route, none if there are several."""
    leaving = {interface_of(source) for source in source_addresses(destinations)}
    names = {name for name in (*leaving, *default_interfaces()) if name is not None}
    return assigned_resolvers(names) if len(names) == 1 else []
