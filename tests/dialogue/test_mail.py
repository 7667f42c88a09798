"""Test the dialogues with mail servers, from the connection to the greeting over TLS."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from probe.dialogue import always_get, proves, run_dialogue
from probe.formats.exchanges.mail import MailEntry, MailGreeting, MailStartTLS
from probe.formats.exchanges.tls import TLSHandshake
from probe.session.trace import Trace, TransactionFacts
from probe.targets.target import parse_endpoint
from tests.support.servers.authority import issue
from tests.support.servers.loopback import serving
from tests.support.servers.mail import SMTP_LIST, Script, imap, smtp
from tests.support.world import World

HOST = "mail.example"
MAKE = {"smtp": smtp, "imap": imap}


async def say(scheme: str, script: Script, folder: Path, *, certified: str = HOST) -> tuple[Trace, Script]:
    world = World(folder)
    script.context = issue(certified, world.ca).server_context()
    trace = Trace()
    async with serving(script.handler) as server:
        endpoint = parse_endpoint(f"{scheme}://{HOST}:{server.port}")
        async with trace.transaction(TransactionFacts("first", endpoint=endpoint.url, address=server.ip)) as tx:
            await run_dialogue(tx, world.session, world.roots, endpoint, server.ip, always_get, confirm=False)
        await asyncio.sleep(0.05)  # so that the server receives our last command
    assert trace.bugs == []
    assert world.session.pace.triggers == 1
    return trace, script


def entries(trace: Trace, kind: type[Any]) -> list[Any]:
    return [entry for entry in trace.entries if isinstance(entry, kind)]


@pytest.mark.parametrize("protocol", ["smtp", "imap"])
async def test_starttls_upgrades_and_greets_again(protocol: str, tmp_path: Path) -> None:
    trace, script = await say(f"{protocol}+starttls", MAKE[protocol](), tmp_path)
    record = trace.transactions[0]
    assert record.failure is None and record.trigger and proves(record)
    assert record.steps == ["connect", "mail_greeting", "mail_starttls", "tls_handshake", "mail_greeting"]
    clear, inside = entries(trace, MailGreeting)
    assert (clear.over_tls, clear.starttls) == (False, "offered")
    assert (inside.over_tls, inside.starttls, inside.banner, inside.failure) == (True, "", "", None)
    (handshake,) = entries(trace, TLSHandshake)
    assert (handshake.failure, handshake.server_name, handshake.x_verified_name) == (None, HOST, HOST)
    goodbye = {"smtp": b"QUIT", "imap": b"a3 LOGOUT"}[protocol]
    assert script.received.index(b"TLS") == 2 and goodbye in script.received[-1]


@pytest.mark.parametrize("protocol", ["smtp", "imap"])
async def test_implicit_tls_greets_once(protocol: str, tmp_path: Path) -> None:
    made = MAKE[protocol](implicit=True)
    trace, _ = await say(f"{protocol}s", made, tmp_path)
    record = trace.transactions[0]
    assert record.failure is None
    assert record.steps == ["connect", "tls_handshake", "mail_greeting"]
    (inside,) = entries(trace, MailGreeting)
    assert inside.over_tls and inside.banner and inside.capabilities
    assert entries(trace, MailStartTLS) == []


@pytest.mark.parametrize("protocol", ["smtp", "imap"])
async def test_foreign_certificate_after_starttls_fails_the_handshake(protocol: str, tmp_path: Path) -> None:
    trace, _ = await say(f"{protocol}+starttls", MAKE[protocol](), tmp_path, certified="other.example")
    record = trace.transactions[0]
    assert (record.failed_operation, record.failure) == ("tls_handshake", "ssl_invalid_hostname")
    assert not proves(record)


async def test_masked_but_accepted_starttls_records_the_certificate(tmp_path: Path) -> None:
    script = smtp(ehlo=SMTP_LIST.replace(b"STARTTLS", b"XXXXXXXA"))
    trace, _ = await say("smtp+starttls", script, tmp_path)
    record = trace.transactions[0]
    assert (record.failed_operation, record.failure) == (
        "mail_starttls",
        "unknown_failure: smtp: starttls not offered",
    )
    (handshake,) = entries(trace, TLSHandshake)
    assert handshake.failure is None and handshake.x_verified_name == HOST
    assert proves(record)  # the address is the genuine one: the failure may be confirmed
    assert len(entries(trace, MailGreeting)) == 1
    assert b"TLS" in script.received


async def test_missing_but_accepted_starttls_with_a_forged_certificate_proves_nothing(tmp_path: Path) -> None:
    script = smtp(ehlo=b"250 mail.example\r\n")
    trace, _ = await say("smtp+starttls", script, tmp_path, certified="other.example")
    record = trace.transactions[0]
    assert record.failure == "unknown_failure: smtp: starttls not offered"
    assert entries(trace, TLSHandshake)[0].failure == "ssl_invalid_hostname"
    assert not proves(record)
    assert b"QUIT" not in b"".join(script.received)  # nothing in the clear after the start of the handshake


async def test_refused_starttls_ends_with_quit(tmp_path: Path) -> None:
    trace, script = await say("smtp+starttls", smtp(starttls=b"454 no\r\n"), tmp_path)
    assert trace.transactions[0].failure == "unknown_failure: smtp: starttls refused 454"
    assert entries(trace, TLSHandshake) == []
    assert script.received[-2:] == [b"STARTTLS", b"QUIT"]


@pytest.mark.parametrize("protocol", ["smtp", "imap"])
async def test_injected_plaintext_is_not_read_as_tls(protocol: str, tmp_path: Path) -> None:
    """Drop plaintext after STARTTLS: the handshake would fail, or accept a forged answer (CVE-2011-0411)."""
    ahead = {"smtp": b"220 go\r\n250-injected\r\n250 EVIL\r\n", "imap": b"a2 OK go\r\n* CAPABILITY EVIL\r\na1 OK\r\n"}
    trace, _ = await say(f"{protocol}+starttls", MAKE[protocol](starttls=ahead[protocol]), tmp_path)
    assert trace.transactions[0].failure is None
    assert entries(trace, MailStartTLS)[0].x_injected is not None
    assert "EVIL" not in " ".join(entries(trace, MailGreeting)[-1].capabilities)


async def test_connection_closed_over_tls_is_eof_error(tmp_path: Path) -> None:
    trace, _ = await say("smtps", smtp(implicit=True, ehlo_inside=None), tmp_path)
    record = trace.transactions[0]
    assert (record.failed_operation, record.failure) == ("mail_greeting", "eof_error")
    assert proves(record)
    assert entries(trace, MailEntry)[0].banner == "mail.example ESMTP"
