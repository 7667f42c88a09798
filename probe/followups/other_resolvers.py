"""Send the query for a suspect name to other resolvers, and to addresses that run no resolver."""

import asyncio
from dataclasses import replace
from urllib.parse import urlsplit

from probe.followups.flow import FlowFacts, FlowRunner, Trigger
from probe.formats.followups import FollowUp
from probe.resolution.assigned_resolver import ASSIGNED, assigned_resolver
from probe.resolution.encrypted_dns import (
    Resolver,
    addresses_in,
    ask_types,
    public_resolvers,
    shared_resolver,
)
from probe.resolution.filter_checks import check_name_filter
from probe.resolution.lookup import Name
from probe.session.session import HELPER, Session
from probe.session.trace import Transaction, TransactionFacts
from probe.steps.dns.dns import query_udp
from probe.steps.tls.certificate_checks import Roots
from probe.targets.target import family_of, is_address

RESOLVERS_ASKED = 2  # public resolvers over UDP
NON_RESOLVER_SECONDS = 2.0
DNS_PORT = 53


class OtherResolvers:
    """Send the queries of one measurement. Each name is queried once."""

    def __init__(self, runner: FlowRunner, roots: Roots) -> None:
        self._runner, self._session, self._roots = runner, runner.session, roots
        self._asked: dict[str, asyncio.Task[None]] = {}

    async def ask(self, name: Name, cause: int | None) -> None:
        """Query public resolvers over UDP and encrypted, an address that runs no resolver, and the assigned resolver.

        Wait for all answers.
        """
        if name.hostname not in self._asked:
            self._asked[name.hostname] = asyncio.create_task(self._ask(name, cause))
        await asyncio.shield(self._asked[name.hostname])

    async def finish(self) -> None:
        """Cancel the queries that are still running."""
        for task in self._asked.values():
            task.cancel()
        await asyncio.gather(*self._asked.values(), return_exceptions=True)

    async def _ask(self, name: Name, cause: int | None) -> None:
        families = [family for family in (4, 6) if self._session.family_works(family)]
        plain = _one_per_provider(public_resolvers(self._session, "dns+udp", families))[:RESOLVERS_ASKED]
        flows = [self._ask_udp(name, r.ip, r.endpoint.port, cause) for r in plain]
        non_resolver = self._session.neutral.dark
        if non_resolver is not None and family_of(non_resolver) in families:
            flows.append(self._ask_non_resolver("dark_resolver", name.hostname, non_resolver, cause))
        dot = _one_per_provider(public_resolvers(self._session, "dot", families))
        doh = _one_per_provider(public_resolvers(self._session, "doh", families))
        in_use = self._session.encrypted.host if self._session.encrypted else ""
        flows += [self._ask_encrypted(name, resolver, cause) for resolver in _different(dot, doh, in_use)]
        if (helper := helper_literal(self._session)) and family_of(helper) in families:
            # The helper's owner may run a resolver there. Then the innocuous name is answered too.
            innocuous = self._session.neutral.innocuous[0]
            flows.append(self._ask_non_resolver("dark_innocuous", innocuous, helper, cause, shown_as=HELPER))
            flows.append(self._ask_non_resolver("dark_resolver", name.hostname, helper, cause, shown_as=HELPER))
        await asyncio.gather(*flows, self._ask_assigned(name, cause), check_name_filter(self._session))

    async def _ask_assigned(self, name: Name, cause: int | None) -> None:
        """Query the resolver that the network assigned, if the computer asks another one.

        Its address is not recorded, because it belongs to the user's router or provider.
        """
        if not (server := assigned_resolver(self._session)):
            return
        trigger = Trigger(name.hostname, ASSIGNED, "udp", DNS_PORT)

        async def steps(tx: Transaction) -> None:
            self._runner.count(tx, trigger)
            await query_udp(
                tx,
                server,
                name.hostname,
                self._types()[0],
                pace=self._session.pace,
                shown_as=ASSIGNED,
                usual_ttl=0,
                of_system=True,
            )

        about = _query("resolver_assigned", name.hostname, server, DNS_PORT, cause)
        await self._runner.carry_out(FlowFacts(replace(about, address=ASSIGNED), trigger), steps)

    async def _ask_udp(self, name: Name, ip: str, port: int, cause: int | None) -> None:
        trigger = Trigger(name.hostname, ip, "udp", port)

        async def steps(tx: Transaction) -> None:
            self._runner.count(tx, trigger)
            pace = self._session.pace
            answer = await query_udp(tx, ip, name.hostname, self._types()[0], pace=pace, port=port)
            name.add(addresses_in([answer]), "udp")

        await self._runner.carry_out(FlowFacts(_query("resolver_udp", name.hostname, ip, port, cause), trigger), steps)

    async def _ask_non_resolver(
        self, followup: FollowUp, hostname: str, ip: str, cause: int | None, shown_as: str | None = None
    ) -> None:
        """Query an address that runs no resolver. `shown_as` replaces the address in the record."""
        pace = self._session.pace
        trigger = None if followup == "dark_innocuous" else Trigger(hostname, ip, "udp", DNS_PORT)

        async def steps(tx: Transaction) -> None:
            if trigger:
                self._runner.count(tx, trigger)
            limit = max(NON_RESOLVER_SECONDS, 3 * pace.round_trip)
            query_type = self._types()[0]
            await query_udp(
                tx,
                ip,
                hostname,
                query_type,
                pace=pace,
                port=DNS_PORT,
                timeout=limit,
                retransmit=False,
                shown_as=shown_as,
            )

        about = _query(followup, hostname, ip, DNS_PORT, cause)
        await self._runner.carry_out(FlowFacts(replace(about, address=shown_as or ip), trigger), steps)

    async def _ask_encrypted(self, name: Name, resolver: Resolver, cause: int | None) -> None:
        shared = shared_resolver(resolver, self._session, self._roots)

        async def steps(tx: Transaction) -> None:
            answers = await ask_types(lambda t: shared.ask(tx, name.hostname, t), self._types())
            name.add(addresses_in(answers), resolver.engine)

        followup: FollowUp = "resolver_doh" if shared.engine == "doh" else "resolver_dot"
        about = _query(followup, name.hostname, shared.ip, shared.port, cause)
        await self._runner.carry_out(FlowFacts(about), steps)

    def _types(self) -> list[str]:
        return [t for t, family in (("A", 4), ("AAAA", 6)) if self._session.family_works(family)] or ["A"]


def _query(followup: FollowUp, hostname: str, ip: str, port: int, cause: int | None) -> TransactionFacts:
    return TransactionFacts(
        "followup",
        followup=followup,
        cause=cause,
        hostname=hostname,
        address=ip,
        port=port,
        family=family_of(ip),
        sent_name=hostname,
    )


def helper_literal(session: Session) -> str:
    """Return the helper's address if the user gave one, else "".

    A helper's name is not used: a forged answer may lead it to a third party's machine (P7).
    """
    hosts = (urlsplit(url).hostname or "" for url in session.settings.control)
    return next(filter(is_address, hosts), "")


def _one_per_provider(resolvers: list[Resolver]) -> list[Resolver]:
    return list({resolver.provider: resolver for resolver in reversed(resolvers)}.values())[::-1]


def _different(dot: list[Resolver], doh: list[Resolver], in_use: str) -> list[Resolver]:
    """Return one DoT and one DoH resolver of different providers, if possible not the provider of `in_use`.

    `in_use` is the host that every name was sent to before. A provider that filters a name gives the same answer again.
    """
    asked = {resolver.provider for resolver in [*dot, *doh] if resolver.endpoint.host == in_use}
    first = _of_others(dot, asked)[:1]
    return first + _of_others(doh, asked | {resolver.provider for resolver in first})[:1]


def _of_others(resolvers: list[Resolver], providers: set[str]) -> list[Resolver]:
    return [resolver for resolver in resolvers if resolver.provider not in providers] or resolvers


CARRIES_OUT = dict.fromkeys(
    (
        "resolver_udp",
        "resolver_assigned",
        "resolver_dot",
        "resolver_doh",
        "dark_resolver",
        "dark_innocuous",
    )
)
"""Kinds that are not one flow of one endpoint's attempt."""
