"""Carry on a dialogue of mail up to the command that is sent with limited TTL.

Carry on a TLS handshake up to the first encrypted bytes of the client, which are sent with limited TTL.

In TLS 1.3 these are the end of the handshake (RFC 8446, 2). A middlebox that ends flows inside TLS acts on them.
"""

import asyncio
import ssl

from probe.formats import failures as f
from probe.formats.exchanges.mail import MailGreeting
from probe.session.classify import RemoteError
from probe.steps.mail.imap import IMAP
from probe.steps.mail.mail_protocol import MailProtocol
from probe.steps.mail.mail_stream import MailStream
from probe.steps.mail.smtp import SMTP
from probe.steps.tcp import TCPConnection
from probe.steps.tls.client_hello import OWN
from probe.steps.tls.tls_stream import TLSConnection, tls_failure

OPENING_SECONDS = 3.0  # for a handshake, or for banner and capabilities
_SERVER_WAITS = "TLSv1.3"  # for the client's last flight, before it sends data


async def open_tls(
    conn: TCPConnection, host: str, alpn: tuple[str, ...], data: bytes, mail: MailProtocol | None = None
) -> bytes:
    """Perform the handshake with the usual TTL. Return its unsent end and `data`, encrypted.

    `mail`: in earlier versions of TLS the server sends its banner before. No certificate is verified. Raises
    TimeoutError, EOFError, OSError and RemoteError.
    """
    tls = TLSConnection(conn, host, alpn, OWN)
    try:
        async with asyncio.timeout(OPENING_SECONDS):
            await tls.handshake(holds_last=True)
            if mail is not None and tls.tls_version != _SERVER_WAITS:
                await mail.read_banner(MailStream(tls), MailGreeting(address=conn.address, protocol=mail.name))
        return tls.encrypted(data)
    except ssl.SSLError as error:
        raise RemoteError(tls_failure(error)) from error


MAIL: dict[str, MailProtocol] = {"smtp": SMTP, "imap": IMAP}
"""Protocols by kind of payload, which is also the `proof` of their dialects."""


async def open_mail(conn: TCPConnection, kind: str, *, asks_for_tls: bool) -> bytes:
    """Read the banner, and ask for the capabilities if the next command is the one for TLS. Return that command.

    Raises TimeoutError, EOFError, OSError, and RemoteError for a refusal or for more than was asked for.
    """
    mail, stream = MAIL[kind], MailStream(conn)
    entry = MailGreeting(address=conn.address, protocol=mail.name)  # not recorded, since the attempt has the same entry
    async with asyncio.timeout(OPENING_SECONDS):
        await mail.read_banner(stream, entry)
        if asks_for_tls:
            await mail.ask_capabilities(stream, entry)
    if stream.pending:
        raise RemoteError(f"{f.UNKNOWN}: {mail.name}: more than one answer")
    return mail.tls_command if asks_for_tls else mail.capability_command
