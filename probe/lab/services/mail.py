"""Serve SMTP (RFC 5321, RFC 3207) and IMAP (RFC 9051) up to STARTTLS, without mail and accounts.

Like Gmail, they send the client's own address: in the answer to EHLO, and in the greeting of IMAP.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from probe.lab.services.server_streams import Ended, Stream, read_until
from probe.lab.world.hosts import MailRefusal
from probe.wire.mail.smtp import write_reply

LONGEST_LINE = 4096
UNKNOWN_COMMANDS = 5  # after these the server closes, as real ones do

Upgrade = Callable[[Stream], Awaitable[Stream]]


@dataclass
class MailSession:
    """Hold one session. `upgrade` is None inside TLS and without STARTTLS."""

    stream: Stream
    name: str
    client: str
    upgrade: Upgrade | None = None
    secure: bool = False
    unknown: int = 0
    accepts: bool = True  # false: the greeting refuses the client
    refusal: MailRefusal = field(default_factory=MailRefusal)  # of SMTP

    async def line(self) -> str:
        """Return the client's next line, without its end. Raises Ended."""
        return (await read_until(self.stream, b"\n", LONGEST_LINE)).decode("latin-1").strip()

    async def secured(self) -> None:
        """Start TLS. Raises Ended."""
        assert self.upgrade is not None
        self.stream, self.upgrade, self.secure = await self.upgrade(self.stream), None, True

    def count_unknown(self) -> None:
        """Count an unknown command. Raises Ended after too many."""
        self.unknown += 1
        if self.unknown > UNKNOWN_COMMANDS:
            raise Ended


async def serve_smtp(session: MailSession) -> None:
    """Serve SMTP until the client closes. Raises Ended."""
    refusal = session.refusal
    await asyncio.sleep(refusal.delay)
    if refusal.reply and refusal.to == "connect":
        await session.stream.write(f"{refusal.reply}\r\n".encode())
        raise Ended
    if not session.accepts:
        await session.stream.write(write_reply(554, [f"{session.name} does not serve {session.client}"]))
        raise Ended
    await session.stream.write(write_reply(220, [f"{session.name} ESMTP ready for {session.client}"]))
    while True:
        word = (await session.line()).partition(" ")[0].upper()
        if word == "EHLO" and refusal.reply:
            await session.stream.write(f"{refusal.reply}\r\n".encode())
        elif word == "EHLO":
            await session.stream.write(write_reply(250, _keywords(session)))
        elif word == "STARTTLS" and session.upgrade is not None:
            await session.stream.write(write_reply(220, ["2.0.0 Ready to start TLS"]))
            await session.secured()
        elif word in {"NOOP", "RSET", "HELO"}:
            await session.stream.write(write_reply(250, ["2.0.0 OK"]))
        elif word == "QUIT":
            await session.stream.write(write_reply(221, ["2.0.0 closing connection"]))
            raise Ended
        else:
            await session.stream.write(write_reply(502, ["5.5.1 Unrecognized command"]))
            session.count_unknown()


def _keywords(session: MailSession) -> list[str]:
    offered = ["STARTTLS"] if session.upgrade is not None else []
    login = ["AUTH LOGIN PLAIN"] if session.secure else []
    greeting = f"{session.name} at your service, [{session.client}]"
    return [greeting, "SIZE 35882577", "8BITMIME", *offered, *login, "ENHANCEDSTATUSCODES", "PIPELINING", "SMTPUTF8"]


async def serve_imap(session: MailSession) -> None:
    """Serve IMAP until the client closes. Raises Ended."""
    if not session.accepts:
        await session.stream.write(f"* BYE {session.name} does not serve {session.client}\r\n".encode())
        raise Ended
    await session.stream.write(f"* OK {session.name} ready for requests from {session.client}\r\n".encode())
    while True:
        tag, _, rest = (await session.line()).partition(" ")
        word = rest.partition(" ")[0].upper()
        if word == "CAPABILITY":
            listed = f"* CAPABILITY {' '.join(_capabilities(session))}\r\n"
            await session.stream.write(f"{listed}{tag} OK Capabilities listed\r\n".encode())
        elif word == "STARTTLS" and session.upgrade is not None:
            await session.stream.write(f"{tag} OK Begin TLS negotiation now\r\n".encode())
            await session.secured()
        elif word == "NOOP":
            await session.stream.write(f"{tag} OK Nothing done\r\n".encode())
        elif word == "LOGOUT":
            await session.stream.write(f"* BYE Logging out\r\n{tag} OK Goodbye\r\n".encode())
            raise Ended
        else:
            await session.stream.write(f"{tag or '*'} BAD Unknown command\r\n".encode())
            session.count_unknown()


def _capabilities(session: MailSession) -> list[str]:
    offered = ["STARTTLS", "LOGINDISABLED"] if session.upgrade is not None else []
    return ["IMAP4rev1", "UNSELECT", "IDLE", "NAMESPACE", *offered, *(["AUTH=PLAIN"] if session.secure else [])]
