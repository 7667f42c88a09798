"""Ask the test helpers that the user named, ours or OONI's. The answer is always a plain object."""

import asyncio
import random
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from probe.control import ooni, own
from probe.control.agreement import agreed, in_time
from probe.control.liveness import Liveness, health
from probe.control.own import FlowsOffered, Offered
from probe.followups.helper_offer import FlowOffers
from probe.formats import failures as f
from probe.formats.ooni_helper import OF_OONI, OONI_PREFIX
from probe.session.session import Session
from probe.steps.tls.certificate_checks import Roots
from probe.targets.target import Target

__all__ = ["ControlClient", "Offered", "health"]

TOTAL_SECONDS = 60.0  # for all helpers together

Learned = Callable[[str], None]


class Asked(Protocol):
    """Represent one helper of either kind."""

    async def ask(
        self, target: Target, addresses: Mapping[str, list[str]], offered: Offered, fresh: Collection[str] = ()
    ) -> dict[str, Any]:
        """Ask about `target` and return an x_control object. `fresh` has endpoints that are measured anew, alone."""

    async def early_offers(self) -> FlowOffers:
        """Return what the helper offers to a whole run, before it is asked about a target."""


class ControlClient:
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
        self._of_ooni = partial(ooni.OONIHelper, session=session, roots=roots, pin=pin)
        self._flows_offered = flows_offered
        self._lives = {url: Liveness(url, roots, pin, sizes) for url in session.settings.control}
        urls = random.sample(session.settings.control, len(session.settings.control))
        self._helpers: list[tuple[Asked, Liveness]] = [
            (_helper(url, session, roots, learned, flows_offered), self._lives[url]) for url in urls
        ]

    async def check(self) -> list[str | None]:
        """Check every helper at the start of a round. Return each one's failure, in the user's order.

        A helper that does not answer is not asked until the next check, so that no target waits for it. One of OONI's
        that is named without its prefix is asked with OONI's protocol from now on.
        """
        failures = list(await asyncio.gather(*(life.check() for life in self._lives.values())))
        others = {life: url for (url, life), said in zip(self._lives.items(), failures, strict=True) if said == OF_OONI}
        self._helpers = [(self._of_ooni(others[life]) if life in others else own, life) for own, life in self._helpers]
        return failures

    @property
    def serves_many(self) -> bool:
        """Return whether the helper that is asked first has OONI's protocol, and must be asked sparingly."""
        return bool(self._helpers) and _is_of_ooni(self._helpers[0])

    async def offer_early(self) -> None:
        """Pass on what a helper offers to the whole run, before any target is measured.

        Only one helper is asked, the one that will be asked about targets first.
        """
        alive = [helper for helper, life in self._helpers if life.failure is None]
        if alive:
            self._flows_offered(await alive[0].early_offers())

    async def ask(
        self, target: Target, addresses: Mapping[str, list[str]], offered: Offered, fresh: Collection[str] = ()
    ) -> dict[str, Any]:
        """Ask about `target` and return an x_control object. If no helper answers, it has the last one's `failure`.

        Two of the public helpers are asked, and attempts on which they contradict each other are left out.

        `addresses` has the addresses that the probe resolved, per name. `offered` receives the helper's echo offer.
        `fresh` has endpoints that are measured anew, alone.
        """
        answer: dict[str, Any] = {"failure": f.TIMEOUT}
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                for group in self._groups():
                    questions = (partial(one.ask, target, addresses, offered, fresh) for one, _ in group)
                    asked = (life.answer(asking) for (_, life), asking in zip(group, questions, strict=True))
                    answers = await in_time(asked)
                    answer = agreed(answers)
                    if answer["failure"] is None:
                        said = [life for (_, life), each in zip(group, answers, strict=True) if each["failure"] is None]
                        self._helpers.sort(key=lambda other: other[1] not in said)
                        break
        except TimeoutError:
            return {"failure": f.TIMEOUT}
        return answer

    def _groups(self) -> Iterator[list[tuple[Asked, Liveness]]]:
        """Yield the helpers in turn: ours alone, and OONI's, which strangers run, in twos."""
        left = sorted(self._helpers, key=lambda each: each[1].failure is not None)
        while left:
            first = left.pop(0)
            others = [each for each in left if _is_of_ooni(first) and _is_of_ooni(each)][:1]
            left = [each for each in left if each not in others]
            yield [first, *others]


def _is_of_ooni(helper: tuple[Asked, Liveness]) -> bool:
    return isinstance(helper[0], ooni.OONIHelper)


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

    async def early_offers(self) -> FlowOffers:
        return await own.CallLink(self.url, self.roots, self.pin, self.segment_sizes).early()


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
