"""Ask a helper with our own protocol to run the same nettest on the same target (`POST /v1/measure`)."""

import asyncio
import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from probe.control.addresses import parsed, sendable
from probe.control.attempt_times import date_by_age
from probe.control.call_link import CallLink
from probe.control.http_client import (
    TROUBLE,
    USUAL_SIZES,
    Nonsense,
    Remembering,
    bounded_body,
    named,
    open_session,
    read_object,
    retry_after,
)
from probe.control.offers import echo_offer, media_offer
from probe.followups.helper_offer import EchoOffer, FlowOffers
from probe.formats import failures as f
from probe.steps.tls.certificates import Roots
from probe.targets.target import Target

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
        async with asyncio.timeout(seconds), open_session(roots, pin, segment_sizes, names) as session:
            url = base_url.rstrip("/") + "/v1/measure"
            answered = await _post(session, url, _question(target, addresses, fresh))
            answer = parse(answered.body)
    except TROUBLE as error:
        return {"failure": named(error)}
    offer = echo_offer(answer, base_url, names.addresses)
    if offer is not None:
        offered(offer)
    media = media_offer(answer, base_url, names.addresses)
    link = CallLink(base_url, roots, pin, segment_sizes)
    calls, transfers = link.offers(answer, names.addresses), link.transfers(answer, names.addresses)
    flows_offered(FlowOffers(media, calls, transfers))
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
            asyncio.timeout(seconds),
            open_session(roots, pin, segment_sizes) as session,
            session.get(base_url.rstrip("/") + "/health", allow_redirects=False) as response,
        ):
            said = json.loads(await bounded_body(response))
            fine = response.status == 200 and isinstance(said, dict) and said.get("status") == "ok"
            return None if fine else f"{f.UNKNOWN}: this is no helper"
    except (*TROUBLE, RecursionError) as error:
        return named(error)


def parse(raw: bytes) -> dict[str, Any]:
    """Parse a helper's answer with bounded depth and numbers, and check its fields. Raises Nonsense."""
    answer = read_object(raw)
    for key, kind in KINDS.items():
        if not isinstance(answer.get(key), kind):
            raise Nonsense(f"the answer has no usable {key}")
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


async def _post(session: aiohttp.ClientSession, url: str, question: dict[str, Any]) -> Answered:
    """POST and read at most 4 MB. A busy helper, or one that limits us, is asked again after the time that it names."""
    for attempt in range(1, TRIES + 1):
        asked = time.monotonic()
        async with session.post(url, json=question, allow_redirects=False) as response:
            arrived = time.monotonic()
            if response.status in {429, 503} and attempt < TRIES:
                await asyncio.sleep(retry_after(response.headers.get("Retry-After", "")))
                continue
            if response.status != 200:
                raise Nonsense(f"status {response.status}")
            return Answered(await bounded_body(response), asked, arrived)
    raise AssertionError("the last try has ended")
