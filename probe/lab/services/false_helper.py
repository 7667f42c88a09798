"""Serve a false test helper: it reports for every target that all connections failed.

Its answers have the form of the real helper's. It claims that its own network works, and measures nothing.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from probe.formats.entries import TCPConnect
from probe.formats.failures import TIMEOUT
from probe.formats.keys import LISTS
from probe.formats.transactions import TransactionRecord
from probe.lab.services.streams import Ended, Plain
from probe.lab.services.web import read_request
from probe.lab.world.hosts import HELPER_PORT, HELPER_V4
from probe.lab.world.world import World
from probe.targets.target import Endpoint, Target, family_of

HEALTHY = {"ipv4": True, "ipv6": True, "udp": True}


def false_test_keys(world: World, target: Target, services: Sequence[str] | None) -> dict[str, Any]:
    """Return test keys in which a TCP timeout is reported for every address of the target."""
    lists: dict[str, list[Any]] = {name: [] for name in LISTS}
    records = []
    for number, (role, endpoint, address) in enumerate(_reported_endpoints(world, target, services), 1):
        records.append(_record(number, role, endpoint, address).model_dump())
        entry = TCPConnect(ip=address, port=endpoint.port, failure=TIMEOUT, t0=0.1, t=10.1, transaction_id=number)
        lists["tcp_connect"].append(entry.model_dump())
    empty: dict[str, list[Any]] = {name: [] for name in LISTS}
    return {"x_endpoints": lists, "x_followups": empty, "x_transactions": records, "x_bugs": []}


def _reported_endpoints(
    world: World, target: Target, services: Sequence[str] | None
) -> Iterator[tuple[str, Endpoint, str]]:
    for service, endpoint in target.endpoints():
        if services is None or service.role in services:
            for address in [endpoint.host] if endpoint.is_literal else world.zone.get(endpoint.host, []):
                yield service.role, endpoint, address


def _record(number: int, role: str, endpoint: Endpoint, address: str) -> TransactionRecord:
    return TransactionRecord(
        transaction_id=number,
        service=role,
        endpoint=endpoint.url,
        kind="first",
        hostname="" if endpoint.is_literal else endpoint.host,
        address=address,
        port=endpoint.port,
        family=family_of(address),
        address_sources=["literal" if endpoint.is_literal else "system"],
        corroborated=True,
        failed_operation=TCPConnect.OPERATION,
        failure=TIMEOUT,
        t0=0.1,
        t=10.1,
    )


def answer(world: World, body: bytes, peer: str) -> tuple[int, dict[str, Any]]:
    """Return status and JSON document for the body of a `POST /v1/measure`."""
    try:
        request = json.loads(body)
        target = next(target for target in world.targets if target.name == request["target"])
    except (ValueError, KeyError, TypeError, StopIteration):
        return 404, {"error": "there is no such target"}
    return 200, {
        "software_version": "0",
        "targets_digest": "0" * 64,
        "preflight": HEALTHY,
        "your_address": peer,
        "test_keys": false_test_keys(world, target, request.get("services")),
    }


async def _handle(world: World, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(Ended, OSError):
        stream = Plain(reader, writer)
        request = await read_request(stream)
        status, document = 200, {"status": "ok"}
        if request.path == "/v1/measure":
            status, document = answer(world, request.body, writer.get_extra_info("peername")[0])
        body = json.dumps(document).encode()
        head = f"HTTP/1.1 {status} Answer\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        await stream.write(head.encode() + b"Connection: close\r\n\r\n" + body)
    writer.close()


def serve_false_helper(world: World, ready: Callable[[], None]) -> None:
    """Serve until the process is killed. Call `ready` once it listens."""

    async def run() -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await _handle(world, reader, writer)

        await asyncio.start_server(handle, HELPER_V4, HELPER_PORT)
        ready()
        await asyncio.Event().wait()

    asyncio.run(run())
