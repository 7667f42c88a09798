"""Measure `probe explore` under 50 readers: `python -m tests.bench.explore STORE [REQUESTS]`, also a part of the bench.

First every question is asked once, which computes its answer. Then the readers ask these questions in random order, and
read verdicts page by page. At last they do so while another client asks questions that nothing has asked before.
"""

import asyncio
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp

from tests.bench.store import SIZES
from tests.bench.table import row

PROBE = [sys.executable, "-m", "probe"]
READERS, PROCESSES = 50, 2
REQUESTS = 40  # of one reader
AIM = 0.3  # seconds
Question = tuple[str, dict[str, str]]


def explore(folder: Path) -> None:
    """Measure a server over a new store of the largest size."""
    world = folder / "explored"
    quiet = {"check": True, "stdout": subprocess.DEVNULL}
    subprocess.run([*PROBE, "synth", "--measurements", str(max(SIZES)), "--light", "--out", str(world)], **quiet)
    subprocess.run([*PROBE, "ingest", str(world / "lines"), "--store", str(world / "store"), "--lab"], **quiet)
    measure(world / "store")


def measure(store: Path, requests: int = REQUESTS) -> None:
    """Print how long answers take: the first ones, those to many readers, and those beside new questions."""
    with _running(store) as (address, process):
        asked = asyncio.run(_questions(address))
        firsts = asyncio.run(_one_by_one(address, asked))
        size = json.loads(asyncio.run(_fetched(address, ("/api/v1/store", {}))))["measurements"]
        row(f"explore over {size} measurements, first answer to {len(asked)} questions", _percentiles(firsts))
        before = _cpu(process)
        times = _by_all(address, asked, requests)
        _print("  known questions", times)
        row("    the server's CPU for one answer", f"{1000 * (_cpu(process) - before) / len(times):.1f} ms")
        with _asking_new_questions(address):
            _print("  the same beside questions that are new", _by_all(address, asked, requests))


def _print(what: str, times: list[float]) -> None:
    figure = _percentiles(times)
    p95 = statistics.quantiles(times, n=20)[-1]
    row(f"{what}, {READERS} readers, {len(times)} answers", figure, f"p95 under {AIM * 1000:.0f} ms", p95 < AIM)


def _cpu(process: int) -> float:
    """Return the CPU seconds of a process (proc(5): utime and stime are fields 14 and 15)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _percentiles(times: list[float]) -> str:
    cuts = statistics.quantiles(times, n=100)
    return f"p50 {cuts[49] * 1000:.0f}, p95 {cuts[94] * 1000:.0f}, max {max(times) * 1000:.0f} ms"


@contextmanager
def _running(store: Path) -> Iterator[tuple[str, int]]:
    """Start the server, and yield its address with the token as fragment, and its process."""
    with subprocess.Popen([*PROBE, "explore", str(store), "--lab"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            address = urlsplit(process.stdout.readline().strip())
            yield f"http://{address.netloc}#{parse_qs(address.query)['token'][0]}", process.pid
        finally:
            process.send_signal(signal.SIGINT)


def _client(address: str) -> aiohttp.ClientSession:
    base, _, token = address.partition("#")
    return aiohttp.ClientSession(base, headers={"Authorization": f"Bearer {token}"})


async def _fetched(address: str, question: Question) -> bytes:
    async with _client(address) as client:
        return await _answer(client, question)


async def _answer(client: aiohttp.ClientSession, question: Question) -> bytes:
    """Return the answer, however often it must be asked for while it is computed."""
    while True:
        async with client.get(question[0], params=question[1]) as response:
            body = await response.read()
            if response.status == 200:
                return body
            assert response.status in {202, 503}, body
        await asyncio.sleep(0.2)


async def _questions(address: str) -> list[Question]:
    """Return the page by country and by network, and cells, series, events and verdicts of ten countries."""
    cells = json.loads(await _fetched(address, ("/api/v1/cells", {"by": "cc", "lab": "true", "limit": "1000"})))
    countries = sorted({cell["vantage"]["cc"] for cell in cells["rows"]})[:10]
    found: list[Question] = [("/", {"by": by}) for by in ("cc", "cc,asn")]
    found += [("/api/v1/cells", {"by": "cc"}), ("/api/v1/series", {"by": "cc"}), ("/api/v1/events", {})]
    for cc in countries:
        one = {"only": f"cc={cc}"}
        found += [(f"/api/v1/{name}", one) for name in ("cells", "series", "events")]
        found += [("/", one), ("/api/v1/verdicts", {"cc": cc})]
    return [(path, query | {"lab": "true"}) for path, query in found]


async def _one_by_one(address: str, asked: list[Question]) -> list[float]:
    async with _client(address) as client:
        return [await _timed(client, question) for question in asked]


async def _timed(client: aiohttp.ClientSession, question: Question) -> float:
    began = time.monotonic()
    await _answer(client, question)
    return time.monotonic() - began


def _by_all(address: str, asked: list[Question], requests: int) -> list[float]:
    """Return the times of all readers, in processes of their own."""
    with get_context("spawn").Pool(PROCESSES) as pool:
        jobs = [(address, asked, requests, seed) for seed in range(PROCESSES)]
        return [taken for times in pool.starmap(_readers, jobs) for taken in times]


def _readers(address: str, asked: list[Question], requests: int, seed: int) -> list[float]:
    async def all_readers() -> list[float]:
        async with _client(address) as client:
            readers = [
                _reader(client, asked, requests, random.Random(f"{seed} {n}")) for n in range(READERS // PROCESSES)
            ]
            return [taken for times in await asyncio.gather(*readers) for taken in times]

    return asyncio.run(all_readers())


async def _reader(
    client: aiohttp.ClientSession, asked: list[Question], requests: int, rng: random.Random
) -> list[float]:
    """Ask one question after the other. Verdicts are read on from the page before."""
    times, cursors = [], dict[str, str | None]()
    for _ in range(requests):
        path, query = rng.choice(asked)
        if path.endswith("/verdicts") and (after := cursors.get(query["cc"])):
            query = query | {"cursor": after}
        began = time.monotonic()
        body = await _answer(client, (path, query))
        times.append(time.monotonic() - began)
        if path.endswith("/verdicts"):
            cursors[query["cc"]] = json.loads(body)["next"]
    return times


@contextmanager
def _asking_new_questions(address: str) -> Iterator[None]:
    with get_context("spawn").Pool(1) as pool:
        pool.apply_async(_ask_for_ever, (address,))
        yield
        pool.terminate()


def _ask_for_ever(address: str) -> None:
    """Ask for the cells since one minute after the other, each of which must be computed."""

    async def ask() -> None:
        async with _client(address) as client:
            for minute in range(24 * 60):
                since = f"2026-06-01T{minute // 60:02}:{minute % 60:02}"
                await _answer(client, ("/api/v1/cells", {"by": "cc", "since": since, "lab": "true"}))

    asyncio.run(ask())


if __name__ == "__main__":
    measure(Path(sys.argv[1]), *map(int, sys.argv[2:]))
