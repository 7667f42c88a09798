"""A name in doubt → the same question to other resolvers, and to addresses that run none."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

from probe.formats.transactions import FollowUp
from probe.resolution.encrypted_dns import Resolver, addresses_in, ask_types, beside, family_of, public_resolvers
from probe.resolution.lookup import Name
from probe.session.session import HELPER, Session
from probe.session.trace import Trace, Transaction
from probe.steps.dns.dns import query_udp
from probe.steps.tls.certificates import Roots
from probe.targets.target import is_address

RESOLVERS_ASKED = 2  # public resolvers over UDP
DARK_SECONDS = 2.0


class OtherResolvers:
    """The questions of one measurement. A name's are asked once, whoever needs them."""

    def __init__(self, trace: Trace, session: Session, roots: Roots) -> None:
        self._trace, self._session, self._roots = trace, session, roots
        self._asked: dict[str, asyncio.Task[None]] = {}

    async def ask(self, name: Name, cause: int | None) -> None:
        """Put the name's question to public resolvers, over UDP and encrypted, and to an address that runs none."""
        if name.hostname not in self._asked:
            self._asked[name.hostname] = asyncio.create_task(self._ask(name, cause))
        await asyncio.shield(self._asked[name.hostname])

    async def finish(self) -> None:
        """Cancel what nobody waits for any more."""
        for task in self._asked.values():
            task.cancel()
        await asyncio.gather(*self._asked.values(), return_exceptions=True)

    async def _ask(self, name: Name, cause: int | None) -> None:
        families = [family for family in (4, 6) if self._session.family_works(family)]
        plain = _one_per_provider(public_resolvers(self._session, "dns+udp", families))[:RESOLVERS_ASKED]
        flows = [self._ask_udp("resolver_udp", name, r.ip, r.endpoint.port, cause) for r in plain]
        dark = self._session.neutral.dark
        if dark is not None and family_of(dark) in families:
            flows.append(self._ask_udp("dark_resolver", name, dark, 53, cause))
        if (helper := helper_literal(self._session)) and family_of(helper) in families:
            flows.append(self._ask_helper(name, helper, cause))
        dot = _one_per_provider(public_resolvers(self._session, "dot", families))
        doh = _one_per_provider(public_resolvers(self._session, "doh", families))
        in_use = self._session.encrypted.host if self._session.encrypted else ""
        flows += [self._ask_encrypted(name, resolver, cause) for resolver in _different(dot, doh, in_use)]
        await asyncio.gather(*flows)

    async def _ask_helper(self, name: Name, ip: str, cause: int | None) -> None:
        """Put the question to a port of the helper's at which nobody listens, and a harmless one beside it.

        A helper's owner may run a resolver all the same: then the harmless name is answered too, and nothing is proven.
        """
        harmless = self._session.neutral.innocuous[0]
        await asyncio.gather(
            self._ask_innocuous(harmless, ip, cause),
            self._ask_udp("dark_resolver", name, ip, 53, cause, shown_as=HELPER),
        )

    async def _ask_innocuous(self, hostname: str, ip: str, cause: int | None) -> None:
        pace = self._session.pace
        async with pace.place():
            if self._session.stopping.is_set():
                return
            about = self._question("dark_innocuous", Name(hostname), ip, 53, cause) | {"address": HELPER}
            async with self._trace.transaction("followup", **about) as tx:
                await self._ask_where_nobody_listens(tx, hostname, ip, 53, HELPER)

    async def _ask_where_nobody_listens(
        self, tx: Transaction, hostname: str, ip: str, port: int, shown_as: str | None
    ) -> None:
        pace, query_type = self._session.pace, self._types()[0]
        limit = max(DARK_SECONDS, 3 * pace.round_trip)
        await query_udp(
            tx, ip, hostname, query_type, pace=pace, port=port, timeout=limit, retransmit=False, shown_as=shown_as
        )

    async def _ask_udp(
        self, followup: FollowUp, name: Name, ip: str, port: int, cause: int | None, shown_as: str | None = None
    ) -> None:
        pace = self._session.pace
        if not pace.can_trigger(name.hostname, ip, "udp"):
            return
        async with pace.place():
            if self._session.stopping.is_set():
                return
            about = self._question(followup, name, ip, port, cause) | ({"address": shown_as} if shown_as else {})
            async with self._trace.transaction("followup", trigger=True, **about) as tx:
                pace.spend_trigger(name.hostname, ip, "udp", port)
                if followup == "dark_resolver":
                    await self._ask_where_nobody_listens(tx, name.hostname, ip, port, shown_as)
                else:
                    answer = await query_udp(tx, ip, name.hostname, self._types()[0], pace=pace, port=port)
                    name.add(addresses_in([answer]), "udp")

    async def _ask_encrypted(self, name: Name, resolver: Resolver, cause: int | None) -> None:
        warm = beside(resolver, self._session, self._roots)
        followup: FollowUp = "resolver_doh" if warm.engine == "doh" else "resolver_dot"
        async with self._session.pace.place():
            if self._session.stopping.is_set():
                return
            about = self._question(followup, name, warm.ip, warm.port, cause)
            async with self._trace.transaction("followup", **about) as tx:
                answers = await ask_types(lambda t: warm.ask(tx, name.hostname, t), self._types())
                name.add(addresses_in(answers), resolver.engine)

    def _types(self) -> list[str]:
        return [t for t, family in (("A", 4), ("AAAA", 6)) if self._session.family_works(family)] or ["A"]

    @staticmethod
    def _question(followup: FollowUp, name: Name, ip: str, port: int, cause: int | None) -> dict[str, Any]:
        return {
            "followup": followup,
            "cause": cause,
            "hostname": name.hostname,
            "address": ip,
            "port": port,
            "family": family_of(ip),
            "sent_name": name.hostname,
        }


def helper_literal(session: Session) -> str:
    """The helper's address where the volunteer gave one; a name may be led to a stranger's machine."""
    hosts = (urlsplit(url).hostname or "" for url in session.settings.control)
    return next(filter(is_address, hosts), "")


def _one_per_provider(resolvers: list[Resolver]) -> list[Resolver]:
    return list({resolver.provider: resolver for resolver in reversed(resolvers)}.values())[::-1]


def _different(dot: list[Resolver], doh: list[Resolver], in_use: str) -> list[Resolver]:
    """One DoT and one DoH resolver, of different providers, and of another than has been asked, as far as there are.

    `in_use`: the host that every name was put to already. A provider that filters a name says the same again.
    """
    asked = {resolver.provider for resolver in [*dot, *doh] if resolver.endpoint.host == in_use}
    first = _of_others(dot, asked)[:1]
    return first + _of_others(doh, asked | {resolver.provider for resolver in first})[:1]


def _of_others(resolvers: list[Resolver], providers: set[str]) -> list[Resolver]:
    return [resolver for resolver in resolvers if resolver.provider not in providers] or resolvers
