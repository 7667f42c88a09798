"""Test the dialogue before a command of mail that is sent with limited TTL, on loopback."""

import pytest

from probe.followups.hops.mail_opening import open_mail
from probe.formats.exchanges.hops import LimitedPayload
from probe.session.trace import StepFailed
from probe.steps.path.limited_ttl import limited_payload_tcp
from probe.steps.tcp import TCPConnection, tcp_connect
from tests.support.servers.loopback import a_transaction, serving
from tests.support.servers.mail import Script, imap, smtp

EHLO = b"EHLO anonymous.invalid"


async def led(kind: str, script: Script, *, asks_for_tls: bool) -> bytes:
    async with serving(script.handler) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, server.ip, server.port, pace=bench.pace)
        return await open_mail(conn, kind, asks_for_tls=asks_for_tls)


@pytest.mark.parametrize(
    ("kind", "script", "asks_for_tls", "received", "command"),
    [
        ("smtp", smtp(), False, [], EHLO + b"\r\n"),
        ("smtp", smtp(), True, [EHLO], b"STARTTLS\r\n"),
        ("imap", imap(), False, [], b"a1 CAPABILITY\r\n"),
        ("imap", imap(), True, [b"a1 CAPABILITY"], b"a2 STARTTLS\r\n"),
    ],
)
async def test_dialogue_goes_as_far_as_the_command(
    kind: str, script: Script, asks_for_tls: bool, received: list[bytes], command: bytes
) -> None:
    assert await led(kind, script, asks_for_tls=asks_for_tls) == command
    assert script.received == received


async def limited(script: Script, *, asks_for_tls: bool = False) -> LimitedPayload:
    async def opening(conn: TCPConnection) -> bytes:
        return await open_mail(conn, "smtp", asks_for_tls=asks_for_tls)

    async with serving(script.handler) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, server.ip, server.port, pace=bench.pace)
        try:
            return await limited_payload_tcp(bench.tx, conn, b"", "smtp", [1], pace=bench.pace, opening=opening)
        except StepFailed:
            (entry,) = (entry for entry in bench.trace.entries if isinstance(entry, LimitedPayload))
            return entry


async def test_answer_to_the_limited_command_is_recorded() -> None:
    script = smtp()
    entry = await limited(script)
    assert [(one.ttl, one.outcome) for one in entry.distances] == [(1, "answered")]
    assert script.received == [EHLO]


@pytest.mark.parametrize(
    ("script", "asks_for_tls", "received"),
    [
        (smtp(banner=b"554 no\r\n"), False, []),
        (smtp(banner=b"220 mail.example\r\n421 too many\r\n"), False, []),
        (smtp(ehlo=b"502 no\r\n"), True, [EHLO]),
        (smtp(ehlo=b"250 mail.example\r\n421 closing\r\n"), True, [EHLO]),
    ],
)
async def test_command_is_not_sent_after_a_refusal(script: Script, asks_for_tls: bool, received: list[bytes]) -> None:
    entry = await limited(script, asks_for_tls=asks_for_tls)
    assert entry.failure is not None and entry.distances == [] and script.received == received
