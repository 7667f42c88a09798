"""Carry on a TLS handshake up to the first encrypted bytes of the client, which are sent with limited TTL.

In TLS 1.3 these are the end of the handshake (RFC 8446, 2). A middlebox that ends flows inside TLS acts on them.
"""

import asyncio
import ssl

from probe.formats.exchanges.mail import MailGreeting
from probe.session.classify import RemoteError
from probe.steps.mail.mail_protocol import MailProtocol
from probe.steps.mail.mail_stream import MailStream
from probe.steps.tcp import TCPConnection
from probe.steps.tls.client_hello import OWN
from probe.steps.tls.tls_stream import TLSConnection, tls_failure

OPENING_SECONDS = 3.0  # for the handshake
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
