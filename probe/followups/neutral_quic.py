"""A neutral host that speaks QUIC: looked up and proven once a name has failed over QUIC; other runs leave it alone."""

from typing import Any

from probe.formats.transactions import TransactionRecord
from probe.resolution.encrypted_dns import family_of
from probe.session.session import Session
from probe.session.trace import Trace
from probe.steps.dns.dns import resolve_system
from probe.steps.quic.quic import quic_handshake
from probe.steps.tls.certificates import Roots
from probe.targets.target import Endpoint


async def neutral_over_quic(
    trace: Trace, session: Session, roots: Roots, failed: TransactionRecord, endpoint: Endpoint
) -> list[tuple[str, Endpoint]]:
    """Where a neutral host shows its own certificate over QUIC, in the family of the failed flow: (IP, endpoint).

    Preflight proves the others beforehand: over TLS they tell of the whole network. Few hosts speak QUIC and invite
    strangers, so nobody asks them before there is something to compare.
    """
    found = list[tuple[str, Endpoint]]()
    for host in (one for one in session.neutral.endpoints if one.scheme == "quic"):
        for ip in await _addresses(trace, session, host, failed.family):
            async with session.pace.place():
                if session.stopping.is_set():
                    return found
                about: dict[str, Any] = {"followup": "neutral_name_neutral_host", "cause": failed.transaction_id}
                about |= {"service": failed.service, "endpoint": endpoint.url, "sent_name": host.host}
                about |= {"address": ip, "port": host.port, "family": failed.family}
                async with trace.transaction("followup", **about) as tx:
                    await quic_handshake(tx, ip, host.port, host.host, pace=session.pace, roots=roots)
            if tx.record.failure is None:
                found.append((ip, host))
    return found


async def _addresses(trace: Trace, session: Session, host: Endpoint, family: int) -> list[str]:
    """The first address of the family that the system knows; its certificate will say whether it is the host's."""
    ips = list[str]()
    async with session.pace.lookup_place(), trace.transaction("lookup", hostname=host.host) as tx:
        ips = await resolve_system(tx, host.host, pace=session.pace, families=frozenset({family}))
    return [ip for ip in ips if family_of(ip) == family][:1]
