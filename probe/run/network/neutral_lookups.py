"""Look up an innocuous name over UDP before any target's name is sent, for comparison with the targets' answers."""

import asyncio
from typing import Any

from probe.formats.entries import DNSQuery, DNSResponse
from probe.formats.facts import ResolverFacts
from probe.platforms.configured_resolvers import system_resolvers
from probe.resolution.encrypted_dns import public_resolvers
from probe.run.network.local_network import resolver_class
from probe.session.session import Session
from probe.session.trace import Trace, TransactionFacts
from probe.signatures.filter_answers import hops_travelled
from probe.signatures.resolver_fingerprint import USUAL_TTL
from probe.steps.dns.dns import query_udp
from probe.targets.target import family_of

HARMLESS_SECONDS = 2.0
BEYOND_HOME = 2  # hops. The home router and a device of its kind before it are nearer.


class NeutralLookups:
    """Ask the system's resolver, the non-resolver, and a public resolver over each family.

    All questions are cancelled when the preflight ends.
    """

    def __init__(self, session: Session, trace: Trace) -> None:
        self._session, self._trace = session, trace
        self._resolver: DNSQuery | None = None
        self._dark: DNSQuery | None = None
        self._public: list[tuple[int, DNSQuery]] = []  # family, question

    async def ask(self) -> None:
        """Ask them all. Answers that arrive before cancellation count."""
        dark = self._session.neutral.dark
        async with asyncio.TaskGroup() as tasks:
            for server in system_resolvers()[:1]:
                tasks.create_task(self._ask_resolver(server))
            if dark is not None:
                tasks.create_task(self._ask_dark(dark))
            for server in self._one_public_of_each_family():
                tasks.create_task(self._ask_public(server))

    def resolver(self) -> ResolverFacts | None:
        """Return how the system's resolver answered, or None without an answer."""
        first = self._first_answer()
        if first is None:
            return None
        return ResolverFacts(ip_ttl=USUAL_TTL if first.ip_ttl else None, flags=first.flags)

    def resolver_ttl(self) -> int:
        """Return the TTL with which its answer arrived, 0 if unknown. It is not recorded, see `relative_ttl`."""
        first = self._first_answer()
        return (first and first.ip_ttl) or 0

    def _first_answer(self) -> DNSResponse | None:
        responses = (self._resolver.x_responses if self._resolver else None) or []
        return next((response for response in responses if response.answers), None)

    def providers_resolver_family(self) -> int | None:
        """Return the family over which the provider's resolver answered anything, even a failure. None: it did not.

        It has a public address, and its answer travelled beyond the local network. So the access line works.
        """
        servers, responses = system_resolvers()[:1], (self._resolver.x_responses if self._resolver else None) or []
        heard = any(_from_afar(response) for response in responses)
        return family_of(servers[0]) if heard and resolver_class(servers, self._well_known()) == "isp" else None

    def _well_known(self) -> set[str]:
        return {one.ip for one in public_resolvers(self._session, "dns+udp", (4, 6))}

    def dark_answers(self) -> bool | None:
        """Tell whether the non-resolver returned an address. It should refer elsewhere, refuse or be silent."""
        if self._dark is None:
            return None
        return any(answer.address for response in self._dark.x_responses or [] for answer in response.answers)

    def families_heard(self) -> set[int]:
        """Return the families over which a public resolver answered from beyond the local network.

        A home router may answer in a resolver's place, and then IPv6 may not work behind it. Its answer has
        travelled too few hops. An answer without a TTL shows nothing.
        """
        return {
            family for family, query in self._public for response in query.x_responses or [] if _from_afar(response)
        }

    def _one_public_of_each_family(self) -> list[str]:
        found = public_resolvers(self._session, "dns+udp", self._session.settings.families)
        return list({family_of(resolver.ip): resolver.ip for resolver in reversed(found)}.values())

    async def _ask_public(self, server: str) -> None:
        pace = self._session.pace
        async with pace.lookup_slot(), self._trace.transaction(TransactionFacts("lookup", address=server)) as tx:
            try:
                await query_udp(tx, server, self._name(), "A", pace=pace)
            finally:
                if query := _asked(tx.entries):
                    self._public.append((family_of(server), query))

    async def _ask_resolver(self, server: str) -> None:
        facts = TransactionFacts("lookup", address=server)
        async with self._session.pace.lookup_slot(), self._trace.transaction(facts) as tx:
            try:
                pace = self._session.pace
                await query_udp(tx, server, self._name(), "A", pace=pace, shown_as="system", of_system=True)
            finally:
                self._resolver = _asked(tx.entries)

    async def _ask_dark(self, dark: str) -> None:
        pace = self._session.pace
        async with pace.lookup_slot(), self._trace.transaction(TransactionFacts("lookup", address=dark)) as tx:
            try:
                await query_udp(tx, dark, self._name(), "A", pace=pace, timeout=HARMLESS_SECONDS, retransmit=False)
            finally:
                self._dark = _asked(tx.entries)

    def _name(self) -> str:
        return self._session.neutral.endpoints[0].host


def _from_afar(response: DNSResponse) -> bool:
    """Return whether an answer comes from beyond the local network."""
    return response.ip_ttl is not None and hops_travelled(response.ip_ttl) >= BEYOND_HOME


def _asked(entries: list[Any]) -> DNSQuery | None:
    return next((entry for entry in entries if isinstance(entry, DNSQuery)), None)
