"""Asks the test helpers that the user named, ours or OONI's; whatever they do, the answer is a plain object."""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from probe.control import ooni, own
from probe.control.own import Offered
from probe.formats import failures as f
from probe.session.session import Session
from probe.steps.tls.certificates import Roots
from probe.targets.target import Target

__all__ = ["OONI_PREFIX", "Control", "Offered", "health"]

OONI_PREFIX = "ooni+"  # before the URL of a helper of OONI's
TOTAL_SECONDS = 60.0  # for all of them together

Learned = Callable[[str], None]


class Asked(Protocol):
    """One helper, of either kind."""

    async def ask(self, target: Target, addresses: Mapping[str, list[str]], offered: Offered) -> dict[str, Any]:
        """Ask about `target`; returns an x_control object."""


class Control:
    """The helpers of one run, tried in random order until one answers; who answered is asked first from then on."""

    def __init__(self, session: Session, roots: Roots, learned: Learned) -> None:
        urls = random.sample(session.settings.control, len(session.settings.control))
        self._helpers = [_helper(url, session, roots, learned) for url in urls]

    async def ask(self, target: Target, addresses: Mapping[str, list[str]], offered: Offered) -> dict[str, Any]:
        """Ask about `target`; returns an x_control object, with the last one's `failure` if none answered.

        `addresses` are those that the probe resolved, per name; `offered` hears what the helper's echo takes.
        """
        answer: dict[str, Any] = {"failure": f.TIMEOUT}
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                for helper in list(self._helpers):
                    answer = await helper.ask(target, addresses, offered)
                    if answer["failure"] is None:
                        self._helpers.sort(key=lambda other: other is not helper)
                        break
        except TimeoutError:
            return {"failure": f.TIMEOUT}
        return answer


async def health(url: str, *, roots: Roots, pin: str | None = None) -> str | None:
    """Ask whether a helper is there; returns None when it says so, else a failure string. Never raises."""
    ask = ooni.health if url.startswith(OONI_PREFIX) else own.health
    return await ask(url.removeprefix(OONI_PREFIX), roots=roots, pin=pin)


@dataclass(frozen=True)
class _Ours:
    """A helper of our own kind."""

    url: str
    roots: Roots
    pin: str | None
    learned: Learned

    async def ask(self, target: Target, addresses: Mapping[str, list[str]], offered: Offered) -> dict[str, Any]:
        return await own.ask(
            self.url, target, addresses, roots=self.roots, pin=self.pin, learned=self.learned, offered=offered
        )


def _helper(url: str, session: Session, roots: Roots, learned: Learned) -> Asked:
    pin = session.settings.control_pin
    if url.startswith(OONI_PREFIX):
        return ooni.OONIHelper(url.removeprefix(OONI_PREFIX), session, roots, pin)
    return _Ours(url, roots, pin, learned)
