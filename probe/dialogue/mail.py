"""What is said to mail servers: `smtp+starttls`, `imap+starttls`, `smtps`, `imaps`."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from probe.dialogue.exchange import Dialogue, Exchange
from probe.dialogue.web import connect, secure
from probe.formats.mail import MailGreeting, MailStartTLS
from probe.session.pacing import Pace
from probe.session.trace import StepFailed, Transaction
from probe.steps.mail.imap import imap_greeting, imap_logout, imap_starttls
from probe.steps.mail.mail_stream import MailStream
from probe.steps.mail.smtp import smtp_greeting, smtp_quit, smtp_starttls


class Greet(Protocol):
    """A step that hears the banner, if one comes, and asks for the capabilities."""

    async def __call__(
        self, tx: Transaction, stream: MailStream, *, pace: Pace, over_tls: bool, banner: bool, confirm: bool
    ) -> MailGreeting: ...


class AskForTLS(Protocol):
    """A step that sends STARTTLS."""

    async def __call__(
        self, tx: Transaction, stream: MailStream, *, pace: Pace, offered: bool, confirm: bool
    ) -> MailStartTLS: ...


@dataclass(frozen=True)
class Mail:
    """One mail protocol's steps."""

    greet: Greet
    starttls: AskForTLS
    farewell: Callable[[MailStream], Awaitable[None]]


SMTP = Mail(smtp_greeting, smtp_starttls, smtp_quit)
IMAP = Mail(imap_greeting, imap_starttls, imap_logout)


def implicit(mail: Mail) -> Dialogue:
    """TLS from the first byte (RFC 8314): certificate, then the greeting."""

    async def say(talk: Exchange) -> None:
        await _greet_over_tls(talk, mail, MailStream(await secure(talk, await connect(talk))), banner=True)

    return say


def upgraded(mail: Mail) -> Dialogue:
    """In the clear as far as STARTTLS, then TLS under the endpoint's name, and the capabilities once more."""

    async def say(talk: Exchange) -> None:
        stream = MailStream(await connect(talk))
        await _ask_for_tls(talk, mail, stream)
        await _greet_over_tls(talk, mail, MailStream(await secure(talk, stream.conn)), banner=False)

    return say


async def _ask_for_tls(talk: Exchange, mail: Mail, stream: MailStream) -> None:
    """Greet, and ask for TLS. Where it was not offered and yet accepted, the certificate tells whose server it is."""
    said = await mail.greet(talk.tx, stream, pace=talk.pace, over_tls=False, banner=True, confirm=talk.confirm)
    offered = said.starttls == "offered"
    try:
        await mail.starttls(talk.tx, stream, pace=talk.pace, offered=offered, confirm=talk.confirm)
    except StepFailed:
        asked = talk.tx.entries[-1]
        if isinstance(asked, MailStartTLS) and asked.accepted:
            with suppress(StepFailed):  # it stands in its own entry; what failed the transaction came before
                await mail.farewell(MailStream(await secure(talk, stream.conn)))
        else:
            await mail.farewell(stream)
        raise


async def _greet_over_tls(talk: Exchange, mail: Mail, stream: MailStream, *, banner: bool) -> None:
    await mail.greet(talk.tx, stream, pace=talk.pace, over_tls=True, banner=banner, confirm=talk.confirm)
    await mail.farewell(stream)


DIALOGUE_BY_DIALECT: dict[str, Dialogue] = {
    "smtp+starttls": upgraded(SMTP),
    "imap+starttls": upgraded(IMAP),
    "smtps": implicit(SMTP),
    "imaps": implicit(IMAP),
}
