"""Ask the test helpers that the user named, ours or OONI's. The answer is always a plain object."""

import asyncio
import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from probe.control import ooni, own
from probe.control.liveness import OONI_PREFIX, Liveness, health
from probe.control.own import FlowsOffered, Offered
from probe.formats import failures as f
from probe.session.session import Session
from probe.steps.tls.certificates import Roots
from probe.targets.target import Target

__all__ = ["OONI_PREFIX", "Control", "Offered", "health"]

TOTAL_SECONDS = 60.0  # for all helpers together

Learned = Callable[[str], None]


class Asked(Protocol):
    """Represent one helper of either kind."""

    async def ask(
        self, target: Target, addresses: Mapping[str, list[str]], offered: Offered, fresh: Collection[str] = ()
    ) -> dict[str, Any]:
        """Ask about `target` and return an x_control object. `fresh` has endpoints that are measured anew, alone."""


class Control:
    """Hold the helpers of one run. They are tried in random order, and the first that answers is asked first from then
    on.
    """

    def __init__(
        self,
        session: Session,
        roots: Roots,
        learned: Learned,
        flows_offered: FlowsOffered = lambda offers: None,
    ) -> None:
        pin, sizes = session.settings.control_pin, session.pace.segment_sizes
        self._lives = {url: Liveness(url, roots, pin, sizes) for url in session.settings.control}
        urls = random.sample(session.settings.control, len(session.settings.control))
        self._helpers = [(_helper(url, session, roots, learned, flows_offered), self._lives[url]) for url in urls]

    async def check(self) -> list[str | None]:
        """Check every helper at the start of a round. Return each one's failure, in the user's order.

        A helper that does not answer is not asked until the next check, so that no target waits for it.
        """
        return list(await asyncio.gather(*(life.check() for life in self._lives.values())))

    async def ask(
        self, target: Target, addresses: Mapping[str, list[str]], offered: Offered, fresh: Collection[str] = ()
    ) -> dict[str, Any]:
        """Ask about `target` and return an x_control object. If no helper answers, it has the last one's `failure`.

        `addresses` has the addresses that the probe resolved, per name. `offered` receives the helper's echo offer.
        `fresh` has endpoints that are measured anew, alone.
        """
        answer: dict[str, Any] = {"failure": f.TIMEOUT}
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                for helper, life in list(self._helpers):
                    answer = await life.answer(partial(helper.ask, target, addresses, offered, fresh))
                    if answer["failure"] is None:
                        self._helpers.sort(key=lambda other: other[1] is not life)
                        break
        except TimeoutError:
            return {"failure": f.TIMEOUT}
        return answer


@dataclass(frozen=True)
class _Ours:
    """Ask a helper with our own protocol."""

    url: str
    roots: Roots
    pin: str | None
    learned: Learned
    flows_offered: FlowsOffered
    segment_sizes: Mapping[int, int]

    async def ask(
        self, target: Target, addresses: Mapping[str, list[str]], offered: Offered, fresh: Collection[str] = ()
    ) -> dict[str, Any]:
        return await own.ask(
            self.url,
            target,
            addresses,
            roots=self.roots,
            pin=self.pin,
            learned=self.learned,
            offered=offered,
            flows_offered=self.flows_offered,
            fresh=fresh,
            segment_sizes=self.segment_sizes,
        )


def _helper(
    url: str,
    session: Session,
    roots: Roots,
    learned: Learned,
    flows_offered: FlowsOffered,
) -> Asked:
    pin = session.settings.control_pin
    if url.startswith(OONI_PREFIX):
        return ooni.OONIHelper(url.removeprefix(OONI_PREFIX), session, roots, pin)
    return _Ours(url, roots, pin, learned, flows_offered, session.pace.segment_sizes)
