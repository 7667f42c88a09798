"""Try to starve an honest client of the helper: slow clients, slow questions, cheap questions, one crowded /64."""

import asyncio
import json
import resource
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.attack.helper_process import HelperProcess, helper_process, question

DESCRIPTORS = 1024
PROXY = "127.0.0.1"
HONEST = "127.9.9.9"
HONEST_ASKS = 5
PAUSE = 1.0  # seconds between two questions of the honest client
WITHIN = 5.0  # seconds


@dataclass
class Outcome:
    """Hold what the honest client and the attackers saw. Waits are in seconds, memory in MB."""

    honest: list[tuple[int, float]] = field(default_factory=list)  # status and wait of each question
    attackers: Counter[int] = field(default_factory=Counter)  # statuses, 0 for a closed connection
    memory: list[float] = field(default_factory=list)
    descriptors: int = 0  # most that the helper had open

    @property
    def longest(self) -> float:
        """Return the longest wait of the honest client."""
        return max(wait for _, wait in self.honest)

    @property
    def fine(self) -> bool:
        """Say whether each question of the honest client was answered in time."""
        return len(self.honest) >= HONEST_ASKS and all(status == 200 and wait < WITHIN for status, wait in self.honest)


@dataclass
class Field:
    """Hold the helper under attack and a web site that it is asked about: /slow/ never answers, all else does."""

    helper: HelperProcess
    site: int
    asked: int = 0

    async def ask(
        self, path: str, *, source: str, client: str | None = None, limit: float = 45.0, to: str = PROXY
    ) -> int:
        """Ask about a page. Return the status, 0 if there is none. `client` is behind the proxy."""
        self.asked += 1
        asked = {"http_request": f"http://127.0.0.1:{self.site}/{path}/{self.asked}"}
        more = f"X-Forwarded-For: {client}\r\n" if client else ""
        try:
            async with asyncio.timeout(limit):
                reader, writer = await asyncio.open_connection(to, self.helper.port, local_addr=(source, 0))
                try:
                    writer.write(question(asked, path="/", headers="Connection: close\r\n" + more))
                    raw = await reader.read()
                finally:
                    writer.transport.abort()
        except (OSError, TimeoutError):
            return 0
        head, _, body = raw.partition(b"\r\n\r\n")
        status = int(head.split(b" ")[1]) if head else 0
        if status == 200:
            assert json.loads(body)["http_request"]["status_code"] == (200 if path != "slow" else -1), body
        return status


@asynccontextmanager
async def site() -> AsyncIterator[int]:
    """Serve pages of which those below /slow/ never come. Yield the port."""
    open_now: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_now.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            if b"/slow/" in head:
                await reader.read()  # until the helper gives up
            else:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
                await writer.drain()
        open_now.discard(writer)
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for writer in open_now:
            writer.transport.abort()
        await asyncio.sleep(0.1)  # for the tasks of these connections to end


Attack = Callable[[Field, Outcome], Awaitable[None]]


async def slow_clients(field: Field, outcome: Outcome, count: int = 1200, peers: int = 20) -> None:
    """Open connections that send one byte of a request each second, and open them again when they are closed."""
    raw = question({"http_request": "http://127.0.0.1/"}, path="/")

    async def client(number: int) -> None:
        while True:
            with suppress(OSError):
                source = f"127.1.0.{number % peers + 1}"
                _, writer = await asyncio.open_connection(PROXY, field.helper.port, local_addr=(source, 0))
                try:
                    for at in range(len(raw) - 1):
                        writer.write(raw[at : at + 1])
                        await writer.drain()
                        await asyncio.sleep(1.0)
                finally:
                    writer.transport.abort()
            outcome.attackers[0] += 1
            await asyncio.sleep(1.0)

    await asyncio.gather(*(client(number) for number in range(count)))


async def slow_questions(field: Field, outcome: Outcome, count: int = 40, peers: int = 1) -> None:
    """Ask about pages that never answer, from few peers, and ask again after every answer."""

    async def client(number: int) -> None:
        while True:
            status = await field.ask("slow", source=f"127.2.0.{number % peers + 1}")
            outcome.attackers[status] += 1
            await asyncio.sleep(1.0)

    await asyncio.gather(*(client(number) for number in range(count)))


async def cheap_questions(field: Field, outcome: Outcome, count: int = 600, peers: int = 5) -> None:
    """Ask different questions that are quickly answered, as often as the limits allow, 20 at a time."""
    numbers = iter(range(count))

    async def client() -> None:
        for number in numbers:
            outcome.attackers[await field.ask("cheap", source=f"127.3.0.{number % peers + 1}")] += 1

    await asyncio.gather(*(client() for _ in range(20)))


async def crowded_prefix(field: Field, outcome: Outcome, count: int = 3000) -> None:
    """Ask from many addresses of one IPv6 /64 behind the proxy, 50 at a time."""
    numbers = iter(range(count))

    async def client() -> None:
        for number in numbers:
            address = f"2001:db8:1:2::{number + 1:x}"
            outcome.attackers[await field.ask("crowd", source=PROXY, client=address)] += 1

    await asyncio.gather(*(client() for _ in range(50)))


async def _repeated(attack: Attack, field: Field, outcome: Outcome) -> None:
    while True:
        await attack(field, outcome)
        await asyncio.sleep(1.0)


async def _honest(field: Field, outcome: Outcome, seconds: float) -> None:
    """Ask as an honest client until `seconds` are over, at least HONEST_ASKS times."""
    until = time.monotonic() + seconds
    while len(outcome.honest) < HONEST_ASKS or time.monotonic() < until:
        await asyncio.sleep(PAUSE)
        began = time.monotonic()
        status = await field.ask("honest", source=HONEST)
        outcome.honest.append((status, time.monotonic() - began))
        outcome.memory.append(field.helper.memory())
        outcome.descriptors = max(outcome.descriptors, field.helper.descriptors())


async def _attacked(attacks: tuple[Attack, ...], helper: HelperProcess, head_start: float, seconds: float) -> Outcome:
    outcome = Outcome()
    async with site() as port:
        field = Field(helper, port)
        tasks = [asyncio.create_task(_repeated(attack, field, outcome)) for attack in attacks]
        try:
            await asyncio.sleep(head_start)
            await _honest(field, outcome, seconds)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    return outcome


def allow_many_clients(wanted: int = 4 * DESCRIPTORS) -> None:
    """Raise this process's limit of open files, since the attackers need more than the helper has."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, wanted), most))


def attacked(*attacks: Attack, head_start: float = 3.0, seconds: float = 0.0) -> Outcome:
    """Run the attacks against a helper with DESCRIPTORS, beside an honest client, and return what both saw."""
    allow_many_clients()
    with helper_process("--lab", "--trusted-proxy", PROXY, descriptors=DESCRIPTORS) as helper:
        outcome = asyncio.run(_attacked(attacks, helper, head_start, seconds))
        written = helper.written()
        assert written == b"", written[:2000]
    return outcome


def growth(memory: list[float]) -> float:
    """Return by how many MB the memory grew from the second quarter of the samples to the last."""
    quarter = len(memory) // 4
    return statistics.median(memory[-quarter:]) - statistics.median(memory[quarter : 2 * quarter])
