"""Define the SMTP part of the mail steps. Only EHLO, STARTTLS and QUIT are sent.

Some middleboxes refuse in the place of the server: commands with 550 or 551, or the connection in a false greeting.
After such a reply our probe listens a little longer, because the server's own reply may follow.
"""

from probe.formats import failures as f
from probe.formats.exchanges.mail import MailEntry, MailGreeting, MailStartTLS
from probe.session.classify import RemoteError
from probe.signatures.injected_answers import MAIL_REPLIES
from probe.steps.mail.mail_protocol import MailProtocol
from probe.steps.mail.mail_stream import CLIENT_NAME, MailStream, clean_text
from probe.wire.mail import smtp

TAIL_SECONDS = 0.5  # how long a second reply is waited for
_EHLO = smtp.ehlo(CLIENT_NAME)


async def _read_banner(stream: MailStream, entry: MailGreeting) -> tuple[str, ...]:
    greeting = await stream.receive(smtp.read_reply, entry)
    entry.banner_code, entry.banner = greeting.code, clean_text(greeting.lines[0])
    if greeting.code != 220:
        await stream.listen_on(TAIL_SECONDS)
        entry.contradicted = smtp.has_acceptance(stream.pending) or smtp.is_no_reply(stream.pending)
        raise RemoteError(f"{f.UNKNOWN}: smtp: greeting {greeting.code}")
    return ()


async def _ask_capabilities(stream: MailStream, entry: MailGreeting) -> tuple[str, ...]:
    answer = await stream.ask(_EHLO, smtp.read_reply, entry)
    await _note_refusal(stream, entry, answer)
    if answer.code != 250:
        raise RemoteError(f"{f.UNKNOWN}: smtp: ehlo refused {answer.code}")
    return answer.keywords


async def _ask_tls(stream: MailStream, entry: MailStartTLS) -> str:
    answer = await stream.ask(smtp.STARTTLS, smtp.read_reply, entry)
    await _note_refusal(stream, entry, answer)
    entry.code, entry.answer, entry.accepted = answer.code, clean_text(answer.lines[-1]), answer.code == 220
    return str(answer.code)


async def _note_refusal(stream: MailStream, entry: MailEntry, answer: smtp.SMTPReply) -> None:
    """Compare a 550 or 551 with the known texts, and wait for an acceptance of the same command."""
    if answer.code not in MAIL_REPLIES:
        return
    if [line.strip() for line in answer.lines] == [MAIL_REPLIES[answer.code]]:
        entry.known_refusal = answer.code
    await stream.listen_on(TAIL_SECONDS)
    entry.contradicted = smtp.has_acceptance(stream.pending)


SMTP = MailProtocol("smtp", _read_banner, _ask_capabilities, _ask_tls, _EHLO, smtp.STARTTLS, smtp.QUIT)
