"""Ask a helper with our own protocol to run the same nettest on the same target (`POST /v1/measure`).

Ask a helper with our own protocol to open a call over WebRTC (`POST /v1/webrtc`), and for new tokens.

No question holds an address.
"""

import asyncio
import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from probe.control.attempt_times import date_by_age
from probe.control.http_client import (
    LONGEST_ANSWER,
    TROUBLE,
    USUAL_SIZES,
    Remembering,
    named,
    open_helper,
    read_object,
    retry_after,
)
from probe.control.offers import call_offers, echo_offer, media_offer, transfer_offer
from probe.control.sendable_addresses import parsed, sendable
from probe.followups.helper_offer import CallOffers, EchoOffer, FlowOffers, TransferOffer
from probe.formats import failures as f
from probe.http_client.foreign_servers import ForeignServers, UnusableAnswer
from probe.session.classify import LocalFailure, RemoteError
from probe.steps.tls.certificate_checks import Roots
from probe.targets.target import Target

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

    def to_run(self, answer: Mapping[str, Any], resolved: list[str]) -> FlowOffers:
        """Return the checked offers to the whole run in an answer."""
        media = media_offer(answer, self.base_url, resolved)
        return FlowOffers(media, self.offers(answer, resolved), self.transfers(answer, resolved))

    async def early(self) -> FlowOffers:
        """Return the offers to the whole run before any measurement. There are none without a usable answer. Never
        raises.
        """
        names = Remembering()
        try:
            return self.to_run(await self._post("/v1/tokens", {}, names), names.addresses)
        except TROUBLE:
            return FlowOffers()

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
            open_helper(self.roots, self.pin, self.segment_sizes, names) as helper,
            helper.request("POST", self.base_url.rstrip("/") + path, seconds=self.seconds, json=question) as response,
        ):
            if response.status in NO_PLACE:
                raise LocalFailure(f.HELPER_BUSY)
            if response.status != 200:
                raise UnusableAnswer(f"status {response.status}")
            return read_object(await helper.body(response, LONGEST_ANSWER))


TRIES = 4
TOTAL_SECONDS = 40.0  # the helper answers within 30
KEPT = ("software_version", "targets_digest", "preflight", "test_keys")
KINDS: dict[str, type] = {"software_version": str, "targets_digest": str, "preflight": dict, "test_keys": dict}

Offered = Callable[[EchoOffer], None]
FlowsOffered = Callable[[FlowOffers], None]


async def ask(
    base_url: str,
    target: Target,
    addresses: Mapping[str, list[str]],
    *,
    roots: Roots,
    pin: str | None = None,
    learned: Callable[[str], None] = lambda address: None,
    offered: Offered = lambda offer: None,
    flows_offered: FlowsOffered = lambda offers: None,
    fresh: Collection[str] = (),
    seconds: float = TOTAL_SECONDS,
    segment_sizes: Mapping[int, int] = USUAL_SIZES,
) -> dict[str, Any]:
    """Ask the helper at `base_url` about `target`. Return an x_control object with `failure` null or a df-007 string.

    `addresses` has the addresses that the probe resolved, per name. `learned` receives our address as the helper saw
    it. `offered` receives the offer of its echo, and `flows_offered` those to the run. None of it is stored elsewhere.
    `pin` is the SHA-256 of the helper's certificate (DER), hexadecimal. `fresh` has endpoints that the helper measures
    anew, alone. A web address is measured anew as a whole. `began` of each transaction is a time of the monotonic
    clock. `segment_sizes` are those of the run. Never raises.
    """
    names = Remembering()
    try:
        async with asyncio.timeout(seconds), open_helper(roots, pin, segment_sizes, names) as helper:
            url = base_url.rstrip("/") + "/v1/measure"
            answered = await _post(helper, url, _question(target, addresses, fresh))
            answer = parse(answered.body)
    except TROUBLE as error:
        return {"failure": named(error)}
    offer = echo_offer(answer, base_url, names.addresses)
    if offer is not None:
        offered(offer)
    flows_offered(CallLink(base_url, roots, pin, segment_sizes).to_run(answer, names.addresses))
    return control_of(answer, answered, learned, offer)


def control_of(
    answer: dict[str, Any], answered: "Answered", learned: Callable[[str], None], offer: EchoOffer | None = None
) -> dict[str, Any]:
    """Return the x_control object for a parsed answer. `began` of each transaction is a time of the monotonic clock."""
    date_by_age(answer["test_keys"], answered.asked, answered.arrived)
    tell(answer, learned)
    written = {"echo": {"ports": list(offer.ports)}} if offer else {}
    return {"failure": None, **{key: answer[key] for key in KEPT}, **written}


def _question(target: Target, addresses: Mapping[str, list[str]], fresh: Collection[str]) -> dict[str, Any]:
    what = {"target": target.name} if target.input is None else {"url": target.input}
    question: dict[str, Any] = {**what, "addresses": sendable(addresses)}
    if not target.whole:
        question["services"] = list(target.services)
    if fresh:
        question["fresh"] = True
    if fresh and target.input is None:
        question["endpoints"] = list(fresh)
    return question


async def health(
    base_url: str,
    *,
    roots: Roots,
    pin: str | None = None,
    seconds: float = 10.0,
    segment_sizes: Mapping[int, int] = USUAL_SIZES,
) -> str | None:
    """Check that a helper answers. Return None if it does, else a failure string. Never raises."""
    try:
        async with (
            open_helper(roots, pin, segment_sizes) as helper,
            helper.request("GET", base_url.rstrip("/") + "/health", seconds=seconds) as response,
        ):
            said = json.loads(await helper.body(response, LONGEST_ANSWER))
            fine = response.status == 200 and isinstance(said, dict) and said.get("status") == "ok"
            return None if fine else f"{f.UNKNOWN}: this is no helper"
    except (*TROUBLE, RecursionError) as error:
        return named(error)


def parse(raw: bytes) -> dict[str, Any]:
    """Parse a helper's answer with bounded depth and numbers, and check its fields. Raises UnusableAnswer."""
    answer = read_object(raw)
    for key, kind in KINDS.items():
        if not isinstance(answer.get(key), kind):
            raise UnusableAnswer(f"the answer has no usable {key}")
    return answer


def tell(answer: Mapping[str, Any], learned: Callable[[str], None]) -> None:
    """Pass on our address as the helper saw it, if the answer has one."""
    address = answer.get("your_address")
    if isinstance(address, str) and parsed(address) is not None:
        learned(address)


@dataclass(frozen=True)
class Answered:
    """Hold an answer with the times at which the question was sent and the answer began to arrive (monotonic)."""

    body: bytes
    asked: float
    arrived: float


async def _post(helper: ForeignServers, url: str, question: dict[str, Any]) -> Answered:
    """POST and read at most 4 MB. A busy helper, or one that limits us, is asked again after the time that it names."""
    for attempt in range(1, TRIES + 1):
        asked = time.monotonic()
        async with helper.request("POST", url, seconds=TOTAL_SECONDS, json=question) as response:
            arrived = time.monotonic()
            if response.status in {429, 503} and attempt < TRIES:
                await asyncio.sleep(retry_after(response.headers.get("Retry-After", "")))
                continue
            if response.status != 200:
                raise UnusableAnswer(f"status {response.status}")
            return Answered(await helper.body(response, LONGEST_ANSWER), asked, arrived)
    raise AssertionError("the last try has ended")
