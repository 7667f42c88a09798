"""Find out whether the system's resolver filters names by lists: what it answers for names of advertising, and for the
names that the operator of a filtering resolver publishes for tests.

A censor's resolver has no reason to give false answers for these names. A filter that the user chose gives them.
"""

import asyncio
from contextlib import suppress

from probe.formats.entries import DNSQuery
from probe.formats.network_facts import FilterControl, ResolverFilter
from probe.platforms.configured_resolvers import system_resolvers
from probe.resolution.assigned_resolver import assigned_resolver, place_of, resolver_in_use
from probe.resolution.encrypted_dns import addresses_in, public_resolvers
from probe.session.session import Session
from probe.session.trace import StepFailed, Trace, TransactionFacts
from probe.signatures.filter_answers import FILTERED, MADE_UP, form_of, hops_travelled
from probe.steps.dns.dns import query_udp
from probe.targets.filter_file import ListedFilter

BEYOND_HOME = 2  # hops. The home router and a device of its kind before it are nearer.
SECONDS = 3.0  # for one answer
AT_ONCE = 3  # control names


async def check_name_filter(session: Session) -> None:
    """Look the control names up, once in a run, and keep what was found for `x_run.name_filter`."""
    async with session.filter_lock:
        if session.name_filter is None and not session.as_control and session.filters.names:
            session.name_filter = (await _checked(session)).model_dump(mode="json")


async def _checked(session: Session) -> ResolverFilter:
    address = resolver_in_use()
    if not address:
        return ResolverFilter(resolver="none", title=None, far=None, controls=[])
    listed = session.filters.resolver_at(address)
    slots, trace = asyncio.Semaphore(AT_ONCE), Trace()
    kinds = dict.fromkeys(session.filters.advertisements, "advertisement") | dict.fromkeys(_tests(listed), "test")
    found = await asyncio.gather(*(_control(session, trace, slots, name, kind) for name, kind in kinds.items()))
    await trace.finish(patience=0.0)
    hops = [hops for control, hops in found if hops is not None and control.known and control.answer in FILTERED]
    return ResolverFilter(
        resolver=place_of(session, address),
        title=listed.title if listed else None,
        far=max(hops) >= BEYOND_HOME if hops else None,
        assigned=place_of(session, assigned) if (assigned := assigned_resolver(session)) else None,
        controls=[*(control for control, _ in found), *map(_page, session.filters.pages_of(listed))],
    )


def _tests(listed: ListedFilter | None) -> tuple[str, ...]:
    return listed.tests if listed else ()


def _page(address: str) -> FilterControl:
    """Return the address of a block page as the answer for blocked names that it is. No query is sent for it."""
    return FilterControl(
        name=address,
        kind="page",
        answer=form_of(None, [address]),
        addresses=[address],
        authoritative=False,
        record_ttl=None,
        known=True,
    )


async def _control(
    session: Session, trace: Trace, slots: asyncio.Semaphore, name: str, kind: str
) -> tuple[FilterControl, int | None]:
    """Return the answer for a control name, and how many routers its packet passed."""
    async with slots:
        system, other = await asyncio.gather(_ask_system(session, trace, name), _known_elsewhere(session, trace, name))
    failure, addresses = (system.failure, addresses_in([system])) if system else ("", [])
    form = form_of(failure, addresses)
    first = next((response for response in (system.x_responses if system else None) or []), None)
    hops = hops_travelled(first.ip_ttl) if first and first.ip_ttl else None
    ttls = [answer.ttl for answer in system.answers if answer.address] if system and form in MADE_UP else []
    control = FilterControl(
        name=name,
        kind=kind,
        answer=form,
        addresses=sorted(set(addresses)) if form == "address" else [],
        authoritative="AA" in (first.flags if first else ()),
        record_ttl=ttls[0] if ttls else None,
        known=other,
    )
    return control, hops


async def _ask_system(session: Session, trace: Trace, name: str) -> DNSQuery | None:
    pace, server = session.pace, system_resolvers()[0]
    async with pace.lookup_slot(), trace.transaction(TransactionFacts("lookup", hostname=name)) as tx:
        with suppress(StepFailed):
            await query_udp(tx, server, name, "A", pace=pace, timeout=SECONDS, retransmit=False, of_system=True)
    return next((entry for entry in tx.entries if isinstance(entry, DNSQuery)), None)


async def _known_elsewhere(session: Session, trace: Trace, name: str) -> bool:
    """Return whether an encrypted resolver, or else a public one, gives a public address for the name."""
    pace, warm = session.pace, session.encrypted
    async with trace.transaction(TransactionFacts("lookup", hostname=name)) as tx:
        if warm is not None:
            await warm.ask(tx, name, "A")
        else:
            for server in public_resolvers(session, "dns+udp", (4,))[:1]:
                await query_udp(tx, server.ip, name, "A", pace=pace, timeout=SECONDS, retransmit=False)
    return form_of(None, addresses_in([e for e in tx.entries if isinstance(e, DNSQuery)])) == "address"
