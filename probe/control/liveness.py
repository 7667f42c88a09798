"""Check whether a test helper lives, so that no measurement waits for one that does not."""

import asyncio
import time
from collections.abc import Coroutine, Mapping
from typing import Any

from probe.control import ooni, own
from probe.control.http_client import USUAL_SIZES
from probe.formats import failures as f
from probe.steps.tls.certificates import Roots

OONI_PREFIX = "ooni+"  # prefix of the URL of a helper with OONI's protocol
CHECK_SECONDS = 4.0  # for one check that a helper lives. The second in a row that fails decides.
PATIENCE = 1.5  # seconds in which a helper may answer before it is checked. A dead one delays nothing by 10 s
OVERSLEPT = 1.0  # seconds by which a check may end late
BETWEEN_CHECKS = 6.0  # seconds, while the helper measures


async def health(
    url: str,
    *,
    roots: Roots,
    pin: str | None = None,
    seconds: float = 10.0,
    segment_sizes: Mapping[int, int] = USUAL_SIZES,
) -> str | None:
    """Check that a helper answers. Return None if it does, else a failure string. Never raises."""
    ask = ooni.health if url.startswith(OONI_PREFIX) else own.health
    bare = url.removeprefix(OONI_PREFIX)
    return await ask(bare, roots=roots, pin=pin, seconds=seconds, segment_sizes=segment_sizes)


class Liveness:
    """Know whether a helper lives. `failure` says why it does not, None if it does."""

    def __init__(self, url: str, roots: Roots, pin: str | None, segment_sizes: Mapping[int, int]) -> None:
        self._url, self._roots, self._pin, self._sizes = url, roots, pin, segment_sizes
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
            about: dict[str, Any] = {"roots": self._roots, "pin": self._pin, "segment_sizes": self._sizes}
            failure = await health(self._url, seconds=CHECK_SECONDS, **about)
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
