"""Ask a helper with OONI's web_connectivity protocol for TCP and TLS controls of any target.

Source: ooni/probe-cli 7cb22410. Its answers carry no age. OONI's helper has no cache and measures each question anew
(internal/oohelperd/handler.go and measure.go). So an attempt begins after its question is sent.
"""

import asyncio
import json
import random
import time
from collections.abc import Collection, Mapping
from typing import Any

from probe.control.attempt_times import age_in_cache
from probe.control.http_client import (
    LONGEST_ANSWER,
    TROUBLE,
    USUAL_SIZES,
    named,
    open_helper,
    read_object,
    retry_after,
)
from probe.control.ooni_answer import Answer, proven_families, test_keys
from probe.control.ooni_request import HelperPost, question, questions
from probe.control.sendable_addresses import sendable
from probe.followups.helper_offer import FlowOffers
from probe.formats import failures as f
from probe.formats.ooni_helper import GREETING
from probe.http_client.foreign_servers import ForeignServers, UnusableAnswer
from probe.privacy.scrub import scrub_text
from probe.session.session import Session
from probe.signatures.evidence_age import HELPERS_NETWORK
from probe.steps.tls.certificate_checks import Roots
from probe.targets.target import Endpoint, Target

TOTAL_SECONDS = 50.0  # the helper waits 15 for silent addresses
NEUTRAL_SECONDS = 20.0  # for the question about neutral hosts, which is the first
SIDE_BY_SIDE = 6  # questions. OONI's helper refuses all clients from 25 on.
FRESH_FAILURE = 10.0  # seconds for which a helper that did not answer is not asked again

NOT_FROM_CACHE = {"Cache-Control": "no-cache"}  # RFC 9111, section 5.2.1.4

Answered = list[tuple[HelperPost, Answer]]


class OONIHelper:
    """Represent one helper with OONI's protocol during one run."""

    def __init__(self, base_url: str, session: Session, roots: Roots, pin: str | None = None) -> None:
        self._url, self._roots, self._pin = base_url.rstrip("/") + "/", roots, pin
        self._run = session
        self._places = asyncio.Semaphore(SIDE_BY_SIDE)
        self._proving = asyncio.Lock()
        self._proof: tuple[float, frozenset[int] | Exception] | None = None  # with the time until which it is valid
        self._software = ""

    async def early_offers(self) -> FlowOffers:
        """Return nothing, because OONI's helpers offer no flows."""
        return FlowOffers()

    async def ask(
        self,
        target: Target,
        addresses: Mapping[str, list[str]],
        offered: object = None,
        fresh: Collection[str] = (),
        *,
        seconds: float = TOTAL_SECONDS,
    ) -> dict[str, Any]:
        """Ask about `target` and return an x_control object. Its `failure` is null or a df-007 string. Never raises.

        Questions that are not answered within `seconds` have no control. OONI's helper has no echo, so `offered` is
        unused. `fresh` has endpoints that are asked about alone. Each question is a new measurement.
        """
        wanted = target.only_endpoints(fresh) if fresh and target.input is None else target
        asked = questions(wanted, sendable(addresses))
        if not asked:
            return {"failure": f"{f.UNKNOWN}: helper: it can try none of these endpoints"}
        answered: Answered = []
        families: frozenset[int] = frozenset()
        try:
            sizes = self._run.pace.segment_sizes
            async with asyncio.timeout(seconds), open_helper(self._roots, self._pin, sizes) as helper:
                families = await self._reaches(helper)
                await self._put_all(helper, asked, answered)
        except TROUBLE as error:
            if not answered:
                return {"failure": named(error)}
        return self._control(target, answered, families)

    def _control(self, target: Target, answered: Answered, neutral: frozenset[int]) -> dict[str, Any]:
        families = neutral | proven_families(answered)
        if not families:
            return {"failure": f"{f.UNKNOWN}: helper: it reached nothing, not even a neutral host"}
        return {
            "failure": None,
            "software_version": self._software,
            "targets_digest": "",  # the helper has no target files
            "preflight": {"ipv4": 4 in families, "ipv6": 6 in families, "udp": False},
            "test_keys": test_keys(answered, own_roots=bool(target.roots)),
        }

    async def _put_all(self, helper: ForeignServers, asked: list[HelperPost], answered: Answered) -> None:
        """Send every question. A failed question costs only its own control. Raises one of TROUBLE if all fail."""

        async def put(one: HelperPost) -> Exception | None:
            try:
                answered.append((one, await self._put(helper, one)))
            except TROUBLE as error:
                return error
            return None

        failed = await asyncio.gather(*map(put, asked))
        if not answered and failed[0] is not None:
            raise failed[0]

    async def _reaches(self, helper: ForeignServers) -> frozenset[int]:
        """Return the families over which the helper completed TLS with a neutral host within the last minute.

        OONI's helper has no preflight. Without this check a helper without network would make every service look down.
        Raises one of TROUBLE, and then every waiting question uses the next helper.
        """
        async with self._proving:
            if self._proof is None or time.monotonic() > self._proof[0]:
                found = await self._prove(helper)
                fresh = FRESH_FAILURE if isinstance(found, Exception) else HELPERS_NETWORK.seconds
                self._proof = (time.monotonic() + fresh, found)
            found = self._proof[1]
        if isinstance(found, Exception):
            raise found
        return found

    async def _prove(self, helper: ForeignServers) -> frozenset[int] | Exception:
        asked = neutral_question(self._run.neutral_addresses)
        try:
            async with asyncio.timeout(NEUTRAL_SECONDS):
                return proven_families([(asked, await self._put(helper, asked))] if asked else [])
        except TROUBLE as error:
            return error

    async def _put(self, helper: ForeignServers, asked: HelperPost) -> Answer:
        """Send one question. A busy helper is asked once more after the time that it names. Raises one of TROUBLE."""
        async with self._places:
            for attempt in (1, 2):
                asked.sent_at = time.monotonic()
                async with helper.request(
                    "POST", self._url, seconds=TOTAL_SECONDS, json=asked.body(), headers=NOT_FROM_CACHE
                ) as response:
                    asked.sent_at -= age_in_cache(response.headers.get("Age", ""))
                    if response.status in {429, 503} and attempt == 1:
                        await asyncio.sleep(retry_after(response.headers.get("Retry-After", "")))
                        continue
                    if response.status != 200:
                        raise UnusableAnswer(f"status {response.status}")
                    self._software = scrub_text(response.headers.get("Server", ""))[:64]
                    return read_object(await helper.body(response, LONGEST_ANSWER))
        raise UnusableAnswer("status 503")


def neutral_question(neutral: list[tuple[str, Endpoint]]) -> HelperPost | None:
    """Return a question about one neutral host at the addresses that the preflight verified, or None."""
    hosts = sorted({endpoint.host for _, endpoint in neutral if endpoint.scheme == "https" and endpoint.port == 443})
    if not hosts:
        return None
    host = random.choice(hosts)
    mine = [(ip, endpoint) for ip, endpoint in neutral if endpoint.host == host]
    return question(host, 443, [("neutral", mine[0][1])], sendable({host: [ip for ip, _ in mine]}))


async def health(
    base_url: str,
    *,
    roots: Roots,
    pin: str | None = None,
    seconds: float = 10.0,
    segment_sizes: Mapping[int, int] = USUAL_SIZES,
) -> str | None:
    """Check that a helper with OONI's protocol answers. Return None if it does, else a failure string. Never raises."""
    try:
        async with (
            open_helper(roots, pin, segment_sizes) as helper,
            helper.request("GET", base_url.rstrip("/") + "/", seconds=seconds) as response,
        ):
            said = json.loads(await helper.body(response, LONGEST_ANSWER))
            fine = response.status == 200 and isinstance(said, dict) and said.get("message") == GREETING
            return None if fine else f"{f.UNKNOWN}: this is no helper"
    except (*TROUBLE, RecursionError) as error:
        return named(error)
