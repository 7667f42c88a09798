"""Count the requests of each client in a minute, and say which come too often."""

import time
from collections import OrderedDict
from collections.abc import Callable

from probe.http_server.client_shares import TIMES
from probe.http_server.peers import Client

MOST_COUNTED = 65536  # clients and networks at once. The least recently seen one is forgotten first.


class RequestCounts:
    """Count the requests of each client and of its networks in windows of a minute that begin with the first one."""

    def __init__(self, most: int, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._what, self._clock = most, what, clock
        self._windows: OrderedDict[bytes, tuple[float, int]] = OrderedDict()  # least recently seen first

    def __len__(self) -> int:
        return len(self._windows)

    def refusal(self, client: Client) -> str | None:
        """Count one request. Return why it is refused if the client or its networks asked too often.

        A refused request of a client counts for no network, so that it takes nothing from the others there.
        """
        now = self._clock()
        windows = [self._window(prefix, now) for prefix in client]
        admitted = all(count < self._most * times for (_, count), times in zip(windows, TIMES, strict=False))
        for prefix, (began, count) in zip(client, windows, strict=True):
            self._windows[prefix] = (began, count + admitted)
        self._forget(now)
        return None if admitted else f"more than {self._most} {self._what} in a minute came from here, send fewer"

    def _window(self, prefix: bytes, now: float) -> tuple[float, int]:
        began, count = self._windows.pop(prefix, (now, 0))
        return (began, count) if now - began < 60.0 else (now, 0)

    def _forget(self, now: float) -> None:
        """Forget at most six prefixes whose minute is over.

        Each call adds at most three prefixes, so that all old ones are forgotten in time.
        """
        for _ in range(6):
            oldest = next(iter(self._windows.values()), (now, 0))
            if now - oldest[0] >= 60.0 or len(self._windows) > MOST_COUNTED:
                self._windows.popitem(last=False)
