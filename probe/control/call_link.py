"""Ask a helper with our own protocol to open a call over WebRTC (`POST /v1/webrtc`), and for new tokens.

No question holds an address.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from probe.control.http_client import TROUBLE, Nonsense, Remembering, bounded_body, named, open_session, read_object
from probe.control.offers import call_offers, transfer_offer
from probe.followups.helper_offer import CallOffers, TransferOffer
from probe.formats import failures as f
from probe.session.classify import LocalFailure, RemoteError
from probe.steps.tls.certificates import Roots

SECONDS = 10.0
NO_PLACE = frozenset({429, 503})


@dataclass(frozen=True)
class CallLink:
    """Hold how one helper is reached. `pin` and `segment_sizes` are those of its other questions."""

    base_url: str
    roots: Roots
    pin: str | None
    segment_sizes: Mapping[int, int]
    seconds: float = SECONDS

    def offers(self, answer: Mapping[str, Any], resolved: list[str]) -> CallOffers:
        """Return the checked offers of calls in an answer. `resolved` are the helper's addresses."""
        return call_offers(answer, self.base_url, resolved, self.open_call, self.renew)

    def transfers(self, answer: Mapping[str, Any], resolved: list[str]) -> TransferOffer | None:
        """Return the checked offer of transfers in an answer, None without one."""
        offer = transfer_offer(answer, self.base_url, resolved)
        if offer is not None:
            offer.renew = self.renew_transfers
        return offer

    async def open_call(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send the caller's side of a WebRTC call, and return the helper's, as `webrtc_call` describes them.

        Raises RemoteError, and LocalFailure if the helper has no place for a call.
        """
        try:
            return await self._post("/v1/webrtc", question, Remembering())
        except LocalFailure:
            raise
        except TROUBLE as error:
            raise RemoteError(named(error)) from error

    async def renew(self) -> CallOffers:
        """Return offers with new tokens. There are none if the helper gives no usable answer. Never raises."""
        names = Remembering()
        try:
            return self.offers(await self._post("/v1/tokens", {}, names), names.addresses)
        except TROUBLE:
            return {}

    async def renew_transfers(self) -> TransferOffer | None:
        """Return an offer of transfers with a new token. None if the helper gives no usable answer. Never raises."""
        names = Remembering()
        try:
            return self.transfers(await self._post("/v1/tokens", {}, names), names.addresses)
        except TROUBLE:
            return None

    async def _post(self, path: str, question: Mapping[str, Any], names: Remembering) -> Mapping[str, Any]:
        async with (
            asyncio.timeout(self.seconds),
            open_session(self.roots, self.pin, self.segment_sizes, names) as session,
            session.post(self.base_url.rstrip("/") + path, json=question, allow_redirects=False) as response,
        ):
            if response.status in NO_PLACE:
                raise LocalFailure(f.HELPER_BUSY)
            if response.status != 200:
                raise Nonsense(f"status {response.status}")
            return read_object(await bounded_body(response))
