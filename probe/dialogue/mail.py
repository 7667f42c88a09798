"""Run the dialogues of mail servers: `smtp+starttls`, `imap+starttls`, `smtps`, `imaps`."""

from contextlib import suppress

from probe.dialogue.exchange import Dialogue, Exchange
from probe.dialogue.web import connect, secure
from probe.formats.exchanges.mail import MailStartTLS
from probe.session.trace import StepFailed
from probe.steps.mail.imap import IMAP
from probe.steps.mail.mail_protocol import MailProtocol
from probe.steps.mail.mail_stream import MailStream
from probe.steps.mail.smtp import SMTP


def implicit(mail: MailProtocol) -> Dialogue:
    """Return a dialogue with TLS from the first byte (RFC 8314)."""

    async def run(exchange: Exchange) -> None:
        await _greet_over_tls(exchange, mail, MailStream(await secure(exchange, await connect(exchange))), banner=True)

    return run


def upgraded(mail: MailProtocol) -> Dialogue:
    """Return a dialogue in the clear up to STARTTLS, then over TLS with the endpoint's name and a second greeting."""

    async def run(exchange: Exchange) -> None:
        stream = MailStream(await connect(exchange))
        await _ask_for_tls(exchange, mail, stream)
        await _greet_over_tls(exchange, mail, MailStream(await secure(exchange, stream.conn)), banner=False)

    return run


async def _ask_for_tls(exchange: Exchange, mail: MailProtocol, stream: MailStream) -> None:
    """Greet and request TLS. If TLS was accepted without an offer, the certificate is recorded too."""
    greeting = await mail.greeting(
        exchange.tx, stream, pace=exchange.pace, over_tls=False, banner=True, confirm=exchange.confirm
    )
    offered = greeting.starttls == "offered"
    try:
        await mail.starttls(exchange.tx, stream, pace=exchange.pace, offered=offered, confirm=exchange.confirm)
    except StepFailed:
        request = exchange.tx.entries[-1]
        if isinstance(request, MailStartTLS) and request.accepted:
            with suppress(StepFailed):  # recorded in its own entry, and the transaction failed before
                await mail.quit(MailStream(await secure(exchange, stream.conn)))
        else:
            await mail.quit(stream)
        raise


async def _greet_over_tls(exchange: Exchange, mail: MailProtocol, stream: MailStream, *, banner: bool) -> None:
    await mail.greeting(exchange.tx, stream, pace=exchange.pace, over_tls=True, banner=banner, confirm=exchange.confirm)
    await mail.quit(stream)


DIALOGUES: dict[str, Dialogue] = {
    "smtp+starttls": upgraded(SMTP),
    "imap+starttls": upgraded(IMAP),
    "smtps": implicit(SMTP),
    "imaps": implicit(IMAP),
}
