"""Read and write a mail connection, and scrub the texts that servers send."""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from probe.formats import failures as f
from probe.formats.entries import BinaryData
from probe.formats.exchanges.mail import MailEntry
from probe.privacy.redact import scrub_text
from probe.session.classify import NETWORK_ERRORS, RemoteError
from probe.steps.connection import Connection

T = TypeVar("T")
Read = Callable[[bytes], tuple[T | None, bytes]]

CLIENT_NAME = "anonymous.invalid"  # our name in EHLO. A real name or an address literal would identify the user.
LONGEST_TEXT = 128  # characters kept of a banner or an answer
MOST_CAPABILITIES = 64
KEPT = 64  # bytes kept of another protocol, or of plaintext after STARTTLS
LAST_SECONDS = 1.0
MOST_LATE = 4096  # bytes after an answer

_SESSION_ID = re.compile(r"(?<![^\s<(\[])(?=[\w-]{10,}(?![^\s>)\]]))(?:[A-Za-z_-]*\d){3}[\w-]*")


class MailStream:
    """Hold a mail connection, in the clear or inside TLS. `pending` holds bytes that were received and not yet used."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.pending = b""

    async def ask(self, command: bytes, read: Read[T], entry: MailEntry) -> T:
        """Send a command and return its answer. Raises the same errors as `receive`."""
        await self.conn.write(command)
        return await self.receive(read, entry)

    async def receive(self, read: Read[T], entry: MailEntry) -> T:
        """Receive until `read` returns a result.

        Raises RemoteError if the bytes are another protocol, and EOFError at the end of the stream. `x_first_bytes`
        then holds the start of what was received.
        """
        try:
            while True:
                found, self.pending = read(self.pending)
                if found is not None:
                    return found
                piece = await self.conn.read()
                if not piece:
                    raise EOFError("closed before the answer was whole")
                self.pending += piece
        except ValueError as error:
            keep_first_bytes(entry, self.pending)
            raise RemoteError(f"{f.UNKNOWN}: {entry.protocol}: {error}") from error
        except BaseException:
            keep_first_bytes(entry, self.pending)
            raise

    async def listen_on(self, seconds: float) -> None:
        """Add what arrives within `seconds` to `pending`, at most `MOST_LATE` bytes. An error ends it."""
        with suppress(*NETWORK_ERRORS):
            async with asyncio.timeout(seconds):
                while len(self.pending) < MOST_LATE and (piece := await self.conn.read()):
                    self.pending += piece

    async def test_path(self) -> None:
        """Send an empty line after a silence. A server that waits acknowledges it, whatever it thinks of the line."""
        with suppress(*NETWORK_ERRORS):
            await self.conn.test_path(b"\r\n")

    async def send_last(self, command: bytes) -> None:
        """Send a closing command without waiting for an answer, and ignore a connection that is already closed."""
        with suppress(*NETWORK_ERRORS):
            async with asyncio.timeout(LAST_SECONDS):
                await self.conn.write(command)


def keep_first_bytes(entry: MailEntry, received: bytes) -> None:
    """Keep the start of an incomplete or foreign answer, scrubbed."""
    entry.x_first_bytes = clean_bytes(received) if received else None


def clean_bytes(received: bytes) -> BinaryData:
    """Return the first bytes scrubbed, because a greeting may contain the user's address."""
    text = scrub_text(received[: 4 * KEPT].decode("latin-1"))
    return BinaryData.of(text.encode("latin-1", "replace")[:KEPT])


def clean_text(line: str) -> str:
    """Return a server's text without addresses and session ids. A provider could find a session id in its log."""
    printable = "".join(c if c.isprintable() else " " for c in line)
    return scrub_text(_SESSION_ID.sub("[id]", printable))[:LONGEST_TEXT]


def clean_list(capabilities: tuple[str, ...]) -> list[str]:
    """Return the capabilities scrubbed and limited in number and length."""
    return [clean_text(line) for line in capabilities[:MOST_CAPABILITIES]]
