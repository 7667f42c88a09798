"""Check whether a test helper answers, so that no measurement waits for one that does not."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from probe.control import ooni, own
from probe.control.http_client import USUAL_SIZES
from probe.formats import failures as f
from probe.formats.ooni_helper import OF_OONI, OONI_PREFIX
from probe.steps.tls.certificate_checks import Roots

CHECK_SECONDS = 4.0  # for one check that a helper answers. The second in a row that fails decides.
# Seconds in which a helper may answer before it is checked. Together with two checks this is less than 10 s, the most
# that a helper which does not answer may delay a target.
PATIENCE = 1.5
OVERSLEPT = 1.0  # seconds by which a check may end late
BETWEEN_CHECKS = 6.0  # seconds, while the helper measures
BROKEN = f.CUT_OFF | {f.REFUSED}  # failures of a question that was open when the helper ended
RESTARTING = (0.5, 1.5, 3.0)  # seconds before each check that a helper is back. Together less than a target may wait

Answer = dict[str, Any]


async def health(
    url: str,
    *,
    roots: Roots,
    pin: str | None = None,
    seconds: float = 10.0,
    segment_sizes: Mapping[int, int] = USUAL_SIZES,
) -> str | None:
    """Check that a helper answers. Return None if it does, else a failure string. Never raises.

    A helper of OONI whose URL has no prefix gives OF_OONI.
    """
    about: dict[str, Any] = {"roots": roots, "pin": pin, "seconds": seconds, "segment_sizes": segment_sizes}
    if url.startswith(OONI_PREFIX):
        return await ooni.health(url.removeprefix(OONI_PREFIX), **about)
    failure = await own.health(url, **about)
    is_other = failure is not None and failure.startswith(f.UNKNOWN)
    return OF_OONI if is_other and await ooni.health(url, **about) is None else failure


class Liveness:
    """Know whether a helper answers. `failure` says why it does not, None if it does."""

    def __init__(self, url: str, roots: Roots, pin: str | None, segment_sizes: Mapping[int, int]) -> None:
        self._url, self._roots, self._pin, self._sizes = url, roots, pin, segment_sizes
        self._checking: asyncio.Task[str | None] | None = None  # shared by all who ask meanwhile
        self._returning: asyncio.Task[bool] | None = None
        self._has_answered = False
        self.failure: str | None = None

    async def check(self) -> str | None:
        """Check whether the helper answers.

        Ask a second time if it does not at first. Return its failure, or None. Any HTTP answer counts here, because
        the first real question shows whether it is a helper.
        """
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._check())
        failure = await asyncio.shield(self._checking)
        self.failure = None if failure is None or failure.startswith(f.UNKNOWN) else failure
        self._has_answered |= failure is None
        return failure

    async def _check(self) -> str | None:
        failure: str | None = None
        for _ in range(2):
            began = time.monotonic()
            about: dict[str, Any] = {"roots": self._roots, "pin": self._pin, "segment_sizes": self._sizes}
            failure = await health(self._url, seconds=CHECK_SECONDS, **about)
            if failure != f.TIMEOUT:
                return failure
            if time.monotonic() - began > CHECK_SECONDS + OVERSLEPT:
                return None  # this computer was busy and received nothing, which says nothing about the helper
        return failure

    async def answer(self, ask: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
        """Return the helper's answer, or why there is none. If the connection broke, ask once more.

        A helper that restarts forgets its open questions, and refuses others meanwhile. The second answer has
        `asked_again`: how the first question failed. A helper that has never answered is not waited for.
        """
        first = await self.while_alive(ask()) if self.failure is None else {"failure": self.failure}
        self._has_answered |= first["failure"] is None
        if first["failure"] not in BROKEN or not await self._comes_back():
            return first
        return {**await self.while_alive(ask()), "asked_again": first["failure"]}

    async def _comes_back(self) -> bool:
        """Wait for a helper that has answered before. All questions share the waiting, and it is done once."""
        if not self._has_answered:
            return False
        if self._returning is None or self._returning.done():
            self._returning = asyncio.create_task(self._wait_for_return())
        return await asyncio.shield(self._returning)

    async def _wait_for_return(self) -> bool:
        for wait in RESTARTING:
            await asyncio.sleep(wait)
            if await self.check() is None:
                return True
        self._has_answered = False
        return False

    async def while_alive(self, asking: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
        """Return the answer, or the helper's failure if a check fails before the answer comes."""
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
            await asyncio.gather(task, return_exceptions=True)  # until the question has closed its connection
