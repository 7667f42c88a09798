"""Ask the test helpers that the user named, ours or OONI's. The answer is always a plain object."""

import asyncio
import random
import time
from collections.abc import Callable, Collection, Coroutine, Mapping
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
CHECK_SECONDS = 4.0  # for one check that a helper lives. The second in a row that fails decides.
PATIENCE = 1.5  # seconds in which a helper may answer before it is checked. A dead one delays nothing by 10 s
OVERSLEPT = 1.0  # seconds by which a check may end late
BETWEEN_CHECKS = 6.0  # seconds, while the helper measures

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
        self._lives = {url: Liveness(url, roots, session.settings.control_pin) for url in session.settings.control}
        urls = random.sample(session.settings.control, len(session.settings.control))
        self._helpers = [(_helper(url, session, roots, learned), self._lives[url]) for url in urls]

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
                    if life.failure is None:
                        answer = await life.while_alive(helper.ask(target, addresses, offered, fresh))
                    else:
                        answer = {"failure": life.failure}
                    if answer["failure"] is None:
                        self._helpers.sort(key=lambda other: other[1] is not life)
                        break
        except TimeoutError:
            return {"failure": f.TIMEOUT}
        return answer


async def health(url: str, *, roots: Roots, pin: str | None = None, seconds: float = 10.0) -> str | None:
    """Check that a helper answers. Return None if it does, else a failure string. Never raises."""
    ask = ooni.health if url.startswith(OONI_PREFIX) else own.health
    return await ask(url.removeprefix(OONI_PREFIX), roots=roots, pin=pin, seconds=seconds)


class Liveness:
    """Know whether a helper lives. `failure` says why it does not, None if it does."""

    def __init__(self, url: str, roots: Roots, pin: str | None) -> None:
        self._url, self._roots, self._pin = url, roots, pin
        self._checking: asyncio.Task[str | None] | None = None  # shared by all who ask meanwhile
        self.failure: str | None = None

    async def check(self) -> str | None:
        """Check whether the helper answers, twice if it does not at first. Return its failure or None.

        An answer that is no helper's is an answer. The question itself then shows what is wrong.
        """
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._check())
        failure = await asyncio.shield(self._checking)
        self.failure = None if failure is None or failure.startswith(f.UNKNOWN) else failure
        return failure

    async def _check(self) -> str | None:
        failure: str | None = None
        for _ in range(2):
            began = time.monotonic()
            failure = await health(self._url, roots=self._roots, pin=self._pin, seconds=CHECK_SECONDS)
            if failure != f.TIMEOUT:
                return failure
            if time.monotonic() - began > CHECK_SECONDS + OVERSLEPT:
                return None  # this computer was busy and received nothing, which says nothing about the helper
        return failure

    async def while_alive(self, asking: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
        """Return the answer, or the helper's failure if it stops living before."""
        task, patience = asyncio.create_task(asking), PATIENCE
        try:
            while not (await asyncio.wait({task}, timeout=patience))[0]:
                await self.check()
                if self.failure is not None and not task.done():
                    return {"failure": self.failure}
                patience = BETWEEN_CHECKS
            return task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


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
