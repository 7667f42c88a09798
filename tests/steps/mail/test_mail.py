"""Test the steps `mail_greeting` and `mail_starttls` of SMTP and IMAP: entries and failures."""

import base64
from typing import Any

import pytest

from probe.formats.exchanges.mail import MailEntry, MailGreeting, MailStartTLS
from probe.steps.mail import smtp as smtp_step
from probe.steps.mail.imap import IMAP
from probe.steps.mail.mail_stream import MailStream, clean_text
from probe.steps.mail.smtp import SMTP
from probe.steps.tcp import tcp_connect
from tests.support.servers.loopback import Bench, Peer, a_transaction, serving
from tests.support.servers.mail import SMTP_LIST, Script, imap, smtp

PROTOCOLS = {"smtp": SMTP, "imap": IMAP}


async def run_steps(
    protocol: str, script: Script, *, starttls: bool = True, timeout: float = 2.0
) -> tuple[list[MailEntry], Bench]:
    """Run the steps up to STARTTLS and return the written entries."""
    async with serving(script.handler) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, server.ip, server.port, pace=bench.pace)
        stream = MailStream(conn)
        text = await PROTOCOLS[protocol].greeting(bench.tx, stream, pace=bench.pace, timeout=timeout)
        if starttls:
            offered = text.starttls == "offered"
            await PROTOCOLS[protocol].starttls(bench.tx, stream, pace=bench.pace, offered=offered, timeout=timeout)
    return [entry for entry in bench.trace.entries if isinstance(entry, MailEntry)], bench


def raw(entry: MailEntry, field: str) -> bytes:
    value = getattr(entry, field)
    return base64.b64decode(value.data) if value else b""


@pytest.mark.parametrize("pause", [None, 0.0])
async def test_smtp_server_accepts_starttls(pause: float | None) -> None:
    script = smtp(pause=pause, upgrades=False)
    (greeting, asked), bench = await run_steps("smtp", script)
    assert isinstance(greeting, MailGreeting) and isinstance(asked, MailStartTLS)
    assert (greeting.failure, greeting.banner_code, greeting.banner) == (None, 220, "mail.example ESMTP")
    assert greeting.capabilities == ["SIZE 100", "STARTTLS", "8BITMIME"]
    assert (greeting.starttls, greeting.over_tls, greeting.operation) == ("offered", False, "greeting")
    assert (asked.failure, asked.code, asked.accepted, asked.answer) == (None, 220, True, "Go ahead")
    assert bench.tx.record.steps == ["connect", "mail_greeting", "mail_starttls"]
    assert script.received == [b"EHLO anonymous.invalid", b"STARTTLS"]
    assert {"x_first_bytes", "x_injected"}.isdisjoint(greeting.model_dump() | asked.model_dump())


@pytest.mark.parametrize("pause", [None, 0.0])
async def test_imap_server_accepts_starttls(pause: float | None) -> None:
    script = imap(pause=pause, upgrades=False)
    (greeting, asked), _ = await run_steps("imap", script)
    assert isinstance(greeting, MailGreeting) and isinstance(asked, MailStartTLS)
    assert (greeting.failure, greeting.banner_code, greeting.banner) == (None, 0, "OK ready")
    assert (greeting.capabilities, greeting.starttls) == (["IMAP4rev1", "STARTTLS", "IDLE"], "offered")
    assert (asked.failure, asked.code, asked.accepted, asked.answer) == (None, 0, True, "OK begin")
    assert script.received == [b"a1 CAPABILITY", b"a2 STARTTLS"]


@pytest.mark.parametrize(
    ("protocol", "changes", "state", "masked"),
    [
        ("smtp", {"ehlo": SMTP_LIST.replace(b"STARTTLS", b"XXXXXXXA")}, "masked", "XXXXXXXA"),
        ("smtp", {"ehlo": SMTP_LIST.replace(b"250-STARTTLS\r\n", b"")}, "missing", ""),
        ("smtp", {"ehlo": b"250 mail.example\r\n"}, "missing", ""),
        ("imap", {"capability": b"* CAPABILITY IMAP4rev1 XXXXXXXX\r\na1 OK\r\n"}, "masked", "XXXXXXXX"),
        ("imap", {"capability": b"* CAPABILITY IMAP4rev1\r\na1 OK\r\n"}, "missing", ""),
    ],
)
@pytest.mark.parametrize("accepts", [True, False])
async def test_starttls_without_offer_is_requested_once_and_fails(
    protocol: str, changes: dict[str, Any], state: str, masked: str, accepts: bool
) -> None:
    refusal = {"smtp": b"500 unrecognized XXXXXXXX\r\n", "imap": b"a2 BAD\r\n"}[protocol]
    script = {"smtp": smtp, "imap": imap}[protocol](
        upgrades=False, **changes, **({} if accepts else {"starttls": refusal})
    )
    (greeting, asked), bench = await run_steps(protocol, script)
    assert isinstance(greeting, MailGreeting) and isinstance(asked, MailStartTLS)
    assert (greeting.failure, greeting.starttls, greeting.masked_as) == (None, state, masked)
    assert asked.accepted is accepts
    assert asked.failure == f"unknown_failure: {protocol}: starttls not offered"
    assert (bench.tx.record.failed_operation, bench.tx.record.failure) == ("mail_starttls", asked.failure)
    assert sum(b"STARTTLS" in line for line in script.received) == 1


@pytest.mark.parametrize(
    ("script", "failure"),
    [
        (smtp(banner=b"554 go away\r\n"), "unknown_failure: smtp: greeting 554"),
        (smtp(ehlo=b"502 what\r\n"), "unknown_failure: smtp: ehlo refused 502"),
        (smtp(starttls=b"454 not now\r\n"), "unknown_failure: smtp: starttls refused 454"),
        (smtp(banner=b"HTTP/1.1 400 Bad Request\r\n"), "unknown_failure: smtp: no SMTP reply"),
        (smtp(banner=b"220-x\r\n" * 4000), "unknown_failure: smtp: an endless SMTP reply"),
        (smtp(ehlo=None), "eof_error"),
        (smtp(ehlo=b""), "generic_timeout_error"),
        (smtp(banner=b"220 half a ban"), "generic_timeout_error"),
        (imap(banner=b"* BYE closed\r\n"), "unknown_failure: imap: greeting BYE"),
        (imap(capability=b"a1 BAD what\r\n"), "unknown_failure: imap: capability refused BAD"),
        (imap(capability=b"* BYE leaving\r\n"), "unknown_failure: imap: capability refused BYE"),
        (imap(starttls=b"a2 NO not now\r\n"), "unknown_failure: imap: starttls refused NO"),
        (imap(banner=b"220 mail.example\r\n"), "unknown_failure: imap: no IMAP greeting"),
        (imap(capability=b"* CAPABILITY IMAP4rev1\r\nzz OK\r\n"), "unknown_failure: imap: no IMAP response"),
        (imap(capability=None), "eof_error"),
        (imap(starttls=b""), "generic_timeout_error"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_unusable_answers_have_their_failures(script: Script, failure: str) -> None:
    protocol = "imap" if script.banner.startswith(b"*") or b"imap" in failure.encode() else "smtp"
    seconds = 1.5 if "greeting 554" in failure else 0.3  # after it another greeting is waited for
    entries, bench = await run_steps(protocol, script, timeout=seconds)
    assert entries[-1].failure == failure
    assert bench.tx.record.failure == failure
    assert not getattr(entries[-1], "accepted", False)


@pytest.mark.parametrize("protocol", ["smtp", "imap"])
@pytest.mark.parametrize("at", range(0, 60, 4))
async def test_reset_at_any_byte_is_connection_reset(protocol: str, at: int) -> None:
    """Check that the earlier bytes are in `x_first_bytes` and are taken for no answer."""
    whole = {"smtp": b"220 m ESMTP\r\n" + SMTP_LIST, "imap": b"* OK m\r\n* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK\r\n"}

    async def handler(peer: Peer) -> None:
        await peer.send(whole[protocol][: min(at, len(whole[protocol]) - 2)])
        await peer.receive()
        peer.reset()

    async with serving(handler) as server, a_transaction() as bench:
        stream = MailStream(await tcp_connect(bench.tx, server.ip, server.port, pace=bench.pace))
        await PROTOCOLS[protocol].greeting(bench.tx, stream, pace=bench.pace, timeout=0.5)
    entry = bench.trace.entries[-1]
    assert isinstance(entry, MailGreeting)
    assert entry.failure in {"connection_reset", "generic_timeout_error"}  # half a banner is not answered
    assert entry.starttls == ""


async def test_foreign_bytes_are_kept_redacted() -> None:
    page = b"<html>198.51.100.23 is blocked" + b"!" * 100
    (entry,), _ = await run_steps("smtp", smtp(banner=page))
    kept = raw(entry, "x_first_bytes")
    assert kept.startswith(b"<html>[scrubbed] is blocked") and len(kept) == 64


@pytest.mark.parametrize("protocol", ["smtp", "imap"])
async def test_plaintext_after_acceptance_is_kept_in_part(protocol: str) -> None:
    ahead = {"smtp": b"220 Go ahead\r\n", "imap": b"a2 OK begin\r\n"}[protocol]
    injected = b"250 queued for 198.51.100.23\r\n" + b"x" * 200
    script = {"smtp": smtp, "imap": imap}[protocol](upgrades=False, starttls=ahead + injected)
    (_, asked), _ = await run_steps(protocol, script)
    assert (asked.failure, asked.accepted) == (None, True)  # type: ignore[attr-defined]
    kept = raw(asked, "x_injected")
    assert kept.startswith(b"250 queued for [scrubbed]\r\nxxx") and len(kept) == 64


async def test_capabilities_in_greeting_are_used() -> None:
    script = imap(banner=b"* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n", capability=b"a1 OK\r\n")
    (greeting,), _ = await run_steps("imap", script, starttls=False)
    assert isinstance(greeting, MailGreeting)
    assert greeting.starttls == "offered"


async def test_entries_have_no_own_address() -> None:
    """Check scrubbing. Gmail's EHLO answer and IMAP greeting contain the client's address."""
    (greeting, asked), _ = await run_steps("smtp", smtp(starttls=b"220 go, 198.51.100.23\r\n", upgrades=False))
    (hello,), _ = await run_steps(
        "imap", imap(banner=b"* OK Gimap ready for requests from 198.51.100.23 z2mb12345678abc\r\n"), starttls=False
    )
    for entry in (greeting, asked, hello):
        assert "198.51.100" not in entry.model_dump_json()
    assert isinstance(hello, MailGreeting)
    assert hello.banner == "OK Gimap ready for requests from [scrubbed] [id]"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("smtp.gmail.com ESMTP 5b1f17b1804b1-477bf22e3ffsm12345678 - gsmtp", "smtp.gmail.com ESMTP [id] - gsmtp"),
        ("mx01.example.com Postfix (Debian/GNU)", "mx01.example.com Postfix (Debian/GNU)"),
        ("Dovecot\tready\x00 <abc123def456@x>", "Dovecot ready  <abc123def456@x>"),
        ("x" * 500, "x" * 128),
    ],
)
def test_server_texts_are_redacted(text: str, kept: str) -> None:
    assert clean_text(text) == kept


# -- refusals in the server's name -------------------------------------------------------------------------------------

SPAM, ELSEWHERE = b"550 Mail was identified as spam.\r\n", b"551 User not local; please try <forward-path>\r\n"
REST = b"t your service\r\n250-SIZE 100\r\n250 8BITMIME\r\n"  # of a reply whose first bytes another one replaced


@pytest.fixture
def short_tail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp_step, "TAIL_SECONDS", 0.2)


@pytest.mark.usefixtures("short_tail")
@pytest.mark.parametrize(
    ("reply", "known", "contradicted"),
    [
        (SPAM, 550, False),
        (ELSEWHERE, 551, False),
        (SPAM + REST, 550, True),
        (b"550 5.7.1 blocked\r\n" + REST, None, True),
        (b"550 5.7.1 blocked\r\n", None, False),
        (b"550 5.7.1 blocked\r\n421 closing\r\n221 bye\r\n", None, False),
        (b"550-Mail was identified as spam.\r\n550 see a page\r\n", None, False),
        (b"551 Mail was identified as spam.\r\n", None, False),
        (b"451 try later\r\n" + REST, None, None),
        (b"554 Mail was identified as spam.\r\n", None, None),
    ],
)
async def test_refused_ehlo_is_compared_and_listened_after(
    reply: bytes, known: int | None, contradicted: bool | None
) -> None:
    (greeting,), bench = await run_steps("smtp", smtp(ehlo=reply), starttls=False)
    assert greeting.failure == f"unknown_failure: smtp: ehlo refused {reply[:3].decode()}"
    assert (greeting.known_refusal, greeting.contradicted) == (known, contradicted)
    assert "spam" not in greeting.model_dump_json() and bench.tx.record.steps == ["connect"]


@pytest.mark.usefixtures("short_tail")
async def test_acceptance_that_arrives_later_contradicts_too() -> None:
    (greeting,), _ = await run_steps("smtp", smtp(ehlo=SPAM + REST, pause=0.0), starttls=False)
    assert (greeting.known_refusal, greeting.contradicted) == (550, True)


@pytest.mark.usefixtures("short_tail")
async def test_refused_starttls_is_compared_too() -> None:
    for reply, contradicted in ((ELSEWHERE, False), (ELSEWHERE + b"220 go ahead\r\n", True)):
        (_, asked), _ = await run_steps("smtp", smtp(starttls=reply, upgrades=False))
        assert asked.failure == "unknown_failure: smtp: starttls refused 551"
        assert (asked.known_refusal, asked.contradicted) == (551, contradicted)


async def test_accepted_commands_are_not_listened_after() -> None:
    (greeting, asked), _ = await run_steps("smtp", smtp(upgrades=False))
    assert greeting.contradicted is None and asked.contradicted is None
    assert {"known_refusal", "contradicted"}.isdisjoint(greeting.model_dump() | asked.model_dump())


async def test_silence_before_the_greeting_is_followed_by_an_empty_line() -> None:
    """Show that its acknowledgement distinguishes a server that waits and a path that drops everything."""
    script = Script(b"")
    _, bench = await run_steps("smtp", script, timeout=0.3)
    end = bench.tx.record.stream
    assert script.received == [b""] and bench.tx.record.failure == "generic_timeout_error"
    assert end is not None and end.bytes_sent == 2 and end.bytes_acked in {3, None}  # with the SYN


@pytest.mark.parametrize(
    ("rest", "contradicted"),
    [
        (b"", False),
        (b"SMTP ready for mail\r\n", True),
        (b"220 mail.example ready\r\n", True),
        (b"421 closing\r\n", False),
    ],
)
async def test_end_of_another_greeting_is_noted(rest: bytes, contradicted: bool) -> None:
    entries, _ = await run_steps("smtp", smtp(banner=b"554 go away\r\n" + rest), timeout=2.0)
    assert (entries[-1].failure, entries[-1].contradicted) == ("unknown_failure: smtp: greeting 554", contradicted)
