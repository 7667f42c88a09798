"""Measure how long something takes in an event loop, on a machine that other processes may load."""

import asyncio
import time

BEAT = 0.05  # seconds


class LoopClock:
    """Count beats of the event loop, which come later when other processes have the machine, as all timers do."""

    def __init__(self) -> None:
        self._beats, self._cpu = 0, time.process_time()
        self._task = asyncio.create_task(self._count())

    async def _count(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            self._beats += 1

    async def stop(self) -> float:
        """Return the seconds that were waited, or that this process worked where those are more."""
        self._task.cancel()
        await asyncio.wait([self._task])
        return max(self._beats * BEAT, time.process_time() - self._cpu)
