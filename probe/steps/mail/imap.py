"""Define the IMAP part of the mail steps. Only CAPABILITY, STARTTLS and LOGOUT are sent."""

from probe.formats import failures as f
from probe.formats.exchanges.mail import MailEntry, MailGreeting, MailStartTLS
from probe.session.classify import RemoteError
from probe.steps.mail.mail_protocol import MailProtocol
from probe.steps.mail.mail_stream import MailStream, clean_text
from probe.wire.mail import imap

_TAGS = {"CAPABILITY": "a1", "STARTTLS": "a2", "LOGOUT": "a3"}
_COMMANDS = {words: imap.command(tag, words) for words, tag in _TAGS.items()}


async def _read_banner(stream: MailStream, entry: MailGreeting) -> tuple[str, ...]:
    greeting = await stream.receive(imap.read_greeting, entry)
    entry.banner = clean_text(f"{greeting.status} {greeting.text}")
    if greeting.status == "BYE":
        raise RemoteError(f"{f.UNKNOWN}: imap: greeting BYE")
    return greeting.capabilities


async def _ask_capabilities(stream: MailStream, entry: MailGreeting) -> tuple[str, ...]:
    answer = await _ask(stream, "CAPABILITY", entry)
    if answer.status != "OK":
        raise RemoteError(f"{f.UNKNOWN}: imap: capability refused {answer.status}")
    return answer.capabilities


async def _ask_tls(stream: MailStream, entry: MailStartTLS) -> str:
    answer = await _ask(stream, "STARTTLS", entry)
    entry.answer, entry.accepted = clean_text(f"{answer.status} {answer.text}"), answer.status == "OK"
    return answer.status


async def _ask(stream: MailStream, words: str, entry: MailEntry) -> imap.IMAPResponse:
    return await stream.ask(_COMMANDS[words], lambda buffer: imap.read_answer(buffer, _TAGS[words]), entry)


IMAP = MailProtocol("imap", _read_banner, _ask_capabilities, _ask_tls, *_COMMANDS.values())
