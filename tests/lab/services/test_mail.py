"""Test the lab's mail servers with smtplib and imaplib."""

import asyncio
import imaplib
import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from probe.lab.scenario.faults import NoSTARTTLS, Placed, RefusedMail, Unhelpful
from probe.lab.scenario.scenario import Scenario
from probe.lab.world.emulated_world import World, build_world
from probe.lab.world.hosts import HELPER_V4, HELPER_V6
from tests.lab.services.test_services import listening_port

SMTP_HOST, IMAP_HOST = "smtp.mail.example", "imap.mail.example"
TARGET = f"""
nettest = "mail_reachability"
title = "Mail"
source = "https://example.org"
reviewed = 2026-11-24
[services.smtp]
endpoints = ["smtps://{SMTP_HOST}:465", "smtp+starttls://{SMTP_HOST}:587"]
[services.imap]
endpoints = ["imaps://{IMAP_HOST}:993", "imap+starttls://{IMAP_HOST}:143"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    real = Path(__file__).parents[3] / "targets"
    for name in ("neutral.toml", "resolvers.toml"):
        (tmp_path / name).write_text((real / name).read_text())
    (tmp_path / "mail.toml").write_text(TARGET)
    return tmp_path


def world_of(folder: Path, *faults: Placed) -> World:
    return build_world(folder, Scenario("mail", "A test", faults=faults), 1)


def trusting(world: World) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=world.authority.pem)


async def client(world: World, name: str, port: int, dialogue: Callable[[int], None]) -> None:
    async with listening_port(world, name, port) as number:
        await asyncio.to_thread(dialogue, number)


async def test_smtp_with_starttls_works(folder: Path) -> None:
    world = world_of(folder)

    def dialogue(port: int) -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=5) as smtp:
            code, reply = smtp.ehlo("tester.invalid")
            assert code == 250 and b"at your service, [127.0.0.1]" in reply
            assert smtp.has_extn("starttls") and not smtp.has_extn("auth")
            smtp._host = SMTP_HOST  # type: ignore[attr-defined]  # whose certificate is checked
            assert smtp.starttls(context=trusting(world))[0] == 220
            smtp.ehlo("tester.invalid")
            assert smtp.has_extn("auth") and not smtp.has_extn("starttls")
            assert smtp.docmd("STARTTLS")[0] == 502
            assert smtp.quit()[0] == 221

    await client(world, SMTP_HOST, 587, dialogue)


async def test_imap_with_starttls_works(folder: Path) -> None:
    world = world_of(folder)

    def dialogue(port: int) -> None:
        with imaplib.IMAP4("127.0.0.1", port, timeout=5) as imap:
            assert b"requests from 127.0.0.1" in imap.welcome
            assert "STARTTLS" in imap.capabilities
            imap.host = IMAP_HOST
            assert imap.starttls(trusting(world))[0] == "OK"
            assert "STARTTLS" not in imap.capabilities and "AUTH=PLAIN" in imap.capabilities

    await client(world, IMAP_HOST, 143, dialogue)


async def test_implicit_tls_works(folder: Path) -> None:
    world = world_of(folder)

    def secure(port: int, name: str) -> bytes:
        with trusting(world).wrap_socket(socket.create_connection(("127.0.0.1", port), 5), server_hostname=name) as tls:
            return tls.recv(4096)

    for name, port, greeting in ((SMTP_HOST, 465, b"220 "), (IMAP_HOST, 993, b"* OK ")):
        async with listening_port(world, name, port) as number:
            reply = await asyncio.to_thread(secure, number, name)
        assert reply.startswith(greeting + name.encode())


async def test_no_starttls_is_neither_offered_nor_understood(folder: Path) -> None:
    world = world_of(folder, NoSTARTTLS(names=[SMTP_HOST]))

    def without(port: int) -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=5) as smtp:
            smtp.ehlo("tester.invalid")
            assert not smtp.has_extn("starttls")
            assert smtp.docmd("STARTTLS")[0] == 502

    await client(world, SMTP_HOST, 587, without)

    def spared(port: int) -> None:
        with imaplib.IMAP4("127.0.0.1", port, timeout=5) as imap:
            assert "STARTTLS" in imap.capabilities

    await client(world, IMAP_HOST, 143, spared)


async def test_unhelpful_server_refuses_clients_in_its_greeting(folder: Path) -> None:
    world = world_of(folder, Unhelpful(services=["mail/*"]))

    def smtp(port: int) -> None:
        with pytest.raises(smtplib.SMTPConnectError) as turned_away:
            smtplib.SMTP("127.0.0.1", port, timeout=5)
        assert turned_away.value.smtp_code == 554

    await client(world, SMTP_HOST, 587, smtp)

    def imap(port: int) -> None:
        with pytest.raises(imaplib.IMAP4.error, match="BYE"):
            imaplib.IMAP4("127.0.0.1", port, timeout=5)

    await client(world, IMAP_HOST, 143, imap)


async def test_refused_mail_gets_its_reply_to_connect_or_ehlo(folder: Path) -> None:
    for to, code in (("connect", 451), ("ehlo", 550)):
        fault = RefusedMail.model_validate({"names": [SMTP_HOST], "to": to, "reply": f"{code} no", "delay": 0.2})

        def dialogue(port: int, to: str = to, code: int = code) -> None:
            began = time.monotonic()
            with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
                file = sock.makefile("rb")
                first = file.readline()
                assert time.monotonic() - began >= 0.2
                if to == "ehlo":
                    assert first.startswith(b"220 ")
                    sock.sendall(b"EHLO x\r\n")
                    first = file.readline()
                assert first == f"{code} no\r\n".encode()

        await client(world_of(folder, fault), SMTP_HOST, 587, dialogue)


def test_refused_mail_may_serve_the_helper(folder: Path) -> None:
    world = world_of(folder, RefusedMail(names=[SMTP_HOST], reply="550 no", spares_helper=True))
    of = {name: host for host in world.hosts for name in host.names}
    assert of[SMTP_HOST].refuses_mail("192.0.2.1").reply == "550 no"
    assert of[SMTP_HOST].refuses_mail(HELPER_V4).reply == of[IMAP_HOST].refuses_mail("192.0.2.1").reply == ""


def test_unhelpful_server_may_serve_the_helper(folder: Path) -> None:
    for spares, served in ((False, []), (True, [HELPER_V4, HELPER_V6])):
        world = world_of(folder, Unhelpful(names=[SMTP_HOST], spares_helper=spares))
        of = {name: host for host in world.hosts for name in host.names}
        clients = [HELPER_V4, HELPER_V6, "192.88.99.77"]
        assert [ip for ip in clients if of[SMTP_HOST].serves(ip)] == served
        assert all(of[IMAP_HOST].serves(ip) for ip in clients)


@pytest.mark.parametrize("port", [587, 143])
async def test_unknown_commands_end_the_session(folder: Path, port: int) -> None:
    world, name = world_of(folder), SMTP_HOST if port == 587 else IMAP_HOST
    async with listening_port(world, name, port) as number:
        reader, writer = await asyncio.open_connection("127.0.0.1", number)
        writer.write(b"nonsense\r\n" * 9)
        reply = await asyncio.wait_for(reader.read(), 5)
        writer.close()
    assert reply.count(b"502 " if port == 587 else b"BAD ") == 6
