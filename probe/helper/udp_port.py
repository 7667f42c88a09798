"""Listen on a UDP port and answer each datagram with at most one."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

Answer = Callable[[bytes, tuple[str, int]], bytes | None]
"""Answer a datagram from (address, port), or return None for silence."""


class _Responder(asyncio.DatagramProtocol):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if self._transport is not None and (answer := self._answer(data, addr[:2])) is not None:
            self._transport.sendto(answer, addr)

    def error_received(self, exc: Exception) -> None:
        """Ignore ICMP errors about a client that has gone."""


async def listen(host: str, port: int, answer: Answer) -> tuple[asyncio.DatagramTransport, int]:
    """Listen at `host`. Return the transport and its port, which is a free one for 0. Raises OSError with the port."""
    loop = asyncio.get_running_loop()
    try:
        transport, _ = await loop.create_datagram_endpoint(lambda: _Responder(answer), local_addr=(host, port))
    except OSError as error:
        raise OSError(error.errno, f"UDP port {port}: {error.strerror}") from error
    return transport, transport.get_extra_info("sockname")[1]
