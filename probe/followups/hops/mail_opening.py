"""Carry on a dialogue of mail up to the command that is sent with limited TTL."""

import asyncio

from probe.formats import failures as f
from probe.formats.exchanges.mail import MailGreeting
from probe.session.classify import RemoteError
from probe.steps.mail.imap import IMAP
from probe.steps.mail.mail_protocol import MailProtocol
from probe.steps.mail.mail_stream import MailStream
from probe.steps.mail.smtp import SMTP
from probe.steps.tcp import TCPConnection

MAIL: dict[str, MailProtocol] = {"smtp": SMTP, "imap": IMAP}
"""Protocols by kind of payload, which is also the `proof` of their dialects."""

OPENING_SECONDS = 3.0  # for banner and capabilities


async def open_mail(conn: TCPConnection, kind: str, *, asks_for_tls: bool) -> bytes:
    """Read the banner, and ask for the capabilities if the next command is the one for TLS. Return that command.

    Raises TimeoutError, EOFError, OSError, and RemoteError for a refusal or for more than was asked for.
    """
    mail, stream = MAIL[kind], MailStream(conn)
    entry = MailGreeting(address=conn.address, protocol=mail.name)  # in no record, as the attempt has the same
    async with asyncio.timeout(OPENING_SECONDS):
        await mail.read_banner(stream, entry)
        if asks_for_tls:
            await mail.ask_capabilities(stream, entry)
    if stream.pending:
        raise RemoteError(f"{f.UNKNOWN}: {mail.name}: more than one answer")
    return mail.tls_command if asks_for_tls else mail.capability_command
