"""Twins: a datagram like the one that drew silence, and one of no protocol before it, both to the helper's echo.

The pair tells "this payload is dropped" from "UDP is dropped" and from "nobody answers there".
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from probe.formats import failures as f
from probe.formats.calls import EchoPayload
from probe.formats.transactions import FollowUp, TransactionRecord
from probe.resolution.encrypted_dns import family_of
from probe.session.session import HELPER, Session
from probe.session.trace import Trace
from probe.steps.calls.echo import udp_echo
from probe.targets.target import Endpoint
from probe.wire.sip.options import MAGIC_COOKIE, Options
from probe.wire.stun import allocate_request, binding_request

TOKEN_BYTES = 12
FRESH_SECONDS = 55.0  # the helper forgets a token after 60
PAIRS_PER_TOKEN = 3  # so that the echo's own limit is never met and taken for silence

Build = Callable[[Endpoint, bytes], bytes]

PAYLOADS: dict[str, Build] = {
    "stun/udp": lambda endpoint, token: binding_request(token),
    "turn/udp": lambda endpoint, token: allocate_request(token),
    "sip/udp": lambda endpoint, token: Options(endpoint.host, "udp", branch=MAGIC_COOKIE + token.hex()).written(),
}
"""Builders of the endpoint's own datagram around a token, by dialect."""


@dataclass
class EchoOffer:
    """What the helper offered: a token, and the ports that echo what holds it. In memory only.

    `addresses` are the helper's, as the control connection resolved them; `until` is of the event loop's clock.
    """

    token: bytes
    ports: tuple[int, ...]
    addresses: tuple[str, ...]
    until: float
    pairs_left: int = PAIRS_PER_TOKEN

    def place(self, family: int, port: int) -> tuple[str, int] | None:
        """Where to send: the family and port that failed where the helper has them, else what it has."""
        same = [ip for ip in self.addresses if family_of(ip) == family]
        ips = same or list(self.addresses)
        return (ips[0], port if port in self.ports else self.ports[0]) if ips else None


def silent_twice(failed: TransactionRecord, again: TransactionRecord | None, endpoint: Endpoint) -> bool:
    """Say whether a call's datagrams drew nothing but silence, in the first attempt and in its confirmation."""
    if endpoint.facts.echo_payload is None or again is None:
        return False
    return failed.failure == again.failure == f.TIMEOUT


class Twins:
    """The twins of one measurement: one pair per payload, port and family, whichever endpoint needs it first."""

    def __init__(self, trace: Trace, session: Session) -> None:
        self._trace, self._session = trace, session
        self._sent: set[tuple[EchoPayload, int, int]] = set()
        self.offer: EchoOffer | None = None  # comes with the control's answer

    def take(self, offer: EchoOffer) -> None:
        """Keep what the helper offered."""
        self.offer = offer

    async def send(self, failed: TransactionRecord, endpoint: Endpoint) -> None:
        """Send the pair, the harmless one first (law 8); nothing where the helper echoes not, or the pair was sent."""
        offer, payload = self.offer, endpoint.facts.echo_payload
        place = offer.place(failed.family, endpoint.port) if offer else None
        if offer is None or place is None or payload is None or offer.pairs_left <= 0:
            return
        key = (payload, place[1], family_of(place[0]))
        if key in self._sent or not self._session.pace.can_trigger(endpoint.host, HELPER, "udp"):
            return
        self._sent.add(key)
        offer.pairs_left -= 1
        own = PAYLOADS[endpoint.dialect](endpoint, offer.token)
        await self._flow("other_payload_echo", failed, place, _of_no_protocol(len(own), offer.token), "other", offer)
        await self._flow("same_payload_echo", failed, place, own, payload, offer, named=endpoint)

    def _in_time(self, offer: EchoOffer) -> bool:
        """Whether the token outlives one flow: silence for want of a token would look like a dropped datagram."""
        return asyncio.get_running_loop().time() + self._session.pace.tls_timeout() < offer.until

    async def _flow(
        self,
        followup: FollowUp,
        failed: TransactionRecord,
        place: tuple[str, int],
        datagram: bytes,
        payload: EchoPayload,
        offer: EchoOffer,
        *,
        named: Endpoint | None = None,
    ) -> None:
        """One flow to the echo. `named`: the endpoint whose payload it carries, which makes it a trigger."""
        pace, (ip, port) = self._session.pace, place
        async with pace.place():
            if self._session.stopping.is_set() or not self._in_time(offer):
                return
            about = {"service": failed.service, "endpoint": failed.endpoint, "address": HELPER, "port": port}
            about |= {"family": family_of(ip), "in_residual": named is None and pace.in_residual(HELPER, port)}
            async with self._trace.transaction(
                "followup", followup=followup, cause=failed.transaction_id, **about
            ) as tx:
                if named is not None:
                    pace.spend_trigger(named.host, HELPER, "udp", port)
                    tx.record.trigger = True
                await udp_echo(tx, ip, port, datagram, offer.token, payload=payload, pace=pace)


def _of_no_protocol(size: int, token: bytes) -> bytes:
    """Random bytes around the token, as many as the payload's own datagram has.

    The first byte is in no range that RFC 7983 gives to a protocol, nor has it QUIC's fixed bit.
    """
    first = bytes([4 + secrets.randbelow(12)])
    return first + secrets.token_bytes(max(0, size - 1 - len(token))) + token
