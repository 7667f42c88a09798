"""Serve as an HTTP proxy (RFC 9110, 9.3.6) and as a SOCKS5 proxy (RFC 1928) on loopback, and note what is asked for.

Every host leads to one server on loopback, so that a name which no resolver knows is reached through the proxy only.
"""

import asyncio
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.support.servers.loop_thread import in_thread


@dataclass
class RelayingProxy:
    """Hold the port, the server behind the proxy, and the hosts that were asked for, each with its kind."""

    behind: int  # port on loopback
    port: int = 0
    asked: list[tuple[str, str, int]] = field(default_factory=list)
    refuses: bool = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read the first byte, which distinguishes SOCKS5 from HTTP, and relay."""
        try:
            first = await reader.readexactly(1)
            begin = await (self._socks(reader, writer) if first == b"\x05" else self._http(first, reader, writer))
            if begin is not None:
                await self._relay(begin, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            writer.close()

    async def _http(self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
        head = first + await reader.readuntil(b"\r\n\r\n")
        method, where, rest = head.split(b" ", 2)
        parts = urlsplit(f"//{where.decode()}" if method == b"CONNECT" else where.decode())
        self.asked.append((method.decode(), str(parts.hostname), parts.port or 80))
        if self.refuses:
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return None
        if method == b"CONNECT":
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            return b""
        return b" ".join((method, parts.path.encode(), rest))

    async def _socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
        (methods,) = await reader.readexactly(1)
        await reader.readexactly(methods)
        writer.write(b"\x05\x00")
        _, _, _, kind = await reader.readexactly(4)
        (length,) = await reader.readexactly(1) if kind == 3 else (4,)
        host = await reader.readexactly(length)
        (port,) = struct.unpack("!H", await reader.readexactly(2))
        name = host.decode() if kind == 3 else ".".join(map(str, host))
        self.asked.append(("SOCKS5 name" if kind == 3 else "SOCKS5 address", name, port))
        writer.write(bytes([5, 2 if self.refuses else 0, 0, 1, 0, 0, 0, 0, 0, 0]))
        await writer.drain()
        return None if self.refuses else b""

    async def _relay(self, begin: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.behind)
        back.write(begin)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_copy(reader, back))
                group.create_task(_copy(there, writer))
        finally:
            back.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(1 << 16):
        target.write(data)
        await target.drain()
    target.close()


@contextmanager
def proxying(proxy: RelayingProxy) -> Iterator[RelayingProxy]:
    """Serve in a thread until the block ends."""
    with in_thread(_listening(proxy)):
        yield proxy


@asynccontextmanager
async def _listening(proxy: RelayingProxy) -> AsyncIterator[None]:
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    yield
    server.close()
