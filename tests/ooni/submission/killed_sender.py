"""Send a queue in child processes that are killed at each of their points in turn, and print what each left.

    python -m tests.ooni.submission.killed_sender FOLDER SERVER PROTOCOL (statements | moments)

A point is an SQL statement, before it is executed, or a moment. Moments are spread over the time of a whole run. After
each killed child another one sends the rest. One JSON object per point is printed. With `statements` the last child was
not killed.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from probe.ooni.submission import batch_sending
from probe.ooni.submission.outcomes import Protocol
from probe.ooni.submission.queue_file import Queue, has_queue, open_queue
from probe.platforms import event_loop
from tests.ooni.submission.runs import RUN, lines

MEASUREMENTS, MOST_POINTS, MOMENTS = 3, 200, 30


def work(root: Path, server: str, protocol: Protocol, name: str, watch: Callable[[Queue], None]) -> None:
    """Add the measurements of a run that are not in the queue, and send what waits."""
    with open_queue(root) as queue:
        watch(queue)
        queue.add(server, protocol, RUN, lines(MEASUREMENTS, probe_network_name=name))
        event_loop.run(batch_sending.send_waiting(queue, note=lambda *_: None))


def kill_at(statement: int) -> Callable[[Queue], None]:
    """Return a function that makes the process kill itself before so many statements more."""
    left = statement

    def count(_: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return lambda queue: queue._connection.set_trace_callback(count)


@contextmanager
def child(run: Callable[[], None]) -> Iterator[int]:
    """Run a function in a child process, and yield its number."""
    number = os.fork()
    if number == 0:
        code = 1
        try:
            run()
            code = 0
        finally:
            os._exit(code)
    yield number


def ended(number: int) -> bool:
    """Wait for a child, and return whether it was killed. Raise if it failed."""
    status = os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
    assert status in {0, -signal.SIGKILL}, status
    return status != 0


def states(root: Path) -> list[str]:
    """Return the states of the measurements in their order."""
    if not has_queue(root):
        return []
    with open_queue(root) as queue:
        return [entry.state for entry in queue.entries()]


def at_point(base: Path, server: str, protocol: Protocol, point: int, after: float | None) -> bool:
    """Kill one child, let another finish, print what they left, and return whether the first was killed."""
    name = f"{protocol}-{'sql' if after is None else 'moment'}-{point}"
    root = base / name
    watch: Callable[[Queue], None] = kill_at(point) if after is None else (lambda _: None)
    with child(lambda: work(root, server, protocol, name, watch)) as number:
        if after is not None:
            time.sleep(after)
            os.kill(number, signal.SIGKILL)
        killed = ended(number)
    between = states(root)
    with child(lambda: work(root, server, protocol, name, lambda _: None)) as number:
        assert not ended(number)
    print(json.dumps({"name": name, "killed": killed, "between": between, "after": states(root)}), flush=True)
    return killed


def usual_time(base: Path, server: str, protocol: Protocol) -> float:
    """Return the seconds of a run that is not killed."""
    began = time.monotonic()
    with child(lambda: work(base / "whole", server, protocol, "whole", lambda _: None)) as number:
        assert not ended(number)
    return time.monotonic() - began


def main(folder: str, server: str, protocol: str, points: str) -> None:
    base, spoken = Path(folder), Protocol(protocol)
    if points == "moments":
        whole = usual_time(base, server, spoken)
        for point in range(MOMENTS):
            at_point(base, server, spoken, point, whole * point / MOMENTS)
        return
    for point in range(1, MOST_POINTS):
        if not at_point(base, server, spoken, point, None):
            return
    raise AssertionError("there are too many statements")


if __name__ == "__main__":
    main(*sys.argv[1:])
