"""Test the lab's servers with ssl, dnspython, h2 and our own codecs."""

import asyncio
import base64
import contextlib
import json
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import h2.config
import h2.connection
import h2.events
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.lab.scenario.faults import (
    Clock,
    ClosingConnections,
    ExpiredCertificate,
    FirstReset,
    OddAnswers,
    RefuseUnknownNames,
    ServerDown,
    WrongCertificate,
)
from probe.lab.scenario.scenario import Scenario
from probe.lab.scenario.scenario_keys import Page
from probe.lab.services.dns.resolver import Datagrams, Zone
from probe.lab.services.false_helper import answer as false_answer
from probe.lab.services.listeners import ConnectionServer, StreamPort, dns_ports, stream_ports
from probe.lab.services.web import Request, answer
from probe.lab.world.emulated_world import World, build_world
from probe.lab.world.hosts import HELPER_V4, FirstResets, Host, InterceptingServer
from probe.targets.target_files import load_target
from probe.wire.telegram import mtproto
from probe.wire.telegram.obfuscation import client_obfuscation
from probe.wire.whatsapp import noise
from probe.wire.whatsapp.certificate_chain import check_chain
from tests.support.lab.hellos import hello, in_records

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def host(world: World, name: str) -> Host:
    return next(found for found in world.hosts if name in found.names or name in found.addresses)


@contextlib.asynccontextmanager
async def listening_port(
    world: World, name: str, port: int, interceptor: InterceptingServer | None = None
) -> AsyncIterator[int]:
    """Open a host's port on loopback and yield its number."""
    found = host(world, name)
    servers = ConnectionServer(world)
    at = StreamPort(found, found.addresses[0], port, frozenset(found.ports[port]), interceptor)
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await servers.serve(at, reader, writer)

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.01)  # closed transports finish in the loop's next turns


@contextlib.asynccontextmanager
async def connected(world: World, name: str, port: int, **how: Any) -> AsyncIterator[Streams]:
    interceptor = how.pop("interceptor", None)
    async with listening_port(world, name, port, interceptor) as number:
        reader, writer = await asyncio.open_connection("127.0.0.1", number, **how)
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(OSError, ssl.SSLError):
                await writer.wait_closed()


def trusting(world: World, *alpn: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=world.authority.pem)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


async def asked_web(streams: Streams, request: str) -> bytes:
    reader, writer = streams
    writer.write(request.replace("\n", "\r\n").encode())
    return await reader.read()


def get(name: str, path: str = "/", more: str = "") -> str:
    return f"GET {path} HTTP/1.1\nHost: {name}\n{more}Connection: close\n\n"


# -- TLS -------------------------------------------------------------------------------------------------------------


async def test_https_with_a_certificate_valid_for_the_name(world: World) -> None:
    name = "web.telegram.org"
    async with connected(world, name, 443, ssl=trusting(world), server_hostname=name) as streams:
        page = await asked_web(streams, get(name))
    assert page.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"<title>Telegram Web</title>" in page


async def test_server_that_hangs_up_completes_tls_and_closes_at_the_request(folder: Path) -> None:
    world = build_world(folder, Scenario("test", "A test", faults=(ServerDown(how="hangs_up"),)), 1)
    name = "web.telegram.org"
    async with connected(world, name, 443, ssl=trusting(world), server_hostname=name) as streams:
        assert await asked_web(streams, get(name)) == b""


async def test_unknown_name_gets_the_servers_own_certificate(world: World) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        async with connected(world, "web.telegram.org", 443, ssl=trusting(world), server_hostname="www.example.org"):
            pass


async def test_refusing_server_sends_alert_112_for_unknown_names_only(folder: Path) -> None:
    world = build_world(folder, Scenario("test", "A test", faults=(RefuseUnknownNames(),)), 1)
    name = "web.telegram.org"
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        async with connected(world, name, 443, ssl=trusting(world), server_hostname="www.example.org"):
            pass
    async with connected(world, name, 443, ssl=trusting(world), server_hostname=name) as streams:
        assert (await asked_web(streams, get(name))).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("fault", "reason"), [(WrongCertificate(), "Hostname mismatch"), (ExpiredCertificate(), "has expired")]
)
async def test_faulty_certificate_fails_verification(
    folder: Path, fault: WrongCertificate | ExpiredCertificate, reason: str
) -> None:
    world = build_world(folder, Scenario("test", "A test", faults=(fault,)), 1)
    name = "web.telegram.org"
    with pytest.raises(ssl.SSLCertVerificationError, match=reason):
        async with connected(world, name, 443, ssl=trusting(world), server_hostname=name):
            pass


async def test_wrong_clock_shows_in_dates_and_headers(folder: Path) -> None:
    world = build_world(folder, Scenario("test", "A test", faults=(Clock(days=400),)), 1)
    context = trusting(world)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    name = "web.telegram.org"
    async with connected(world, name, 443, ssl=context, server_hostname=name) as streams:
        page = (await asked_web(streams, get(name))).decode()
    date = next(line for line in page.splitlines() if line.startswith("Date: ")).removeprefix("Date: ")
    there = datetime.strptime(date, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    assert abs(there - datetime.now(UTC) - timedelta(days=400)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("signed_by", "reason"),
    [
        ("ca", "self-signed certificate in"),
        ("itself", "self-signed cert"),
        ("machine", "unable to get local issuer"),
        ("another_name", "Hostname mismatch"),
        ("lapsed", "has expired"),
    ],
)
async def test_intercepting_server_forges_only_for_its_names(world: World, signed_by: str, reason: str) -> None:
    found = host(world, "web.telegram.org")
    interceptor = InterceptingServer(found, found.addresses[0], "198.18.0.1", ("web.telegram.org",), signed_by)
    with pytest.raises(ssl.SSLCertVerificationError, match=reason):
        async with connected(
            world,
            "web.telegram.org",
            443,
            interceptor=interceptor,
            ssl=trusting(world),
            server_hostname="web.telegram.org",
        ):
            pass
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        async with connected(
            world,
            "web.telegram.org",
            443,
            interceptor=interceptor,
            ssl=trusting(world),
            server_hostname="www.example.org",
        ):
            pass


async def test_hello_in_many_records_and_segments_is_answered(world: World) -> None:
    async with connected(world, "web.telegram.org", 443) as (reader, writer):
        for piece in (flight := in_records(hello("web.telegram.org"), 300))[:700], flight[700:]:
            writer.write(piece)
            await asyncio.sleep(0.02)
        assert (await reader.readexactly(3))[:2] == b"\x16\x03"


# -- plain HTTP ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "port", "request_text", "status"),
    [
        ("149.154.175.50", 80, "POST / HTTP/1.1\nHost: 149.154.175.50\nContent-Length: 0\nConnection: close\n\n", 501),
        ("149.154.175.50", 443, "POST / HTTP/1.1\nHost: 149.154.175.50:443\nConnection: close\n\n", 501),
        ("web.telegram.org", 80, get("web.telegram.org"), 301),
        ("web.telegram.org", 80, get("www.example.org"), 404),
        ("check.example", 80, get("check.example", "/success.txt"), 200),
    ],
)
async def test_plain_http_gives_the_expected_status(
    world: World, name: str, port: int, request_text: str, status: int
) -> None:
    async with connected(world, name, port) as streams:
        page = await asked_web(streams, request_text)
    assert page.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Location: https://web.telegram.org/" in page or status != 301
    assert page.endswith(b"\r\n\r\nsuccess") or name != "check.example"


async def test_scenario_pages_redirect_and_need_cookies(folder: Path) -> None:
    pages = (
        Page(url="http://web.telegram.org/gate?a=1", status=302, location="/in", gives_cookie="k=v; Path=/"),
        Page(url="http://web.telegram.org/in", title="Inside", wants_cookie="k=v"),
    )
    world = build_world(folder, Scenario("test", "A test", pages=pages), seed=1)
    async with connected(world, "web.telegram.org", 80) as streams:
        gate = await asked_web(streams, get("web.telegram.org", "/gate?a=1"))
    assert gate.startswith(b"HTTP/1.1 302 Found\r\n")
    assert b"Location: /in\r\n" in gate and b"Set-Cookie: k=v; Path=/\r\n" in gate
    for cookie, status in (("", b"403"), ("Cookie: k=vv\n", b"403"), ("Cookie: a=b; k=v\n", b"200")):
        async with connected(world, "web.telegram.org", 80) as streams:
            answer = await asked_web(streams, get("web.telegram.org", "/in", cookie))
        assert answer.split(b" ")[1] == status


async def test_several_requests_on_one_connection_are_answered(world: World) -> None:
    text = "GET / HTTP/1.1\nHost: check.example\n\n" + get("check.example", "/success.txt")
    async with connected(world, "check.example", 80) as streams:
        assert (await asked_web(streams, text)).count(b"HTTP/1.1 ") == 2


async def test_server_closes_after_some_answers(folder: Path) -> None:
    fault = ClosingConnections(names=["web.telegram.org"], answers=2)
    world = build_world(folder, Scenario("test", "A test", faults=(fault,)), 1)
    text = "HEAD / HTTP/1.1\nHost: web.telegram.org\n\n" * 4
    async with connected(world, "web.telegram.org", 80) as streams:
        assert (await asked_web(streams, text)).count(b"HTTP/1.1 ") == 2


async def test_server_closes_after_some_time(folder: Path) -> None:
    fault = ClosingConnections(names=["web.telegram.org"], seconds=0.3)
    world = build_world(folder, Scenario("test", "A test", faults=(fault,)), 1)
    async with connected(world, "web.telegram.org", 80) as (reader, writer):
        began = asyncio.get_running_loop().time()
        writer.write(b"HEAD / HTTP/1.1\r\nHost: web.telegram.org\r\n\r\n")
        found = await asyncio.wait_for(reader.read(), 5.0)
        assert found.count(b"HTTP/1.1 ") == 1 and asyncio.get_running_loop().time() - began >= 0.25


async def test_server_resets_the_first_connections_of_a_client(folder: Path) -> None:
    fault = FirstReset(names=["web.telegram.org"], connections=2)
    world = build_world(folder, Scenario("test", "A test", faults=(fault,)), 1)
    for number in range(3):
        async with connected(world, "web.telegram.org", 80) as (reader, writer):
            writer.write(b"HEAD / HTTP/1.0\r\nHost: web.telegram.org\r\n\r\n")
            if number < 2:
                with pytest.raises(ConnectionResetError):
                    await asyncio.wait_for(reader.read(), 5.0)
            else:
                assert (await asyncio.wait_for(reader.read(), 5.0)).startswith(b"HTTP/1.1 ")


def test_first_connections_are_counted_by_client_and_address() -> None:
    resets = FirstResets(1, spares_helper=True)
    asked = [("192.0.2.1", "a"), ("192.0.2.1", "a"), ("192.0.2.1", "b"), ("192.0.2.2", "a"), (HELPER_V4, "a")]
    assert [resets.resets(*one) for one in asked] == [True, False, True, True, False]


@pytest.mark.parametrize("spares_helper", [True, False])
def test_odd_answer_has_its_location_and_may_spare_the_helper(folder: Path, spares_helper: bool) -> None:
    odd = OddAnswers(
        names=["web.telegram.org"], status=302, location="https://region.example/", spares_helper=spares_helper
    )
    world = build_world(folder, Scenario("test", "A test", faults=(odd,)), 1)
    server, request = host(world, "web.telegram.org"), Request("GET", "/", "web.telegram.org", b"", keep=False)
    user = answer(request, server, world, secure=True, client="192.0.2.1")
    assert (user.status, user.location) == (302, "https://region.example/")
    assert (answer(request, server, world, secure=True, client=HELPER_V4).status == 200) == spares_helper


@pytest.mark.parametrize("obfuscated", [False, True])
async def test_telegram_data_centre_echoes_the_nonce(world: World, obfuscated: bool) -> None:
    nonce = bytes(range(16))
    frame = mtproto.abridged(mtproto.request(nonce, 4 << 32))
    obfuscation = client_obfuscation()
    head, frame = (obfuscation.header, obfuscation.encrypt(frame)) if obfuscated else (mtproto.ABRIDGED, frame)
    async with connected(world, "149.154.175.50", 443) as (reader, writer):
        writer.write(head + frame[:5])
        await asyncio.sleep(0.01)
        writer.write(frame[5:])
        received, payload = b"", None
        while payload is None:
            data = await reader.read(1000)
            assert data
            received += obfuscation.decrypt(data) if obfuscated else data
            payload, _ = mtproto.read_abridged(received)
    assert mtproto.read_res_pq(payload).nonce == nonce


async def test_whatsapp_server_has_a_chain_to_the_root(world: World) -> None:
    ephemeral = noise.new_key()
    async with connected(world, "e1.whatsapp.net", 443) as (reader, writer):
        writer.write(noise.PROLOGUE + noise.frame(noise.client_hello(noise.public_of(ephemeral))))
        received, message = b"", None
        while message is None:
            data = await reader.read(1000)
            assert data
            received += data
            message, _ = noise.read_frame(received)
    opened = noise.open_server_hello(message, ephemeral)
    root = base64.b64decode("".join(world.noise.root_pem.splitlines()[1:-1]))
    check_chain(opened.payload, root, opened.static)
    with pytest.raises(ValueError):
        check_chain(opened.payload, noise.public_of(noise.new_key()), opened.static)


# -- DNS -------------------------------------------------------------------------------------------------------------


def ask(zone: Zone, name: str, kind: str, **more: Any) -> dns.message.Message:
    answered = zone.answer(dns.message.make_query(name, kind, **more).to_wire())
    assert answered is not None
    return dns.message.from_wire(answered)


def addresses(message: dns.message.Message) -> Sequence[str]:
    return [record.address for rrset in message.answer for record in rrset]


def test_resolver_answers_every_name_in_both_families(world: World) -> None:
    zone = Zone(world)
    for name, expected in world.zone.items():
        found = [*addresses(ask(zone, name, "A")), *addresses(ask(zone, name.upper(), "AAAA", use_edns=True))]
        assert found == expected
    assert addresses(ask(zone, "web.telegram.org", "TXT")) == []
    assert ask(zone, "web.telegram.org", "A", use_edns=True).edns == 0


def test_unknown_name_gets_nxdomain_and_non_resolver_gives_no_address(world: World) -> None:
    assert ask(Zone(world), "nobody.example.org", "A").rcode() == dns.rcode.NXDOMAIN
    dark = ask(Zone(world, resolves=False), "web.telegram.org", "A")
    assert dark.rcode() == dns.rcode.NOERROR
    assert not dark.answer
    assert [rrset.to_text().split()[0] for rrset in dark.authority] == ["org."]


@given(noise=st.binary(max_size=120))
def test_random_bytes_do_not_stop_the_resolver(noise: bytes) -> None:
    class Nothing:
        zone: dict[str, list[str]] = {}  # noqa: RUF012
        translator, translates_names = None, False

    Zone(Nothing()).answer(noise)  # type: ignore[arg-type]


async def test_resolver_ignores_noise_and_answers_a_query(world: World) -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Datagrams(Zone(world)), local_addr=("127.0.0.1", 0))
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.setblocking(False)
    with client, contextlib.closing(transport):
        client.connect(transport.get_extra_info("sockname"))
        for noise in (b"", b"nonsense", dns.message.make_query("web.telegram.org", "A").to_wire()):
            client.send(noise)
        answered = await asyncio.wait_for(loop.sock_recv(client, 512), 2)
    assert set(addresses(dns.message.from_wire(answered))) <= set(world.zone["web.telegram.org"])


async def test_dot_answers_several_queries(world: World) -> None:
    query = dns.message.make_query("web.telegram.org", "A").to_wire()
    frame = len(query).to_bytes(2, "big") + query
    name = "dns.quad.example"
    async with connected(world, "9.9.9.9", 853, ssl=trusting(world, "dot"), server_hostname=name) as (reader, writer):
        writer.write(frame + frame)
        for _ in range(2):
            answered = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
            assert set(addresses(dns.message.from_wire(answered))) <= set(world.zone["web.telegram.org"])


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_doh_answers_over_http2(world: World, method: str) -> None:
    query = dns.message.make_query("web.telegram.org", "AAAA", id=0).to_wire()
    name = "dns.quad.example"
    http = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
    http.initiate_connection()
    path = "/dns-query"
    if method == "GET":
        path += "?dns=" + base64.urlsafe_b64encode(query).decode().rstrip("=")
    headers = [(":method", method), (":scheme", "https"), (":authority", name), (":path", path)]
    http.send_headers(1, headers, end_stream=method == "GET")
    if method == "POST":
        http.send_data(1, query, end_stream=True)
    body, ended = b"", False
    async with connected(world, "9.9.9.9", 443, ssl=trusting(world, "h2"), server_hostname=name) as (reader, writer):
        while not ended:
            writer.write(http.data_to_send())
            for event in http.receive_data(await reader.read(65536)):
                body += event.data or b"" if isinstance(event, h2.events.DataReceived) else b""
                ended = ended or isinstance(event, h2.events.StreamEnded)
    assert addresses(dns.message.from_wire(body)) == [ip for ip in world.zone["web.telegram.org"] if ":" in ip]


# -- all ports, and the false helper ---------------------------------------------------------------------------------


def test_every_endpoint_has_a_listening_port(world: World) -> None:
    open_ = {(at.address, at.port) for at in stream_ports(world)} | {at[:2] for at in dns_ports(world)}
    for target in world.targets:
        for _, endpoint in target.endpoints() if target.retired is None else ():
            addresses = [endpoint.host] if endpoint.is_literal else world.zone[endpoint.host]
            assert {(address, endpoint.port) for address in addresses} <= open_
    assert ("198.41.0.4", 53) in open_


def test_false_helper_reports_that_everything_fails(world: World, folder: Path) -> None:
    status, document = false_answer(world, "failures", json.dumps({"target": "telegram"}).encode(), "192.0.2.1")
    assert status == 200
    assert document["preflight"] == {"ipv4": True, "ipv6": True, "udp": True}
    records = document["test_keys"]["x_transactions"]
    urls = {endpoint.url for _, endpoint in load_target(folder / "telegram.toml").endpoints()}
    assert {record["endpoint"] for record in records} == urls
    assert all(record["failure"] for record in records)
    assert len(document["test_keys"]["x_endpoints"]["tcp_connect"]) == len(records)
    assert false_answer(world, "failures", b"[", "192.0.2.1")[0] == 404
