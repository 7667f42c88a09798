"""Wrap a server's side of a connection, plain or TLS. Bytes that were read can be put back."""

import asyncio
import socket
import ssl
import struct
from typing import Protocol

MOST = 65536


class Ended(Exception):
    """Report that the client has closed the connection or broken the protocol."""


class Stream(Protocol):
    """Define the stream that protocols run over."""

    async def read(self) -> bytes:
        """Return some bytes, at least one. Raises Ended."""

    def unread(self, data: bytes) -> None:
        """Put bytes back before the unread ones."""

    async def write(self, data: bytes) -> None:
        """Send bytes. Raises Ended."""


class Plain:
    """Read and write a TCP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._front = b""

    async def read(self) -> bytes:
        """Return some bytes, at least one. Raises Ended."""
        if self._front:
            data, self._front = self._front, b""
            return data
        try:
            data = await self._reader.read(MOST)
        except OSError as error:
            raise Ended from error
        if not data:
            raise Ended
        return data

    def unread(self, data: bytes) -> None:
        """Put bytes back before the unread ones."""
        self._front = data + self._front

    async def write(self, data: bytes) -> None:
        """Send bytes. Raises Ended."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise Ended from error

    def reset(self) -> None:
        """End the connection with a reset.

        Bytes that were not sent yet are dropped (SO_LINGER of zero seconds, socket(7)).
        """
        own: socket.socket = self._writer.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


class Secure:
    """Run the server's side of TLS over a stream."""

    def __init__(self, below: Stream, context: ssl.SSLContext) -> None:
        self._below = below
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._front = b""

    async def handshake(self) -> None:
        """Complete the handshake. Raises Ended, after the alert is sent."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                self._incoming.write(await self._below.read())
            except ssl.SSLError as error:
                await self._flush()
                raise Ended from error
            else:
                await self._flush()
                return

    @property
    def alpn(self) -> str:
        """Return the negotiated protocol, "" if there is none."""
        return self._tls.selected_alpn_protocol() or ""

    async def read(self) -> bytes:
        """Return some bytes, at least one. Raises Ended."""
        if self._front:
            data, self._front = self._front, b""
            return data
        while True:
            try:
                data = self._tls.read(MOST)
            except ssl.SSLWantReadError:
                await self._flush()
                self._incoming.write(await self._below.read())
                continue
            except ssl.SSLError as error:
                raise Ended from error
            if not data:
                raise Ended
            return data

    def unread(self, data: bytes) -> None:
        """Put bytes back before the unread ones."""
        self._front = data + self._front

    async def write(self, data: bytes) -> None:
        """Send bytes. Raises Ended."""
        try:
            self._tls.write(data)
        except ssl.SSLError as error:
            raise Ended from error
        await self._flush()

    async def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            await self._below.write(data)


async def read_exactly(stream: Stream, size: int) -> bytes:
    """Return the next `size` bytes. Raises Ended if fewer come."""
    data = b""
    while len(data) < size:
        data += await stream.read()
    stream.unread(data[size:])
    return data[:size]


async def read_until(stream: Stream, end: bytes, most: int = MOST) -> bytes:
    """Return the bytes up to and including `end`. Raises Ended if it is not within `most` bytes."""
    data = b""
    while end not in data:
        if len(data) > most:
            raise Ended
        data += await stream.read()
    head, _, rest = data.partition(end)
    stream.unread(rest)
    return head + end
