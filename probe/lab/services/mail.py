"""Mail servers as far as STARTTLS: SMTP (RFC 5321, 3207) and IMAP (RFC 9051). They keep no mail and know no account.

Like Gmail's they tell the client its own address: in the answer to EHLO, and in IMAP's greeting.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from probe.lab.services.streams import Ended, Stream, read_until
from probe.wire.mail.smtp import write_reply

LONGEST_LINE = 4096
UNKNOWN_COMMANDS = 5  # after so many the server ends the talk, as real ones do

Upgrade = Callable[[Stream], Awaitable[Stream]]


@dataclass
class Mailbox:
    """One conversation. `upgrade` is None inside TLS and where the server has no STARTTLS."""

    stream: Stream
    name: str
    client: str
    upgrade: Upgrade | None = None
    secure: bool = False
    unknown: int = 0
    welcome: bool = True  # false: the client is turned away with the greeting

    async def line(self) -> str:
        """The client's next line, without its end. Raises Ended."""
        return (await read_until(self.stream, b"\n", LONGEST_LINE)).decode("latin-1").strip()

    async def secured(self) -> None:
        """Go on inside TLS. Raises Ended."""
        assert self.upgrade is not None
        self.stream, self.upgrade, self.secure = await self.upgrade(self.stream), None, True

    def count_unknown(self) -> None:
        """Take note of a command that nobody knows. Raises Ended after too many."""
        self.unknown += 1
        if self.unknown > UNKNOWN_COMMANDS:
            raise Ended


async def serve_smtp(box: Mailbox) -> None:
    """Speak SMTP until the client goes. Raises Ended."""
    if not box.welcome:
        await box.stream.write(write_reply(554, [f"{box.name} does not serve {box.client}"]))
        raise Ended
    await box.stream.write(write_reply(220, [f"{box.name} ESMTP ready for {box.client}"]))
    while True:
        word = (await box.line()).partition(" ")[0].upper()
        if word == "EHLO":
            await box.stream.write(write_reply(250, _keywords(box)))
        elif word == "STARTTLS" and box.upgrade is not None:
            await box.stream.write(write_reply(220, ["2.0.0 Ready to start TLS"]))
            await box.secured()
        elif word in {"NOOP", "RSET", "HELO"}:
            await box.stream.write(write_reply(250, ["2.0.0 OK"]))
        elif word == "QUIT":
            await box.stream.write(write_reply(221, ["2.0.0 closing connection"]))
            raise Ended
        else:
            await box.stream.write(write_reply(502, ["5.5.1 Unrecognized command"]))
            box.count_unknown()


def _keywords(box: Mailbox) -> list[str]:
    offered = ["STARTTLS"] if box.upgrade is not None else []
    login = ["AUTH LOGIN PLAIN"] if box.secure else []
    greeting = f"{box.name} at your service, [{box.client}]"
    return [greeting, "SIZE 35882577", "8BITMIME", *offered, *login, "ENHANCEDSTATUSCODES", "PIPELINING", "SMTPUTF8"]


async def serve_imap(box: Mailbox) -> None:
    """Speak IMAP until the client goes. Raises Ended."""
    if not box.welcome:
        await box.stream.write(f"* BYE {box.name} does not serve {box.client}\r\n".encode())
        raise Ended
    await box.stream.write(f"* OK {box.name} ready for requests from {box.client}\r\n".encode())
    while True:
        tag, _, rest = (await box.line()).partition(" ")
        word = rest.partition(" ")[0].upper()
        if word == "CAPABILITY":
            listed = f"* CAPABILITY {' '.join(_capabilities(box))}\r\n"
            await box.stream.write(f"{listed}{tag} OK Capabilities listed\r\n".encode())
        elif word == "STARTTLS" and box.upgrade is not None:
            await box.stream.write(f"{tag} OK Begin TLS negotiation now\r\n".encode())
            await box.secured()
        elif word == "NOOP":
            await box.stream.write(f"{tag} OK Nothing done\r\n".encode())
        elif word == "LOGOUT":
            await box.stream.write(f"* BYE Logging out\r\n{tag} OK Goodbye\r\n".encode())
            raise Ended
        else:
            await box.stream.write(f"{tag or '*'} BAD Unknown command\r\n".encode())
            box.count_unknown()


def _capabilities(box: Mailbox) -> list[str]:
    offered = ["STARTTLS", "LOGINDISABLED"] if box.upgrade is not None else []
    return ["IMAP4rev1", "UNSELECT", "IDLE", "NAMESPACE", *offered, *(["AUTH=PLAIN"] if box.secure else [])]
