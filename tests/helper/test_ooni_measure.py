"""Test the helper with a client written from the description of OONI's protocol, not with our own control."""

import asyncio
import ipaddress
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from probe.formats import ooni_helper as testhelper
from probe.helper import HelperState, client_admission, listening
from probe.helper import ooni_measure as oonimeasuring
from probe.helper import web_page as page
from probe.helper.ooni_request import read_request
from probe.helper.query import RequestRefused
from probe.targets.address_guard import Contacts, may_contact
from probe.targets.target import NeutralHosts, Service, Target, parse_endpoint
from tests.support.servers.authority import issue

ENDPOINTS = (parse_endpoint("https://chat.example:443/"),)
CHAT = Target(
    "chat", "endpoint_reachability", "Chat", "x", date(2026, 11, 24), {"web": Service("web", "all", ENDPOINTS)}, "00"
)
NEUTRAL = NeutralHosts(("harmless.example",), "no.invalid", ENDPOINTS, (), None, "00")
HEADERS = {"Accept": ["*/*"], "Accept-Language": ["en"], "User-Agent": ["Mozilla/5.0"]}
FIELDS = {"tcp_connect", "tls_handshake", "quic_handshake", "http_request", "http3_request", "dns", "ip_info"}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Client:
    """Act as OONI's probe towards the helper."""

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self._session, self._base = session, base

    async def post(self, body: Any) -> tuple[int, Any, Any]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = {"Content-Type": "application/json"}
        async with self._session.post(self._base + "/", data=raw, headers=kind) as response:
            return response.status, await response.json(), response.headers

    async def measure(self, url: str, endpoints: list[str], *, quic: bool = False) -> dict[str, Any]:
        asked = {
            "http_request": url,
            "http_request_headers": HEADERS,
            "tcp_connect": endpoints,
            "x_quic_enabled": quic,
        }
        status, document, _ = await self.post(asked)
        assert status == 200, document
        assert set(document) == FIELDS
        return document  # type: ignore[no-any-return]


def new_admission(*, lab: bool = True, **more: Any) -> HelperState:
    return HelperState({"chat": CHAT}, NEUTRAL, CHAT, lab, **more)


@asynccontextmanager
async def oohelperd(table: HelperState) -> AsyncIterator[Client]:
    async with listening(table, "127.0.0.1", 0) as port, aiohttp.ClientSession() as session:
        yield Client(session, f"http://127.0.0.1:{port}")


@asynccontextmanager
async def site(handler: Handler, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve a web site on 127.0.0.1 and yield its port."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield int(runner.addresses[0][1])
    await runner.cleanup()


async def hello(request: web.Request) -> web.Response:
    if request.path == "/away":
        raise web.HTTPFound("/")
    sent = {name: request.headers.get(name, "") for name in ("Accept", "Accept-Language", "User-Agent")}
    body = f"<TITLE>An example</TITLE>{json.dumps(sent)}"
    return web.Response(text=body, content_type="text/html", headers={"Alt-Svc": 'h3=":443"; ma=3600', "X-One": "1"})


def unused_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


# -- what it answers -----------------------------------------------------------------------------------------------


async def test_get_request_returns_greeting() -> None:
    async with oohelperd(new_admission()) as client, client._session.get(client._base + "/") as response:
        assert (response.status, await response.json()) == (200, {"message": "Hello OONItarian!"})


async def test_working_site_is_measured() -> None:
    async with site(hello) as port, oohelperd(new_admission(asn_of=lambda ip: 64511)) as client:
        found = await client.measure(f"http://localhost:{port}/", [f"127.0.0.1:{port}"])
    assert found["tcp_connect"][f"127.0.0.1:{port}"] == {"status": True, "failure": None}
    assert found["tls_handshake"] == {} and found["quic_handshake"] == {} and found["http3_request"] is None
    assert found["dns"]["failure"] is None and "127.0.0.1" in found["dns"]["addrs"]
    assert found["ip_info"]["127.0.0.1"] == {"asn": 64511, "flags": 1 + 2}
    answer = found["http_request"]
    assert (answer["failure"], answer["status_code"], answer["title"]) == (None, 200, "An example")
    assert answer["headers"]["X-One"] == "1" and answer["discovered_h3_endpoint"] == "localhost:443"
    sent = '{"Accept": "*/*", "Accept-Language": "en", "User-Agent": "Mozilla/5.0"}'
    assert answer["body_length"] == len("<TITLE>An example</TITLE>" + sent)


async def test_redirect_is_followed() -> None:
    async with site(hello) as port, oohelperd(new_admission()) as client:
        found = await client.measure(f"http://127.0.0.1:{port}/away", [])
    assert (found["http_request"]["status_code"], found["http_request"]["title"]) == (200, "An example")
    assert found["dns"] == {"failure": None, "addrs": []} and found["tcp_connect"] == {}


async def test_closed_port_and_missing_name_have_their_failures() -> None:
    port = unused_port()
    async with oohelperd(new_admission()) as client:
        refused = await client.measure(f"http://127.0.0.1:{port}/", [f"127.0.0.1:{port}", f"[::1]:{port}", "junk"])
    expected = {"status": False, "failure": "connection_refused_error"}
    assert refused["tcp_connect"][f"127.0.0.1:{port}"] == expected
    assert refused["http_request"] == {
        "body_length": -1,
        "discovered_h3_endpoint": "",
        "failure": "connection_refused_error",
        "title": "",
        "headers": {},
        "status_code": -1,
    }


async def test_unresolvable_name_has_its_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such_name(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "no")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    page_failure: list[str] = []

    async def lookup_fails(url: URL, headers: Any, **_: Any) -> page.FetchedPage:
        page_failure.append(str(url))
        return page.FetchedPage(failure="dns_nxdomain_error")

    monkeypatch.setattr(oonimeasuring, "fetch", lookup_fails)
    request = read_request(json.dumps({"http_request": "https://nobody.example/"}).encode())
    found = await oonimeasuring.measure_url(new_admission(), request)
    assert found["dns"] == {"failure": "dns_name_error", "addrs": []} and page_failure == ["https://nobody.example/"]
    assert found["http_request"]["failure"] == "dns_lookup_error"


@pytest.mark.parametrize(
    ("ours", "dns", "tcp", "http"),
    [
        (None, None, None, None),
        ("dns_no_answer", None, "connect_error", "dns_lookup_error"),
        ("dns_nxdomain_error", "dns_name_error", "connect_error", "dns_lookup_error"),
        ("dns_refused_error", "dns_server_failure", "connect_error", "dns_lookup_error"),
        ("dns_servfail_error", "unknown_error", "connect_error", "dns_lookup_error"),
        ("generic_timeout_error", "unknown_error", "generic_timeout_error", "generic_timeout_error"),
        ("timed_out", "unknown_error", "generic_timeout_error", "generic_timeout_error"),
        ("connection_refused", "unknown_error", "connection_refused_error", "connection_refused_error"),
        ("connection_reset", "unknown_error", "connect_error", "unknown_error"),
    ],
)
def test_failures_have_old_names_of_ooni(ours: str | None, dns: str | None, tcp: str | None, http: str | None) -> None:
    found = (testhelper.said_of_dns(ours), testhelper.said_of_tcp(ours), testhelper.said_of_http(ours))
    assert found == (dns, tcp, http)


async def test_tls_is_tried_at_its_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check TLS at a port that stands for 443, which the tests may not bind."""
    root, other = issue("Root", authority=True), issue("Other", authority=True)
    leaf = issue("127.0.0.1", root)
    (tmp_path / "roots.pem").write_bytes(root.pem)
    (tmp_path / "others.pem").write_bytes(other.pem)
    async with site(hello, leaf.server_context()) as port:
        monkeypatch.setattr(oonimeasuring, "TLS_PORT", port)
        results = {}
        for roots in ("roots.pem", "others.pem"):
            async with oohelperd(new_admission(public_roots=str(tmp_path / roots))) as client:
                results[roots] = await client.measure(f"https://127.0.0.1:{port}/", [f"127.0.0.1:{port}"])
    good, bad = results["roots.pem"], results["others.pem"]
    key, name = f"127.0.0.1:{port}", {"server_name": "127.0.0.1"}
    assert good["tls_handshake"] == {key: name | {"status": True, "failure": None}}
    assert good["ip_info"]["127.0.0.1"]["flags"] == 1 + 8 and good["http_request"]["status_code"] == 200
    assert bad["tls_handshake"] == {key: name | {"status": False, "failure": "ssl_unknown_authority"}}
    assert bad["ip_info"]["127.0.0.1"]["flags"] == 1 and bad["http_request"]["failure"] == "unknown_error"


@pytest.mark.parametrize(
    ("url", "ports"),
    [
        ("https://chat.example/", (443,)),
        ("http://chat.example/", (80, 443)),
        ("http://chat.example:8080/", (8080,)),
        ("https://[2a01::1]:8443/", (8443,)),
    ],
)
def test_ports_come_from_url(url: str, ports: tuple[int, ...]) -> None:
    assert read_request(json.dumps({"http_request": url}).encode()).ports == ports


def test_names_are_converted_to_ascii() -> None:
    asked = read_request(json.dumps({"http_request": "http://bücher.example/ü?ä"}).encode())
    assert (asked.host, str(asked.url)) == ("xn--bcher-kva.example", "http://xn--bcher-kva.example/%C3%BC?%C3%A4")


@pytest.mark.parametrize(
    ("value", "offered"),
    [
        ('h3=":443"; ma=3600', "chat.example:443"),
        ('h2=":443", h3="alt.example:8443"', "alt.example:8443"),
        ('h3-29=":443"', ""),
        ("clear", ""),
    ],
)
def test_http3_offer_is_read_from_header(value: str, offered: str) -> None:
    assert page.offered_h3(value, "chat.example") == offered


async def test_quic_is_tried_if_requested_and_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fetched(*_: Any, **__: Any) -> page.FetchedPage:
        return page.FetchedPage(status=200, length=0, h3="chat.example:443")

    monkeypatch.setattr(oonimeasuring, "fetch", fetched)
    monkeypatch.setattr(oonimeasuring, "TLS_SECONDS", 0.3)
    async with oohelperd(new_admission()) as client:
        plain = await client.measure("https://127.0.0.1/", ["127.0.0.1:443"])
        asked = await client.measure("https://127.0.0.1/", ["127.0.0.1:443"], quic=True)
    assert plain["quic_handshake"] == {}
    (handshake,) = asked["quic_handshake"].values()
    assert handshake["server_name"] == "127.0.0.1" and handshake["status"] is False and handshake["failure"]


# -- what it refuses -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    [
        b"{",
        b"[]",
        b"\xff",
        b"[" * 60_000,
        {},
        {"http_request": 7},
        {"http_request": ""},
        {"http_request": "ftp://chat.example/"},
        {"http_request": "//chat.example/"},
        {"http_request": "https://"},
        {"http_request": "https://user:secret@chat.example/"},
        {"http_request": "https://chat.example:0/"},
        {"http_request": "https://chat.example:99999/"},
        {"http_request": "https://" + "a" * 64 + ".example/"},
        {"http_request": "https://a..example/"},
        {"http_request": "https://[fe80::1%25eth0]/"},
        {"http_request": "https://chat.example/" + "a" * 3000},
        {"http_request": "https://chat.example/\ud800"},
        {"http_request": "https://chat\ud800.example/"},
        {"http_request": "https://chat.example/", "tcp_connect": "1.1.1.1:443"},
        {"http_request": "https://chat.example/", "tcp_connect": [1]},
        {"http_request": "https://chat.example/", "tcp_connect": ["1.1.1.1:443"] * 65},
        {"http_request": "https://chat.example/", "http_request_headers": []},
        {"http_request": "https://chat.example/", "http_request_headers": {"Accept": "*/*"}},
        {"http_request": "https://chat.example/", "http_request_headers": {"Accept": ["a\r\nHost: b"]}},
        {"http_request": "https://chat.example/", "x_quic_enabled": "yes"},
    ],
)
async def test_invalid_request_gets_one_message(asked: Any) -> None:
    async with oohelperd(new_admission()) as client:
        status, document, _ = await client.post(asked)
    assert status == 400 and list(document) == ["error"] and "\n" not in document["error"]


def test_only_three_headers_are_forwarded() -> None:
    given = {"accept": ["*/*"], "Cookie": ["a=b"], "Host": ["other.example"], "X-Forwarded-For": ["1.1.1.1"]}
    asked = {"http_request": "https://chat.example/", "http_request_headers": given}
    assert read_request(json.dumps(asked).encode()).headers == (("accept", "*/*"),)


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect every address that this process connects or sends to. None succeeds."""
    seen: list[str] = []

    async def no_connect(self: Any, sock: socket.socket, address: Any) -> None:
        seen.append(address[0])
        raise ConnectionRefusedError(111, "no")

    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_connect", no_connect)
    return seen


PRIVATE = [
    *("127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"),
    *("255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"),
    "2002:a00:1::",
]


@pytest.mark.parametrize("ip", PRIVATE)
async def test_private_address_is_reported_and_not_contacted(ip: str, connected: list[str]) -> None:
    host = f"[{ip}]" if ":" in ip else ip
    asked = {"http_request": f"http://{host}:80/", "tcp_connect": [f"{host}:80"]}
    found = await oonimeasuring.measure_url(new_admission(lab=False), read_request(json.dumps(asked).encode()))
    assert connected == [] and found["tcp_connect"] == {} and found["ip_info"][ip]["flags"] == 1 + 4
    assert found["http_request"]["failure"] == "unknown_error"


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.1", "017700000001", "localhost", "name.example"])
async def test_name_with_private_address_is_not_contacted(
    host: str, connected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve_to_private(name: str, port: Any, *_: Any, **__: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port or 0))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve_to_private)
    request = read_request(json.dumps({"http_request": f"http://{host}:80/"}).encode())
    found = await oonimeasuring.measure_url(new_admission(lab=False), request)
    assert connected == [] and found["tcp_connect"] == {} and found["http_request"]["failure"] == "unknown_error"


@pytest.mark.parametrize("to", ["127.0.0.2", "127.2", "2130706434", "localhost", "[::1]", "169.254.169.254"])
async def test_redirect_to_private_address_is_not_followed(to: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow the first site as if it were public. Its redirect leads to a private address."""
    asked: list[str] = []

    async def away(request: web.Request) -> web.Response:
        asked.append(request.host)
        raise web.HTTPFound(f"http://{to}:{request.url.port}/inside")

    def only_the_first(ip: str, contacts: Contacts) -> bool:
        return ip == "127.0.0.1" and len(asked) == 0

    monkeypatch.setattr("probe.steps.sockets.may_contact", only_the_first)

    async with site(away) as port:
        found = await page.fetch(
            URL(f"http://127.0.0.1:{port}/"), {}, roots=new_admission().roots, contacts=Contacts.PUBLIC
        )
    assert asked == [f"127.0.0.1:{port}"] and found.written()["failure"] == "unknown_error"
    spelled_oddly = to in {"127.2", "2130706434"}  # aiohttp takes no such name
    assert found.failure == f"unknown_failure: {'InvalidUrlClientError' if spelled_oddly else 'address not contacted'}"


async def test_endless_body_is_counted_up_to_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b" " * 65536)
        except ConnectionError:
            return response

    monkeypatch.setattr(page, "LONGEST_BODY", 300_000)
    async with site(endless) as port:
        found = await page.fetch(
            URL(f"http://127.0.0.1:{port}/"), {}, roots=new_admission().roots, contacts=Contacts.TARGETS
        )
    assert (found.failure, found.length) == (None, 300_000)


async def test_circular_redirects_and_silence_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async def circle(request: web.Request) -> web.Response:
        if request.path == "/silent":
            await asyncio.sleep(5)
        raise web.HTTPFound(f"/{int(request.path[1:] or 0) + 1}")

    monkeypatch.setattr(page, "SECONDS", 0.5)
    async with site(circle) as port:
        base, roots = f"http://127.0.0.1:{port}", new_admission().roots
        found = [
            await page.fetch(URL(base + path), {}, roots=roots, contacts=Contacts.TARGETS) for path in ("/0", "/silent")
        ]
    assert [one.written()["failure"] for one in found] == ["unknown_error", "generic_timeout_error"]


async def test_unfinished_part_is_omitted(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(request: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    monkeypatch.setattr(oonimeasuring, "ANSWER_WITHIN", 0.5)
    async with site(silent) as port, oohelperd(new_admission()) as client:
        found = await client.measure(f"http://127.0.0.1:{port}/", [f"127.0.0.1:{port}"])
    assert found["tcp_connect"][f"127.0.0.1:{port}"]["status"]
    assert (found["http_request"]["failure"], found["http_request"]["status_code"]) == ("generic_timeout_error", -1)


async def test_too_many_requests_get_retry_after(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"http_request": f"http://127.0.0.1:{unused_port()}/"}
    monkeypatch.setattr(client_admission, "WAIT_SECONDS", 0.0)
    monkeypatch.setattr("probe.helper.state.PER_MINUTE", 2)
    async with oohelperd(new_admission(slots=client_admission.MeasurementSlots(0))) as client:
        got = [await client.post(asked) for _ in range(3)]
    assert [status for status, _, _ in got] == [503, 503, 429]
    assert all(headers["Retry-After"].isdigit() for _, _, headers in got)


async def test_same_request_is_measured_each_time() -> None:
    asked: list[str] = []

    async def count(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response()

    async with site(count) as port, oohelperd(new_admission()) as client:
        first, second = [await client.measure(f"http://127.0.0.1:{port}/", []) for _ in range(2)]
    assert first == second and asked == ["/", "/"]


# -- anything at all -----------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
HOSTS = st.sampled_from([*PRIVATE, "localhost", "127.1", "a.b", "\u2024", "xn--", "[", "%00", "a b"]) | st.text(
    max_size=6
)
URLS = st.builds(
    lambda scheme, host, port, path: f"{scheme}://{f'[{host}]' if ':' in host else host}{port}/{path}",
    st.sampled_from(["http", "https", "HTTP", "file", ""]),
    HOSTS,
    st.sampled_from(["", ":80", ":0", ":-1", ":65536", ":²"]),
    st.text(max_size=6),
)
NEARLY = st.fixed_dictionaries(
    {"http_request": URLS | JSON},
    optional={
        "tcp_connect": st.lists(HOSTS.map(lambda host: f"{host}:80") | JSON, max_size=70) | JSON,
        "http_request_headers": st.dictionaries(st.sampled_from(["Accept", "b"]), st.lists(st.text(max_size=9))) | JSON,
        "x_quic_enabled": JSON,
    },
)
RAW = st.binary(max_size=200) | (JSON | NEARLY).map(lambda value: json.dumps(value).encode())
DEEP = st.integers(1, 30_000).map(lambda depth: b"[" * depth) | st.integers(1, 9_000).map(lambda n: b'{"a":' * n)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(st.lists(RAW | DEEP, min_size=1, max_size=5))
def test_no_request_causes_error_or_private_connection(
    connected: list[str], monkeypatch: pytest.MonkeyPatch, bodies: list[bytes]
) -> None:
    """Check that there is no 5xx except 503 with Retry-After, and no connection to a private address."""

    def resolve_to_private(name: Any, port: Any, *_: Any, **__: Any) -> Any:
        str(name).encode("idna")  # as the real function does
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", port or 0)),
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port or 0, 0, 0)),
        ]

    async def ask() -> None:
        for raw in bodies:
            try:
                request = read_request(raw)
            except RequestRefused as refused:
                assert refused.status == 400
                continue
            table = new_admission(lab=False)
            answer = await oonimeasuring.measure_url(table, request)
            assert set(answer) == FIELDS and json.dumps(answer, allow_nan=False)
            assert all(ipaddress.ip_address(ip).is_global and may_contact(ip, Contacts.PUBLIC) for ip in connected)

    monkeypatch.setattr(socket, "getaddrinfo", resolve_to_private)
    asyncio.run(ask())


@settings(deadline=None, max_examples=25)
@given(st.lists(RAW | DEEP, min_size=5, max_size=30))
def test_every_refusal_over_http_has_message(bodies: list[bytes]) -> None:
    async def ask() -> None:
        async with oohelperd(new_admission(lab=False)) as client:
            for raw in bodies:
                if b"http" in raw.lower():
                    continue  # it may name a public host, which the test before covers
                status, document, headers = await client.post(raw)
                assert status < 500 or (status == 503 and headers["Retry-After"].isdigit())
                assert status == 200 or list(document) == ["error"]

    asyncio.run(ask())
