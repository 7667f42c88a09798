"""Read an SMTP banner and the EHLO answer, and ask for TLS (steps `mail_greeting` and `mail_starttls`).

Only EHLO, STARTTLS and QUIT are sent. STARTTLS is sent once even if it is not offered. A middlebox that hides the
keyword may still pass the command, and the certificate then shows that the list was changed. The step fails anyway,
because a mail program would not have sent the command.
"""

from probe.formats import failures as f
from probe.formats.mail import MailGreeting, MailStartTLS
from probe.session.classify import RemoteError
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.mail.mail_stream import CLIENT_NAME, MailStream, clean_bytes, clean_list, clean_text
from probe.wire.mail import smtp
from probe.wire.mail.starttls import offer_in

NOT_OFFERED = f"{f.UNKNOWN}: smtp: starttls not offered"


async def smtp_greeting(
    tx: Transaction,
    stream: MailStream,
    *,
    pace: Pace,
    over_tls: bool = False,
    banner: bool = True,
    confirm: bool = False,
    timeout: float | None = None,
) -> MailGreeting:
    """Read the banner, send EHLO and read the keywords. After STARTTLS there is no second banner (RFC 3207, 4.2).

    Succeeds with 220 and 250 and any list of keywords. Raises StepFailed: "unknown_failure: smtp: greeting 554", "…:
    ehlo refused 502", "…: no SMTP reply".
    """
    entry = MailGreeting(address=stream.conn.address, protocol="smtp", over_tls=over_tls)
    async with tx.step(entry, pace.tls_timeout(confirm=confirm) if timeout is None else timeout):
        if banner:
            await _hear_banner(stream, entry)
        answer = await stream.ask(smtp.ehlo(CLIENT_NAME), smtp.read_reply, entry)
        if answer.code != 250:
            raise RemoteError(f"{f.UNKNOWN}: smtp: ehlo refused {answer.code}")
        entry.capabilities = clean_list(answer.keywords)
        if not over_tls:
            entry.starttls, entry.masked_as = offer_in(line.split()[0] for line in answer.keywords)
    return entry


async def _hear_banner(stream: MailStream, entry: MailGreeting) -> None:
    greeting = await stream.hear(smtp.read_reply, entry)
    entry.banner_code, entry.banner = greeting.code, clean_text(greeting.lines[0])
    if greeting.code != 220:
        raise RemoteError(f"{f.UNKNOWN}: smtp: greeting {greeting.code}")


async def smtp_starttls(
    tx: Transaction,
    stream: MailStream,
    *,
    pace: Pace,
    offered: bool = True,
    confirm: bool = False,
    timeout: float | None = None,
) -> MailStartTLS:
    """Ask for TLS. After success the handshake follows on `stream.conn`.

    Plaintext after the server's agreement is kept and not processed. Raises StepFailed: "unknown_failure: smtp:
    starttls refused 454", and "…: starttls not offered" even if the server accepted (see `accepted`).
    """
    entry = MailStartTLS(address=stream.conn.address, protocol="smtp")
    async with tx.step(entry, pace.tls_timeout(confirm=confirm) if timeout is None else timeout):
        answer = await stream.ask(smtp.STARTTLS, smtp.read_reply, entry)
        entry.code, entry.answer, entry.accepted = answer.code, clean_text(answer.lines[-1]), answer.code == 220
        if entry.accepted and stream.pending:
            entry.x_injected = clean_bytes(stream.pending)
        if not offered:
            raise RemoteError(NOT_OFFERED)
        if not entry.accepted:
            raise RemoteError(f"{f.UNKNOWN}: smtp: starttls refused {answer.code}")
    return entry


async def smtp_quit(stream: MailStream) -> None:
    """Send QUIT."""
    await stream.farewell(smtp.QUIT)
