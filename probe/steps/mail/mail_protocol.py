"""Perform the steps `mail_greeting` and `mail_starttls` for SMTP and IMAP alike.

STARTTLS is sent once even if it is not offered. A middlebox that hides the keyword may still pass the command, and the
certificate then shows that the list was changed. The step fails anyway, because a mail program would not have sent the
command.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from probe.formats import failures as f
from probe.formats.exchanges.mail import MailGreeting, MailStartTLS
from probe.session.classify import RemoteError
from probe.session.pacing import Pace
from probe.session.trace import StepFailed, Transaction
from probe.steps.mail.mail_stream import MailStream, clean_bytes, clean_list
from probe.wire.mail.starttls import offer_in


@dataclass(frozen=True)
class MailProtocol:
    """Hold what differs between SMTP and IMAP. Every function raises RemoteError for a refusal or another protocol."""

    name: Literal["smtp", "imap"]
    read_banner: Callable[[MailStream, MailGreeting], Awaitable[tuple[str, ...]]]
    """Read the banner into the entry. Return the capabilities in it, if any."""
    ask_capabilities: Callable[[MailStream, MailGreeting], Awaitable[tuple[str, ...]]]
    """Send the command and return the capabilities. The first word of each is its keyword."""
    ask_tls: Callable[[MailStream, MailStartTLS], Awaitable[str]]
    """Send STARTTLS and read the answer into the entry. Return its code or status."""
    capability_command: bytes
    tls_command: bytes
    quit_command: bytes

    async def greeting(
        self,
        tx: Transaction,
        stream: MailStream,
        *,
        pace: Pace,
        over_tls: bool = False,
        banner: bool = True,
        confirm: bool = False,
        timeout: float | None = None,
    ) -> MailGreeting:
        """Read the banner and ask for the capabilities.

        After STARTTLS the server sends no second banner (RFC 3207, 4.2 and RFC 9051, 6.2.1). A list of capabilities in
        the banner is used if the answer has none. Any list is a success. Raises StepFailed, for example with
        "unknown_failure: smtp: greeting 554", "…: ehlo refused 502" or "unknown_failure: imap: no IMAP greeting".
        """
        entry = MailGreeting(address=stream.conn.address, protocol=self.name, over_tls=over_tls)
        try:
            async with tx.step(entry, pace.tls_timeout(confirm=confirm) if timeout is None else timeout):
                in_banner = await self.read_banner(stream, entry) if banner else ()
                capabilities = await self.ask_capabilities(stream, entry) or in_banner
                entry.capabilities = clean_list(capabilities)
                if not over_tls:
                    keywords = (words[0] for words in map(str.split, capabilities) if words)
                    entry.starttls, entry.masked_as = offer_in(keywords)
        except StepFailed:
            if entry.failure == f.TIMEOUT:
                await stream.test_path()
            raise
        return entry

    async def starttls(
        self,
        tx: Transaction,
        stream: MailStream,
        *,
        pace: Pace,
        offered: bool = True,
        confirm: bool = False,
        timeout: float | None = None,
    ) -> MailStartTLS:
        """Ask for TLS. After success the handshake follows on `stream.conn`.

        Plaintext after the server's agreement is kept and not processed. Raises StepFailed, for example with
        "unknown_failure: smtp: starttls refused 454", or with "…: starttls not offered" even if the server accepted
        (see `accepted`).
        """
        entry = MailStartTLS(address=stream.conn.address, protocol=self.name)
        async with tx.step(entry, pace.tls_timeout(confirm=confirm) if timeout is None else timeout):
            status = await self.ask_tls(stream, entry)
            if entry.accepted and stream.pending:
                entry.x_injected = clean_bytes(stream.pending)
            if not offered:
                raise RemoteError(f"{f.UNKNOWN}: {self.name}: starttls not offered")
            if not entry.accepted:
                raise RemoteError(f"{f.UNKNOWN}: {self.name}: starttls refused {status}")
        return entry

    async def quit(self, stream: MailStream) -> None:
        """Send the command that ends the session."""
        await stream.send_last(self.quit_command)
