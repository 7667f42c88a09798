"""Define the SMTP part of the mail steps. Only EHLO, STARTTLS and QUIT are sent."""

from probe.formats import failures as f
from probe.formats.mail import MailGreeting, MailStartTLS
from probe.session.classify import RemoteError
from probe.steps.mail.mail_protocol import MailProtocol
from probe.steps.mail.mail_stream import CLIENT_NAME, MailStream, clean_text
from probe.wire.mail import smtp


async def _read_banner(stream: MailStream, entry: MailGreeting) -> tuple[str, ...]:
    greeting = await stream.receive(smtp.read_reply, entry)
    entry.banner_code, entry.banner = greeting.code, clean_text(greeting.lines[0])
    if greeting.code != 220:
        raise RemoteError(f"{f.UNKNOWN}: smtp: greeting {greeting.code}")
    return ()


async def _ask_capabilities(stream: MailStream, entry: MailGreeting) -> tuple[str, ...]:
    answer = await stream.ask(smtp.ehlo(CLIENT_NAME), smtp.read_reply, entry)
    if answer.code != 250:
        raise RemoteError(f"{f.UNKNOWN}: smtp: ehlo refused {answer.code}")
    return answer.keywords


async def _ask_tls(stream: MailStream, entry: MailStartTLS) -> str:
    answer = await stream.ask(smtp.STARTTLS, smtp.read_reply, entry)
    entry.code, entry.answer, entry.accepted = answer.code, clean_text(answer.lines[-1]), answer.code == 220
    return str(answer.code)


SMTP = MailProtocol("smtp", _read_banner, _ask_capabilities, _ask_tls, smtp.QUIT)
