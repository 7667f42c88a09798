"""A failure → the differential that tells a name from an address: other name, other host."""

import asyncio
from typing import Any

from probe.dialogue import has_exchangeable_name
from probe.followups.neutral_quic import neutral_over_quic
from probe.formats import failures as f
from probe.formats.transactions import FollowUp, Kind, TransactionRecord
from probe.resolution.encrypted_dns import family_of
from probe.session.session import Session
from probe.session.trace import Trace, Transaction
from probe.steps.http.http import http_request
from probe.steps.quic.quic import need_quic, quic_handshake
from probe.steps.random_bytes import random_bytes
from probe.steps.tcp import tcp_connect
from probe.steps.tls.certificates import Roots
from probe.steps.tls.tls import tls_handshake
from probe.targets.target import Endpoint

HTTP_PORT = 80  # where every web server listens, a neutral one too


class FollowUps:
    """The other names and hosts of one measurement."""

    def __init__(self, trace: Trace, session: Session, roots: Roots) -> None:
        self._trace, self._session, self._roots = trace, session, roots
        self._at_neutral: set[tuple[str, str, int]] = set()
        self._once: set[tuple[FollowUp, str, int]] = set()

    async def say(
        self, kind: Kind, endpoint: Endpoint, ip: str, port: int, said: str, *, trigger: bool = False, **about: Any
    ) -> TransactionRecord | None:
        """Open with the name `said` at ip:port.

        Passes on any well-formed TLS record, or any HTTP response; over QUIC on a handshake that the server confirms,
        or refuses in words.

        A harmless name that fails where a trigger came shortly before, or during it, is marked `in_residual`: it
        proves nothing (law 8).
        """
        pace = self._session.pace
        async with pace.place(urgent=kind == "innocuous"):
            if self._session.stopping.is_set():
                return None
            about |= {"address": ip, "port": port, "family": family_of(ip), "sent_name": said}
            residual = pace.in_residual(ip, port)
            async with self._trace.transaction(kind, endpoint=endpoint.url, in_residual=residual, **about) as tx:
                await self._open(tx, endpoint, ip, port, said, trigger=trigger)
            if tx.record.failure is not None and not trigger:
                tx.record.in_residual = residual or pace.in_residual(ip, port) or pace.in_shadow(ip, port)
        return tx.record

    async def _open(self, tx: Transaction, endpoint: Endpoint, ip: str, port: int, said: str, *, trigger: bool) -> None:
        """Open as the endpoint is opened, with another name. Raises StepFailed."""
        pace, roots = self._session.pace, self._roots
        if endpoint.scheme == "quic":
            need_quic()
            self._count(tx, said, ip, "udp", port, trigger)
            limit = pace.innocuous_timeout() if tx.record.kind == "innocuous" else None
            await quic_handshake(tx, ip, port, said, pace=pace, roots=roots, check=False, timeout=limit)
            return
        conn = await tcp_connect(tx, ip, port, pace=pace)
        self._count(tx, said, ip, "tcp", port, trigger)
        if endpoint.scheme == "http":
            # The name and no more of the address: what a server put into a query is for nobody else.
            await http_request(tx, conn, "GET", f"http://{said}/", pace=pace, host=said)
        else:
            await tls_handshake(tx, conn, said, pace=pace, roots=roots, check=False)

    def _count(self, tx: Transaction, said: str, ip: str, carrier: str, port: int, trigger: bool) -> None:
        if trigger:
            self._session.pace.spend_trigger(said, ip, carrier, port)
            tx.record.trigger = True

    async def differential(self, failed: TransactionRecord, endpoint: Endpoint, *, genuine: bool) -> None:
        """Try other names at the address that failed, and the failed name at a neutral host; for what shows no name,
        bytes of no protocol there."""
        if endpoint.facts.unlisted:
            await self._random_bytes(failed, endpoint)
        if not has_exchangeable_name(endpoint):
            return
        flows = [self._neutral_host(failed, endpoint)]
        if genuine:
            flows.append(self._other_names(failed, endpoint))
        await asyncio.gather(*flows)

    async def page_elsewhere(self, answered: TransactionRecord, endpoint: Endpoint) -> None:
        """Ask a neutral host for the page that was answered in the clear: nobody but a forger has it there too."""
        if has_exchangeable_name(endpoint) and endpoint.port == HTTP_PORT:
            await self._neutral_host(answered, endpoint)

    async def _other_names(self, failed: TransactionRecord, endpoint: Endpoint) -> None:
        """A name that nobody has, once per endpoint and family, and then a harmless one.

        In this order: a harmless flow that passes at the end shows that nobody is being punished at that place, so that
        the other's failure counts although a trigger came before it (law 8).
        """
        about = {"address_sources": failed.address_sources, "corroborated": failed.corroborated}
        names: list[tuple[FollowUp, str]] = [("other_name_same_address", self._session.neutral.innocuous[0])]
        by_name = failed.failure not in f.CERTIFICATE_FAILURES  # which every name is shown, or this one alone
        if by_name and self._is_new("nonexistent_name_same_address", endpoint, failed.family):
            names.insert(0, ("nonexistent_name_same_address", self._session.neutral.nonexistent))
        for followup, said in names:
            more = self._about(failed, followup) | about
            await self.say("followup", endpoint, failed.address, failed.port, said, **more)

    async def _neutral_host(self, failed: TransactionRecord, endpoint: Endpoint) -> None:
        """Say the name where no censor has a reason to act on the address; once per endpoint and family."""
        key = (endpoint.url, failed.service, failed.family)
        if key in self._at_neutral:
            return
        self._at_neutral.add(key)
        if endpoint.scheme == "quic":
            here = await neutral_over_quic(self._trace, self._session, self._roots, failed, endpoint)
        else:
            here = self._neutral(failed.family)
        if not here or not self._session.pace.can_trigger(endpoint.host, here[0][0], endpoint.carrier):
            return
        ip, host = here[0]
        about = self._about(failed, "same_name_neutral_host")
        port = _neutral_port(endpoint, host)
        said = await self.say("followup", endpoint, ip, port, endpoint.host, trigger=True, **about)
        if said is not None and said.failure is not None and said.failed_operation != "connect":
            await self._names_on_no_list(failed, endpoint, *here[-1])

    async def _names_on_no_list(self, failed: TransactionRecord, endpoint: Endpoint, ip: str, host: Endpoint) -> None:
        """The name fails at a neutral host too: does every name that is on no list? Then that host's own, at the end.

        Another host than the one that was told the name, where there are two: nobody is being punished there.
        """
        about, port = self._about(failed, "nonexistent_name_neutral_host"), _neutral_port(endpoint, host)
        said = await self.say("followup", endpoint, ip, port, self._session.neutral.nonexistent, **about)
        if said is not None and said.failure is not None:
            about = self._about(failed, "neutral_name_neutral_host")
            await self.say("followup", endpoint, ip, port, host.host, **about)

    async def _random_bytes(self, failed: TransactionRecord, endpoint: Endpoint) -> None:
        """Send what is of no protocol to a neutral host at the same port, once per family.

        To one that was told no target's name lately, if there is one: silence is evidence where nobody is punished.
        """
        pace = self._session.pace
        here = [(ip, host) for ip, host in reversed(self._neutral(failed.family)) if host.port == failed.port]
        if not here or not self._is_new("random_bytes_neutral_host", None, failed.family):
            return
        ip, host = min(here, key=lambda one: pace.in_residual(one[0], failed.port))
        async with pace.place():
            if self._session.stopping.is_set():
                return
            about = self._about(failed, "random_bytes_neutral_host") | {"endpoint": endpoint.url}
            about |= {"address": ip, "port": host.port, "family": failed.family}
            async with self._trace.transaction("followup", in_residual=pace.in_residual(ip, host.port), **about) as tx:
                conn = await tcp_connect(tx, ip, host.port, pace=pace)
                await random_bytes(tx, conn, pace=pace)

    def _neutral(self, family: int) -> list[tuple[str, Endpoint]]:
        """The neutral hosts of a family that preflight proved."""
        return [(ip, host) for ip, host in self._session.neutral_addresses if family_of(ip) == family]

    def _is_new(self, followup: FollowUp, endpoint: Endpoint | None, family: int) -> bool:
        key = (followup, endpoint.url if endpoint else "", family)
        known = key in self._once
        self._once.add(key)
        return not known

    @staticmethod
    def _about(failed: TransactionRecord, followup: FollowUp) -> dict[str, Any]:
        return {"followup": followup, "cause": failed.transaction_id, "service": failed.service}


def _neutral_port(endpoint: Endpoint, host: Endpoint) -> int:
    """Where a neutral host is told a name: in the clear at the endpoint's own port, under TLS at the host's."""
    return endpoint.port if endpoint.scheme == "http" else host.port
