"""Serve a false test helper, which claims that its own network works and measures nothing."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

from probe.lab.scenario.scenario_keys import Lie
from probe.lab.services.false_answers import false_test_keys
from probe.lab.services.server_streams import Ended, Plain
from probe.lab.services.web import read_request
from probe.lab.world.emulated_world import World
from probe.lab.world.hosts import HELPER_PORT, HELPER_V4

HEALTHY = {"ipv4": True, "ipv6": True, "udp": True}


def answer(world: World, lie: Lie, body: bytes, peer: str) -> tuple[int, dict[str, Any]]:
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
        "test_keys": false_test_keys(world, target, request.get("services"), lie),
    }


async def _handle(world: World, lie: Lie, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(Ended, OSError):
        stream = Plain(reader, writer)
        request = await read_request(stream)
        status, document = 200, {"status": "ok"}
        if request.path == "/v1/measure":
            status, document = answer(world, lie, request.body, writer.get_extra_info("peername")[0])
        body = json.dumps(document).encode()
        head = f"HTTP/1.1 {status} Answer\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        await stream.write(head.encode() + b"Connection: close\r\n\r\n" + body)
    writer.close()


def serve_false_helper(world: World, lie: Lie, ready: Callable[[], None]) -> None:
    """Serve until the process is killed. Call `ready` once it listens."""

    async def run() -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await _handle(world, lie, reader, writer)

        await asyncio.start_server(handle, HELPER_V4, HELPER_PORT)
        ready()
        await asyncio.Event().wait()

    asyncio.run(run())
