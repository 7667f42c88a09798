"""Send malformed requests from many addresses, and look for errors 500, hangs and traces in the helper's output."""

import asyncio
import random
import re
import time
from collections import Counter
from dataclasses import dataclass, field

from probe.http_server.connections import ACCEPTED_BURST, ACCEPTED_RATE
from tests.attack.helper_process import HelperProcess
from tests.attack.malformed import MARK, malformed

AT_ONCE = 64
HANG_SECONDS = 30.0
GLANCE_SECONDS = 0.5  # most clients leave after it. Every 40th waits for HANG_SECONDS.
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_SERVER = re.compile(rb"\r\n[Ss]erver: ([^\r]*)")


@dataclass
class Results:
    """Count what the requests led to. `hung` requests got neither an answer nor an end within HANG_SECONDS."""

    statuses: Counter[int] = field(default_factory=Counter)
    servers: Counter[bytes] = field(default_factory=Counter)
    ended: int = 0  # connections that the helper closed without an answer
    left: int = 0  # connections that the client closed before an answer
    hung: list[bytes] = field(default_factory=list)
    bugs: list[bytes] = field(default_factory=list)  # requests that got 500
    addresses: set[str] = field(default_factory=set)
    longest: float = 0.0  # seconds that a patient client waited


def source_address(number: int) -> str:
    """Return one of 60,000 loopback addresses. Neighbours in the count are in different networks (/16)."""
    number %= 60_000
    return f"127.{number % 240 + 1}.{number // 240}.2"


async def send_malformed(helper: HelperProcess, count: int, seed: int) -> Results:
    """Send `count` requests of `seed`, AT_ONCE at a time, and no faster than the helper accepts connections."""
    results, numbers, began = Results(), iter(range(count)), time.monotonic()

    async def client() -> None:
        for number in numbers:
            await asyncio.sleep(began + (number - ACCEPTED_BURST / 2) / ACCEPTED_RATE - time.monotonic())
            await _send(helper, random.Random(f"{seed}/{number}"), number, results)

    await asyncio.gather(*(client() for _ in range(AT_ONCE)))
    return results


async def _send(helper: HelperProcess, source: random.Random, number: int, results: Results) -> None:
    raw, began = malformed(source), time.monotonic()
    patient = number % 40 == 0
    address = source_address(number // 5)
    results.addresses.add(address)
    reader, writer = await asyncio.open_connection("127.0.0.1", helper.port, local_addr=(address, 0))
    received, over = b"", False
    try:
        writer.write(raw)
        async with asyncio.timeout(HANG_SECONDS if patient else GLANCE_SECONDS):
            await writer.drain()
            while not _STATUS.search(received) and not over:
                chunk = await reader.read(65536)
                received, over = received + chunk, not chunk
    except TimeoutError:
        pass
    except OSError:
        over = True  # reset: the helper has closed the connection while bytes were under way
    finally:
        writer.transport.abort()
    if patient:
        results.longest = max(results.longest, time.monotonic() - began)
    _count(results, raw, received, over, patient)


def _count(results: Results, raw: bytes, received: bytes, over: bool, patient: bool) -> None:
    statuses = [int(status) for status in _STATUS.findall(received)]
    results.statuses.update(statuses)
    results.servers.update(_SERVER.findall(received))
    if 500 in statuses:
        results.bugs.append(raw)
    if not statuses:
        results.ended += over
        results.left += not over and not patient
        if patient and not over:
            results.hung.append(raw)


def traces(helper: HelperProcess, results: Results) -> list[bytes]:
    """Return the lines of the helper's output that contain a client's address or bytes of a request."""
    known = [MARK, MARK.lower(), MARK.hex().encode(), *(address.encode() for address in results.addresses)]
    return [line for line in helper.written().splitlines() if any(text in line for text in known)]
