"""What the steps of both mail protocols share: a connection with the bytes read and not taken yet, and clean words."""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from probe.formats import failures as f
from probe.formats.entries import BinaryData
from probe.formats.mail import MailEntry
from probe.privacy.redact import scrub_text
from probe.session.classify import NETWORK_ERRORS, RemoteError
from probe.steps.connection import Connection

T = TypeVar("T")
Read = Callable[[bytes], tuple[T | None, bytes]]

CLIENT_NAME = "anonymous.invalid"  # what we call ourselves; a real name or address literal would name the volunteer
LONGEST_TEXT = 128  # characters of a banner or an answer
MOST_CAPABILITIES = 64
KEPT = 64  # bytes of what is no mail protocol, or came behind a go-ahead
FAREWELL_SECONDS = 1.0

_SESSION_ID = re.compile(r"(?<![^\s<(\[])(?=[\w-]{10,}(?![^\s>)\]]))(?:[A-Za-z_-]*\d){3}[\w-]*")


class MailStream:
    """A mail connection, in the clear or inside TLS. `pending` holds what was received and not taken yet."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.pending = b""

    async def ask(self, command: bytes, read: Read[T], entry: MailEntry) -> T:
        """Send a command and take its answer. Raises as `hear` does."""
        await self.conn.write(command)
        return await self.hear(read, entry)

    async def hear(self, read: Read[T], entry: MailEntry) -> T:
        """Receive until `read` has found what it looks for.

        Raises RemoteError when the bytes are not of the protocol, EOFError at the stream's end; what had come by then
        begins `x_first_bytes`.
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

    async def farewell(self, command: bytes) -> None:
        """Say goodbye and wait for no answer; a peer that has gone already takes no harm."""
        with suppress(*NETWORK_ERRORS):
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self.conn.write(command)


def keep_first_bytes(entry: MailEntry, received: bytes) -> None:
    """Keep how an unfinished or foreign answer begins, without addresses."""
    entry.x_first_bytes = clean_bytes(received) if received else None


def clean_bytes(received: bytes) -> BinaryData:
    """The first bytes without addresses: what came may greet the volunteer with theirs."""
    text = scrub_text(received[: 4 * KEPT].decode("latin-1"))
    return BinaryData.of(text.encode("latin-1", "replace")[:KEPT])


def clean_text(line: str) -> str:
    """A server's line without addresses, and without session ids: a provider could look one up in its log."""
    printable = "".join(c if c.isprintable() else " " for c in line)
    return scrub_text(_SESSION_ID.sub("[id]", printable))[:LONGEST_TEXT]


def clean_list(capabilities: tuple[str, ...]) -> list[str]:
    """The capabilities without addresses, bounded."""
    return [clean_text(line) for line in capabilities[:MOST_CAPABILITIES]]
