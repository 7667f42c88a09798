"""Look up an innocuous name over UDP before any target's name is sent, for comparison with the targets' answers."""

import asyncio
from typing import Any

from probe.formats.entries import DNSQuery, DNSResponse
from probe.formats.facts import ResolverFacts
from probe.session.session import Session
from probe.session.trace import Trace, TransactionFacts
from probe.signatures.resolver_fingerprint import USUAL_TTL
from probe.steps.dns.dns import query_udp, system_resolvers

HARMLESS_SECONDS = 2.0


class NeutralLookups:
    """Ask the system's resolver and the non-resolver. Both questions are cancelled when the preflight ends."""

    def __init__(self, session: Session, trace: Trace) -> None:
        self._session, self._trace = session, trace
        self._resolver: DNSQuery | None = None
        self._dark: DNSQuery | None = None

    async def ask(self) -> None:
        """Ask both. Answers that arrive before cancellation count."""
        dark = self._session.neutral.dark
        async with asyncio.TaskGroup() as tasks:
            for server in system_resolvers()[:1]:
                tasks.create_task(self._ask_resolver(server))
            if dark is not None:
                tasks.create_task(self._ask_dark(dark))

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

    def dark_answers(self) -> bool | None:
        """Tell whether the non-resolver returned an address. It should refer elsewhere, refuse or be silent."""
        if self._dark is None:
            return None
        return any(answer.address for response in self._dark.x_responses or [] for answer in response.answers)

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


def _asked(entries: list[Any]) -> DNSQuery | None:
    return next((entry for entry in entries if isinstance(entry, DNSQuery)), None)
