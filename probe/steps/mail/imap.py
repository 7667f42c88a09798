"""Read an IMAP greeting and capabilities, and ask for TLS (steps `mail_greeting` and `mail_starttls`).

Only CAPABILITY, STARTTLS and LOGOUT are sent. STARTTLS is sent even if it is not offered, as `smtp.py` explains.
"""

from probe.formats import failures as f
from probe.formats.mail import MailEntry, MailGreeting, MailStartTLS
from probe.session.classify import RemoteError
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.mail.mail_stream import MailStream, clean_bytes, clean_list, clean_text
from probe.wire.mail import imap
from probe.wire.mail.starttls import offer_in

NOT_OFFERED = f"{f.UNKNOWN}: imap: starttls not offered"
_TAGS = {"CAPABILITY": "a1", "STARTTLS": "a2", "LOGOUT": "a3"}


async def imap_greeting(
    tx: Transaction,
    stream: MailStream,
    *,
    pace: Pace,
    over_tls: bool = False,
    banner: bool = True,
    confirm: bool = False,
    timeout: float | None = None,
) -> MailGreeting:
    """Read the greeting and ask for the capabilities. After STARTTLS there is no second greeting (RFC 9051, 6.2.1).

    Succeeds with OK or PREAUTH and any list of capabilities. A list in the greeting is used if the answer has none.
    Raises StepFailed: "unknown_failure: imap: greeting BYE", "…: capability refused BAD", "…: no IMAP greeting".
    """
    entry = MailGreeting(address=stream.conn.address, protocol="imap", over_tls=over_tls)
    async with tx.step(entry, pace.tls_timeout(confirm=confirm) if timeout is None else timeout):
        in_greeting = await _hear_greeting(stream, entry) if banner else ()
        answer = await _ask(stream, "CAPABILITY", entry)
        if answer.status != "OK":
            raise RemoteError(f"{f.UNKNOWN}: imap: capability refused {answer.status}")
        capabilities = answer.capabilities or in_greeting
        entry.capabilities = clean_list(capabilities)
        if not over_tls:
            entry.starttls, entry.masked_as = offer_in(capabilities)
    return entry


async def _hear_greeting(stream: MailStream, entry: MailGreeting) -> tuple[str, ...]:
    greeting = await stream.hear(imap.read_greeting, entry)
    entry.banner = clean_text(f"{greeting.status} {greeting.text}")
    if greeting.status == "BYE":
        raise RemoteError(f"{f.UNKNOWN}: imap: greeting BYE")
    return greeting.capabilities


async def imap_starttls(
    tx: Transaction,
    stream: MailStream,
    *,
    pace: Pace,
    offered: bool = True,
    confirm: bool = False,
    timeout: float | None = None,
) -> MailStartTLS:
    """Ask for TLS. After success the handshake follows on `stream.conn`.

    Plaintext after the server's agreement is kept and not processed. Raises StepFailed: "unknown_failure: imap:
    starttls refused BAD", and "…: starttls not offered" even if the server accepted (see `accepted`).
    """
    entry = MailStartTLS(address=stream.conn.address, protocol="imap")
    async with tx.step(entry, pace.tls_timeout(confirm=confirm) if timeout is None else timeout):
        answer = await _ask(stream, "STARTTLS", entry)
        entry.answer, entry.accepted = clean_text(f"{answer.status} {answer.text}"), answer.status == "OK"
        if entry.accepted and stream.pending:
            entry.x_injected = clean_bytes(stream.pending)
        if not offered:
            raise RemoteError(NOT_OFFERED)
        if not entry.accepted:
            raise RemoteError(f"{f.UNKNOWN}: imap: starttls refused {answer.status}")
    return entry


async def _ask(stream: MailStream, words: str, entry: MailEntry) -> imap.Response:
    tag = _TAGS[words]
    return await stream.ask(imap.command(tag, words), lambda buffer: imap.read_answer(buffer, tag), entry)


async def imap_logout(stream: MailStream) -> None:
    """Send LOGOUT."""
    await stream.farewell(imap.command(_TAGS["LOGOUT"], "LOGOUT"))
