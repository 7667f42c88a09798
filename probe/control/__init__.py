"""Ask the test helpers that the user named, ours or OONI's. The answer is always a plain object."""

import asyncio
import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from probe.control import ooni, own
from probe.control.own import Offered
from probe.formats import failures as f
from probe.session.session import Session
from probe.steps.tls.certificates import Roots
from probe.targets.target import Target

__all__ = ["OONI_PREFIX", "Control", "Offered", "health"]

OONI_PREFIX = "ooni+"  # prefix of the URL of a helper with OONI's protocol
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

    def __init__(self, session: Session, roots: Roots, learned: Learned) -> None:
        urls = random.sample(session.settings.control, len(session.settings.control))
        self._helpers = [_helper(url, session, roots, learned) for url in urls]

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
                for helper in list(self._helpers):
                    answer = await helper.ask(target, addresses, offered, fresh)
                    if answer["failure"] is None:
                        self._helpers.sort(key=lambda other: other is not helper)
                        break
        except TimeoutError:
            return {"failure": f.TIMEOUT}
        return answer


async def health(url: str, *, roots: Roots, pin: str | None = None) -> str | None:
    """Check that a helper answers. Return None if it does, else a failure string. Never raises."""
    ask = ooni.health if url.startswith(OONI_PREFIX) else own.health
    return await ask(url.removeprefix(OONI_PREFIX), roots=roots, pin=pin)


@dataclass(frozen=True)
class _Ours:
    """Ask a helper with our own protocol."""

    url: str
    roots: Roots
    pin: str | None
    learned: Learned

    async def ask(
        self, target: Target, addresses: Mapping[str, list[str]], offered: Offered, fresh: Collection[str] = ()
    ) -> dict[str, Any]:
        about = (self.url, target, addresses)
        return await own.ask(*about, roots=self.roots, pin=self.pin, learned=self.learned, offered=offered, fresh=fresh)


def _helper(url: str, session: Session, roots: Roots, learned: Learned) -> Asked:
    pin = session.settings.control_pin
    if url.startswith(OONI_PREFIX):
        return ooni.OONIHelper(url.removeprefix(OONI_PREFIX), session, roots, pin)
    return _Ours(url, roots, pin, learned)
