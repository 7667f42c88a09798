"""Test that no route of the helper leads it to an address that it must not contact.

The helper listens on a Unix socket, so that every Internet socket of the process is one that a request caused.
"""

import asyncio
import ipaddress
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from probe.connectivity.endpoint import Reach
from probe.formats.failures import NOT_CONTACTED
from probe.formats.ooni_helper import BOGON
from probe.helper import HelperState, build, listening
from probe.helper import helper_measure as measuring
from probe.helper import state as helper_state
from probe.helper.query import RequestRefused, read_question
from probe.helper.state import MachineAddresses
from probe.helper.web_page import FetchedPage
from probe.resolution.lookup import Names
from probe.session.session import Session
from probe.session.trace import Trace
from probe.steps.connection import address_of
from probe.targets.address_guard import Contacts
from probe.targets.dialects import DIALECTS
from probe.targets.target import NeutralHosts, Service, Target, parse_endpoint
from tests.support.servers.loopback import Peer, serving
from tests.support.socket_recorder import SocketRecorder, recorded_sockets
from tests.support.special_addresses import METADATA, all_refused, any_prefix, embeddings

HOST, SITE = "chat.example", "93.184.216.34"
NEUTRAL = NeutralHosts(
    ("innocuous.example",), "no.invalid", (parse_endpoint("https://neutral.example:443/"),), (), None, "0"
)
LETTERS = "abcdefghijklmnopqrstuvwxyz"
AT_ONCE = 16  # addresses of one name
REFUSED = all_refused()
ODD = [  # hosts of a URL that lead to 127.0.0.1 or to a metadata service
    *("127.1", "2130706433", "0x7f.1", "0x7f000001", "017700000001", "0177.0.0.1", "127.0.0.1.", "127.0.0.1%20"),
    *("169.254.169.254.", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "[::ffff:169.254.169.254]"),
    *(
        "[::ffff:a9fe:a9fe]",
        "[0:0:0:0:0:ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::169.254.169.254]",
        "[fe80::1%25lo]",
    ),
    *(
        "user@169.254.169.254",
        "93.184.216.34@127.0.0.1",
        "user:93.184.216.34@[fec0::1]",
        "１２７.0.0.1",
        "127。0。0。1",
    ),
    *("localhost", "localhost.", "ip6-localhost", "metadata.google.internal", "①②⑦.0.0.1"),
]

Post = Callable[[str, Any], Any]


def target_of(*urls: str) -> Target:
    services = {"web": Service("web", "all", tuple(map(parse_endpoint, urls)))}
    return Target("chat", "endpoint_reachability", "Chat", "x", date(2026, 11, 24), services, "00")


def batches(addresses: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(addresses), size):
        yield list(addresses[start : start + size])


@asynccontextmanager
async def helper(folder: Path, *urls: str, lab: bool = False, own: Sequence[str] = ()) -> AsyncIterator[Post]:
    """Run a helper that measures `urls`. Yield a function that posts a document and returns the answer's document.

    `own` are the addresses of its machine's interfaces.
    """
    state = HelperState({"chat": target_of(*urls)}, NEUTRAL, target_of(), lab)
    state.machine = MachineAddresses(read=lambda: own)
    runner = web.AppRunner(build(state), access_log=None)
    await runner.setup()
    path = str(folder / "helper.sock")
    await web.UnixSite(runner, path).start()
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path)) as client:

        async def post(route: str, asked: Any) -> Any:
            async with client.post(f"http://helper{route}", json=asked) as response:
                answer = await response.json()
                assert response.status in {200, 400, 422}, (response.status, answer)
                assert response.status == 200 or list(answer) == ["error"]
                return answer

        try:
            yield post
        finally:
            await runner.cleanup()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Return a table of addresses by name, from which every lookup of the process is answered."""
    table: dict[str, list[str]] = {}

    def look_up(name: Any, port: Any, *_: Any, **__: Any) -> Any:
        host = name.decode() if isinstance(name, bytes) else str(name)
        found = table.get(host, ["127.0.0.1"])  # an odd spelling means this computer
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (ip, port or 0, 0, 0))
            if ":" in ip
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port or 0))
            for ip in found
        ]

    async def preflight(session: Session, roots: Any = None) -> None:
        session.preflight, session.ipv4, session.ipv6 = {"network": True}, True, True

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(measuring, "preflight", preflight)
    monkeypatch.setattr("probe.resolution.lookup.system_resolvers", list)
    monkeypatch.setattr("probe.helper.state.PER_MINUTE", 100_000)
    monkeypatch.setattr(helper_state, "CACHE_ENTRIES", 100_000)
    return table


@asynccontextmanager
async def public_site(monkeypatch: pytest.MonkeyPatch, answer: Callable[[str], str]) -> AsyncIterator[list[str]]:
    """Serve a site at SITE, every port. Yield the paths that were requested. All other connects stay as they are."""
    asked: list[str] = []

    async def handler(peer: Peer) -> None:
        head = (await peer.receive()).decode("latin-1")
        if head:  # otherwise only the connection was tried
            asked.append(head.split(" ")[1])
            await peer.send(answer(asked[-1]).encode())

    original = asyncio.SelectorEventLoop.sock_connect

    async def divert(self: Any, sock: socket.socket, address: Any) -> None:
        await original(self, sock, ("127.0.0.1", server.port) if address[0] == SITE else address)

    async with serving(handler) as server:
        monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_connect", divert)
        yield asked


def page(text: str, *headers: str) -> str:
    return "\r\n".join(["HTTP/1.1 200 OK", f"Content-Length: {len(text)}", *headers, "", text])


def to(location: str) -> str:
    return "\r\n".join(["HTTP/1.1 302 Found", f"Location: {location}", "Content-Length: 0", "", ""])


def flows(answer: Any) -> list[dict[str, Any]]:
    return [t for t in answer["test_keys"]["x_transactions"] if t["kind"] != "lookup"]


def assert_only_the_site(recorder: SocketRecorder, at_least: int) -> None:
    """Check that every connection led to the site, which is on this computer, and that nothing was sent elsewhere."""
    assert set(recorder.sent_to) == {"127.0.0.1"} and len(recorder.sent_to) >= at_least, recorder.sent_to
    assert set(recorder.made) == {socket.SOCK_STREAM}


def literal(ip: str) -> str:
    return f"[{ip}]" if ":" in ip else ip


# -- POST /v1/measure ----------------------------------------------------------------------------------------------


def test_given_address_and_literal_are_refused() -> None:
    targets = {"chat": target_of(f"https://{HOST}:443/")}
    for ip in REFUSED:
        for asked in ({"target": "chat", "addresses": {HOST: [ip]}}, {"url": f"http://{literal(ip)}/"}):
            with pytest.raises(RequestRefused) as refused:
                read_question(json.dumps(asked).encode(), targets, Contacts.PUBLIC)
            assert refused.value.status == 422, ip


@pytest.mark.parametrize("host", [host for host in ODD if host != "metadata.google.internal"])
async def test_odd_spelling_is_no_question(host: str, tmp_path: Path, names: dict[str, list[str]]) -> None:
    async with helper(tmp_path) as post:
        with recorded_sockets() as recorder:
            answer = await post("/v1/measure", {"url": f"http://{host}/"})
    assert recorder.made == [] and list(answer) == ["error"]


async def test_address_that_a_name_resolves_to_is_named_and_not_contacted(
    tmp_path: Path, names: dict[str, list[str]]
) -> None:
    seen: set[str] = set()
    async with helper(tmp_path, f"https://{HOST}:443/") as post:
        with recorded_sockets() as recorder:
            for number, batch in enumerate(batches(REFUSED, AT_ONCE)):
                names[host := f"page{number}.example"] = batch
                answer = await post("/v1/measure", {"url": f"https://{host}/"})
                assert {flow["failure"] for flow in flows(answer)} == {NOT_CONTACTED}
                assert answer["test_keys"]["x_bugs"] == []
                seen |= {flow["address"] for flow in flows(answer)}
    assert recorder.made == [] and seen == set(REFUSED)


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
async def test_no_dialect_contacts_a_refused_address(dialect: str, tmp_path: Path, names: dict[str, list[str]]) -> None:
    """Check target files that name an address, and names of targets, for TCP, UDP and QUIC."""
    scheme, transport = DIALECTS[dialect].scheme, DIALECTS[dialect].transport
    more = f";transport={transport}" if transport else "/"
    wrong = ["127.0.0.1", "169.254.169.254", "fec0::1", "64:ff9b::a9fe:a9fe", "fd00:ec2::254", "::1"]
    names["inner.example"] = wrong
    urls = [f"{scheme}://{host}:4433{more}" for host in [*map(literal, wrong), "inner.example"]]
    async with helper(tmp_path, *urls) as post:
        with recorded_sockets() as recorder:
            answer = await post("/v1/measure", {"target": "chat"})
    assert recorder.made == [] and answer["test_keys"]["x_bugs"] == []
    assert sorted(flow["address"] for flow in flows(answer)) == sorted(wrong * 2)
    assert {flow["failure"] for flow in flows(answer)} == {NOT_CONTACTED}


async def test_redirect_to_a_name_with_refused_addresses_is_named_and_not_followed(
    tmp_path: Path, names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[str] = set()
    async with (
        helper(tmp_path) as post,
        public_site(monkeypatch, lambda path: to(f"http://{path.strip('/')}.inner.example/")) as asked,
    ):
        with recorded_sockets() as recorder:
            for letters, batch in zip(product(LETTERS, LETTERS), batches(REFUSED, AT_ONCE), strict=False):
                names[HOST], names[f"{'.'.join(letters)}.inner.example"] = [SITE], batch
                answer = await post("/v1/measure", {"url": f"http://{HOST}/{'.'.join(letters)}"})
                first, *rest = flows(answer)
                assert (first["address"], first["failure"]) == (SITE, None)
                assert {flow["failure"] for flow in rest} == {NOT_CONTACTED}
                seen |= {flow["address"] for flow in rest}
    assert_only_the_site(recorder, len(asked))
    assert seen == set(REFUSED) and len(asked) == len(list(batches(REFUSED, AT_ONCE)))


@pytest.mark.parametrize("location", [*(f"http://{host}/" for host in ODD), "//169.254.169.254/", "file:///etc/passwd"])
async def test_redirect_to_a_literal_or_odd_spelling_is_not_followed(
    location: str, tmp_path: Path, names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    names[HOST], names["metadata.google.internal"] = [SITE], ["169.254.169.254"]
    async with helper(tmp_path) as post, public_site(monkeypatch, lambda path: to(location)) as asked:
        with recorded_sockets() as recorder:
            answer = await post("/v1/measure", {"url": f"http://{HOST}/"})
            found = await post("/", {"http_request": f"http://{HOST}:80/"})
    assert_only_the_site(recorder, len(asked))
    assert {flow["failure"] for flow in flows(answer)} <= {None, NOT_CONTACTED}
    assert found["http_request"]["failure"] == "unknown_error" and found["http_request"]["status_code"] == -1


async def test_public_address_is_measured_beside_a_refused_one(
    tmp_path: Path, names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    names[HOST] = ["10.0.0.1", SITE, "fec0::1"]
    async with helper(tmp_path) as post, public_site(monkeypatch, lambda path: page("hello")) as asked:
        with recorded_sockets() as recorder:
            answer = await post("/v1/measure", {"url": f"http://{HOST}/"})
            found = await post("/", {"http_request": f"http://{HOST}:80/", "tcp_connect": ["192.168.0.1:80"]})
    assert {flow["address"]: flow["failure"] for flow in flows(answer)} == {
        SITE: None,
        "10.0.0.1": NOT_CONTACTED,
        "fec0::1": NOT_CONTACTED,
    }
    assert found["http_request"]["status_code"] == 200 and found["http_request"]["body_length"] == 5
    assert_only_the_site(recorder, len(asked))


async def test_one_address_of_a_name_is_a_public_one(
    tmp_path: Path, names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Check nettests that try only the lowest address: a refused one must not take the public one's place."""
    names[HOST] = ["10.0.0.1", SITE]
    target = target_of(f"http://{HOST}:80/")
    async with public_site(monkeypatch, lambda path: page("hello")):
        state = HelperState({"chat": target}, NEUTRAL, target_of())
        session = state.session()
        session.preflight = {"network": True}
        trace = Trace()
        looked_up = Names(trace, session)
        await Reach(trace, session, looked_up, state.roots).services(target, ["web"], one_address=True)
        await looked_up.finish()
    assert [t.address for t in trace.transactions if t.kind == "first"] == [SITE]


# -- POST / (OONI's protocol) --------------------------------------------------------------------------------------


def assert_marked(answer: Any, addresses: Iterable[str]) -> None:
    """Check that the answer lists every address as one that was not contacted, with nothing from there."""
    assert {ip for ip, about in answer["ip_info"].items() if about["flags"] & BOGON} == set(addresses)
    assert answer["tcp_connect"] == answer["tls_handshake"] == answer["quic_handshake"] == {}
    request = answer["http_request"]
    assert (request["failure"], request["status_code"], request["title"], request["headers"]) == (
        "unknown_error", -1, "", {},
    )  # fmt: skip


async def test_listed_endpoint_is_marked_and_not_contacted(tmp_path: Path, names: dict[str, list[str]]) -> None:
    async with helper(tmp_path) as post:
        with recorded_sockets() as recorder:
            for batch in batches(REFUSED, 64):
                endpoints = [address_of(ip, 443) for ip in batch]
                asked = {"http_request": "https://127.0.0.1/", "tcp_connect": endpoints, "x_quic_enabled": True}
                assert_marked(await post("/", asked), batch)
    assert recorder.made == []


async def test_sockets_refuse_what_the_list_lets_pass(
    tmp_path: Path, names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Check that the route does not depend on its own list: TCP, TLS and QUIC ask the guard again."""

    async def fetched(*_: Any, **__: Any) -> FetchedPage:
        return FetchedPage(status=200, length=0, h3="chat.example:443")

    monkeypatch.setattr("probe.helper.ooni_measure.may_contact", lambda address, contacts: True)
    monkeypatch.setattr("probe.helper.ooni_measure.fetch", fetched)
    names[HOST] = ["169.254.169.254", "fec0::1", "127.0.0.1"]
    async with helper(tmp_path) as post:
        with recorded_sockets() as recorder:
            answer = await post("/", {"http_request": f"https://{HOST}/", "x_quic_enabled": True})
    assert recorder.made == [] and set(answer["ip_info"]) == set(names[HOST])
    assert answer["tcp_connect"] == answer["tls_handshake"] == answer["quic_handshake"] == {}


async def test_address_that_a_url_resolves_to_is_marked_and_not_contacted(
    tmp_path: Path, names: dict[str, list[str]]
) -> None:
    async with helper(tmp_path) as post:
        with recorded_sockets() as recorder:
            for number, batch in enumerate(batches(REFUSED, AT_ONCE)):
                names[host := f"page{number}.example"] = batch
                assert_marked(await post("/", {"http_request": f"http://{host}/", "x_quic_enabled": True}), batch)
    assert recorder.made == []


@pytest.mark.parametrize("host", ODD)
async def test_odd_spelling_in_a_url_is_not_contacted(host: str, tmp_path: Path, names: dict[str, list[str]]) -> None:
    names["metadata.google.internal"] = ["169.254.169.254"]
    async with helper(tmp_path) as post:
        with recorded_sockets() as recorder:
            answer = await post("/", {"http_request": f"http://{host}/", "tcp_connect": [f"{host}:80"]})
    assert recorder.made == []
    assert "error" in answer or answer["http_request"]["failure"] == "unknown_error"


async def test_redirect_of_a_page_to_a_refused_address_is_not_followed(
    tmp_path: Path, names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Check names with every address, and literals of every block."""
    literals = [ip for ip in REFUSED if ":" not in ip] + METADATA + list(embeddings("127.0.0.1").values())
    groups = [*batches(REFUSED, AT_ONCE), *([ip] for ip in literals)]
    hosts = [f"inner{n}.example" if len(group) > 1 else literal(group[0]) for n, group in enumerate(groups)]
    names.update(zip(hosts, groups, strict=True))
    async with (
        helper(tmp_path) as post,
        public_site(monkeypatch, lambda path: to(f"http://{hosts[int(path.strip('/'))]}/")) as asked,
    ):
        with recorded_sockets() as recorder:
            for number in range(len(groups)):
                names[HOST] = [SITE]
                found = (await post("/", {"http_request": f"http://{HOST}:80/{number}"}))["http_request"]
                assert (found["failure"], found["status_code"], found["body_length"]) == ("unknown_error", -1, -1)
    assert len(asked) == len(groups)
    assert_only_the_site(recorder, len(groups))


async def test_http3_offer_leads_to_no_refused_address(
    tmp_path: Path, names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    names[HOST] = [SITE, "169.254.169.254", "64:ff9b::a9fe:a9fe"]
    offer = 'Alt-Svc: h3="169.254.169.254:443"'
    async with helper(tmp_path) as post, public_site(monkeypatch, lambda path: page("hello", offer)):
        with recorded_sockets() as recorder:
            answer = await post("/", {"http_request": f"http://{HOST}:80/", "x_quic_enabled": True})
    assert answer["quic_handshake"] == {} and set(recorder.sent_to) == {"127.0.0.1"}


# -- the helper's own machine -------------------------------------------------------------------------------------

OWN_V4, OWN_V6 = "93.184.216.35", "2606:2800:220:1::35"
OWN = [OWN_V4, OWN_V6]
LEADS_BACK = [*OWN, *embeddings(OWN_V4).values(), *any_prefix(OWN_V4)]


async def test_own_address_is_no_question_and_no_answer_of_a_name(tmp_path: Path, names: dict[str, list[str]]) -> None:
    async with helper(tmp_path, f"https://{HOST}:443/", own=OWN) as post:
        with recorded_sockets() as recorder:
            for ip in LEADS_BACK:
                assert "error" in await post("/v1/measure", {"target": "chat", "addresses": {HOST: [ip]}}), ip
            for number, batch in enumerate(batches(LEADS_BACK, AT_ONCE)):
                names[host := f"page{number}.example"] = batch
                answer = await post("/v1/measure", {"url": f"https://{host}/"})
                assert {flow["address"]: flow["failure"] for flow in flows(answer)} == dict.fromkeys(
                    batch, NOT_CONTACTED
                )
            literals = [ip for ip in OWN for _ in await asyncio.gather(post("/v1/measure", {"url": url_of(ip)}))]
    assert recorder.made == [] and literals == OWN


async def test_own_address_is_marked_and_not_contacted_for_oonis_probe(
    tmp_path: Path, names: dict[str, list[str]]
) -> None:
    async with helper(tmp_path, own=OWN) as post:
        with recorded_sockets() as recorder:
            for ip in OWN:
                asked = {"http_request": url_of(ip), "tcp_connect": [address_of(ip, 443)], "x_quic_enabled": True}
                assert_marked(await post("/", asked), [ip])
            for number, batch in enumerate(batches(LEADS_BACK, AT_ONCE)):
                names[host := f"page{number}.example"] = batch
                assert_marked(await post("/", {"http_request": f"http://{host}/"}), batch)
    assert recorder.made == []


@pytest.mark.parametrize("own", OWN)
async def test_redirect_to_own_address_is_not_followed(
    own: str, tmp_path: Path, names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    names[HOST], names["inner.example"] = [SITE], [own]
    for location in (url_of(own), "http://inner.example/"):
        async with (
            helper(tmp_path, own=OWN) as post,
            public_site(monkeypatch, lambda path, to_own=location: to(to_own)) as asked,
        ):
            with recorded_sockets() as recorder:
                answer = await post("/v1/measure", {"url": f"http://{HOST}/"})
                found = await post("/", {"http_request": f"http://{HOST}:80/"})
        assert_only_the_site(recorder, len(asked))
        assert {flow["failure"] for flow in flows(answer) if flow["address"] != SITE} <= {NOT_CONTACTED}
        assert found["http_request"]["failure"] == "unknown_error"


async def test_address_at_which_a_client_came_in_is_not_contacted(names: dict[str, list[str]]) -> None:
    """Check an address that no interface has: the kernel can take a whole prefix for its own."""
    state = HelperState({"chat": target_of()}, NEUTRAL, target_of())
    state.machine = MachineAddresses(read=lambda: ())
    async with listening(state, "127.0.0.1", 0) as port, aiohttp.ClientSession() as client:
        assert not state.machine.includes(ipaddress.ip_address("127.0.0.1"))
        for route in ("/v1/measure", "/"):
            state.machine = MachineAddresses(read=lambda: ())
            async with client.post(f"http://127.0.0.1:{port}{route}", json={}) as response:
                assert response.status in {400, 404}
            assert state.machine.includes(ipaddress.ip_address("127.0.0.1")), route


def url_of(ip: str) -> str:
    return f"http://{literal(ip)}/"


# -- the lab -------------------------------------------------------------------------------------------------------


async def test_helper_in_the_lab_contacts_private_addresses_and_no_metadata_service(
    tmp_path: Path, names: dict[str, list[str]]
) -> None:
    names[HOST] = ["127.0.0.1", "169.254.169.254", "100.100.100.200", "224.0.0.1", "0.0.0.0"]
    async with helper(tmp_path, f"tcp://{HOST}:9", lab=True) as post:
        with recorded_sockets() as recorder:
            answer = await post("/v1/measure", {"target": "chat"})
    assert recorder.sent_to == ["127.0.0.1"]
    refused = {flow["address"] for flow in flows(answer) if flow["failure"] == NOT_CONTACTED}
    assert refused == set(names[HOST]) - {"127.0.0.1"}
