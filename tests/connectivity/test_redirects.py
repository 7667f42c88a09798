"""Test how the redirects of a web address are followed: cookies, limits, and which texts of a server are recorded."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from probe.connectivity.redirects import MOST_REDIRECTS, SAME_HOST, shown_path
from probe.run.measure import measure
from probe.run.measurement_keys import Measured
from probe.targets.address_guard import Contacts
from probe.targets.url_lists import web_target
from tests.support.ooni.checker import problems
from tests.support.servers.loopback import Peer, serving
from tests.support.world import INNOCUOUS, World

IP, ANOTHER = "127.0.1.1", "127.0.1.2"
Site = Callable[["Asked"], bytes]


@dataclass(frozen=True)
class Asked:
    host: str
    path: str
    cookie: str
    port: int

    def url(self, host: str, path: str = "/") -> str:
        return f"http://{host}:{self.port}{path}"


@dataclass
class Server:
    """Represent a web server over clear-text HTTP. `asked` holds the requests for its own names."""

    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        """Return what was asked for, in order and without repetitions. A redirect to another site is confirmed."""
        return list(dict.fromkeys(f"{one.host}{one.path}" for one in self.asked))


def to(location: str, status: int = 302, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Moved", f"Location: {location}", "Content-Length: 0", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def page(title: str = "A page", *headers: str) -> bytes:
    body = f"<title>{title}</title>".encode()
    lines = ["HTTP/1.1 200 OK", "X-Rare: yes", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    made.install(monkeypatch)
    monkeypatch.setattr("probe.connectivity.endpoint.may_contact", lambda address, contacts: True)
    return made


@asynccontextmanager
async def site(answer: Site, ip: str = IP, port: int = 0) -> AsyncIterator[Server]:
    known = Server()

    async def handler(peer: Peer) -> None:
        head = (await peer.receive()).decode("latin-1")
        lines = head.split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        asked = Asked(fields["host"].split(":")[0], lines[0].split(" ")[1], fields.get("cookie", ""), known.port)
        if asked.host == INNOCUOUS:
            await peer.send(page())
            return
        known.asked.append(asked)
        known.heads.append(head)
        await peer.send(answer(asked))

    async with serving(handler, ip, port) as server:
        known.port = server.port
        yield known


async def fetched(
    world: World, server: Server, path: str = "/", *, host: str = "a.example", by_stranger: bool = False
) -> Measured:
    for name in ("a.example", "b.example", "c.example"):
        world.system[name] = [IP]
        assert world.encrypted is not None
        world.encrypted[name] = [IP]
    target = replace(web_target(f"http://{host}:{server.port}{path}"), by_stranger=by_stranger)
    return await asyncio.wait_for(measure(target, world.session, roots=world.roots), 60)


def urls(measured: Measured) -> list[str]:
    return [entry["request"]["url"] for entry in measured.test_keys["requests"]]


async def test_page_is_asked_for_once_and_every_address_is_tried(world: World) -> None:
    async with site(lambda asked: page()) as server:
        measured = await fetched(world, server)
    assert server.paths == ["a.example/"] and len(server.asked) == 1
    assert measured.input == f"http://a.example:{server.port}/"
    assert measured.test_keys["x_redirects"] == {} and measured.test_keys["x_bugs"] == []
    assert "referer: \r\n" in server.heads[0].lower() and "accept-language: en-us,en;q=0.9" in server.heads[0].lower()


async def test_chain_is_recorded_newest_first_with_its_depth_in_the_tags(world: World) -> None:
    def answer(asked: Asked) -> bytes:
        if asked.host == "c.example":
            return page()
        return to(asked.url("b.example", "/x")) if asked.host == "a.example" else to(asked.url("c.example"), 307)

    async with site(answer) as server:
        measured = await fetched(world, server)
    at = f":{server.port}"
    assert urls(measured) == [f"http://c.example{at}/", f"http://b.example{at}/x", f"http://a.example{at}/"]
    assert measured.test_keys["x_redirects"] == {"web": [f"http://b.example{at}/x", f"http://c.example{at}/"]}
    depths = [[tag for tag in entry["tags"] if "depth" in tag] for entry in measured.test_keys["requests"]]
    assert depths == [["depth=2"], ["depth=1"], ["depth=0"]]
    assert [("tcptls_experiment" in entry["tags"]) for entry in measured.test_keys["requests"]] == [False, False, True]
    locations = [entry["response"]["headers"].get("Location") for entry in measured.test_keys["requests"]]
    assert locations == [None, f"http://c.example{at}/", f"http://b.example{at}/x"]  # by which OONI links the hops
    numbers = [entry["transaction_id"] for entry in measured.test_keys["requests"]]
    assert len(set(numbers)) == 3


@pytest.mark.parametrize("moved", [True, False])
async def test_page_at_an_unverified_address_does_not_end_the_chain(world: World, moved: bool) -> None:
    """Follow the redirect of the true server, although a block page's server answers first."""
    true_server = lambda asked: page() if asked.host == "b.example" else to(asked.url("b.example"))  # noqa: E731
    async with (
        site(true_server if moved else lambda asked: page(), ANOTHER) as server,
        site(lambda asked: page("Forbidden"), port=server.port) as forged,
    ):
        world.system = {"a.example": [IP], "b.example": [ANOTHER]}
        world.encrypted = {"a.example": [ANOTHER], "b.example": [ANOTHER]}
        target = web_target(f"http://a.example:{server.port}/")
        measured = await asyncio.wait_for(measure(target, world.session, roots=world.roots), 60)
    assert forged.paths == ["a.example/"]
    assert server.paths == ["a.example/", *(["b.example/"] if moved else [])]
    assert measured.test_keys["x_redirects"] == ({"web": [f"http://b.example:{server.port}/"]} if moved else {})
    assert urls(measured) == [f"http://a.example:{server.port}/"]  # OONI's probe would have stopped there


@pytest.mark.parametrize(("status", "followed"), [(301, True), (302, True), (303, False), (304, False), (308, True)])
async def test_redirect_statuses_are_followed(world: World, status: int, followed: bool) -> None:
    async with site(lambda asked: to("/there", status) if asked.path == "/" else page()) as server:
        await fetched(world, server)
    assert server.paths == ["a.example/", *(["a.example/there"] if followed else [])]


@pytest.mark.parametrize(("to_host", "times"), [("b.example", 2), ("www.a.example", 1), ("a.example", 1)])
async def test_redirect_to_another_site_is_confirmed(world: World, to_host: str, times: int) -> None:
    """Ask twice, because a provider may have redirected one request to a notice."""
    assert world.encrypted is not None
    world.system["www.a.example"] = world.encrypted["www.a.example"] = [IP]
    first = to(f"http://{to_host}:PORT/next")
    async with site(
        lambda asked: first.replace(b"PORT", str(asked.port).encode()) if asked.path == "/" else page()
    ) as server:
        measured = await fetched(world, server)
    assert [f"{one.host}{one.path}" for one in server.asked].count("a.example/") == times
    assert server.paths[-1] == f"{to_host}/next"
    kinds = [t["kind"] for t in measured.test_keys["x_transactions"]]
    assert kinds.count("confirm") == times - 1


async def test_cookies_are_kept_in_the_chain_and_never_recorded(world: World) -> None:
    def answer(asked: Asked) -> bytes:
        if asked.host == "a.example" and not asked.cookie:
            return to("/", 302, "Set-Cookie: wall=hidden1; Path=/", "Set-Cookie: two=hidden2")
        return to(asked.url("b.example")) if asked.host == "a.example" else page()

    async with site(answer) as server:
        measured = await fetched(world, server)
    assert list(dict.fromkeys((asked.host, asked.cookie) for asked in server.asked)) == [
        ("a.example", ""),
        ("a.example", "wall=hidden1; two=hidden2"),
        ("b.example", ""),  # another host's
    ]
    assert "hidden" not in json.dumps(measured.test_keys)
    assert measured.test_keys["requests"][1]["request"]["headers"]["Cookie"] == "[scrubbed]"


async def test_query_and_address_of_a_server_are_not_recorded(world: World) -> None:
    def answer(asked: Asked) -> bytes:
        return page() if "who" in asked.path else to("/from/198.51.100.7/?who=aGVsbG8gdGhlcmU")

    async with site(answer) as server:
        measured = await fetched(world, server)
    assert server.paths[-1] == "a.example/from/198.51.100.7/?who=aGVsbG8gdGhlcmU"  # the redirect is followed unchanged
    assert urls(measured)[0] == f"http://a.example:{server.port}/from/[12]/?[scrubbed]"
    text = json.dumps(measured.test_keys)
    assert "aGVsbG8" not in text and "198.51.100.7" not in text
    assert shown_path("/plain") == "/plain"


async def test_innocuous_request_contains_nothing_of_the_path(world: World) -> None:
    def answer(asked: Asked) -> bytes:
        return page() if asked.host == "b.example" else to(asked.url("b.example", "/deep?who=aGVsbG8gdGhlcmU"))

    async with site(answer) as server:
        measured = await fetched(world, server)
    assert server.paths[-1] == "b.example/deep?who=aGVsbG8gdGhlcmU"
    assert "aGVsbG8" not in json.dumps(measured.test_keys)
    everywhere = [*measured.test_keys["requests"], *measured.test_keys["x_endpoints"]["requests"]]
    assert {url for entry in everywhere if INNOCUOUS in (url := entry["request"]["url"])} == {f"http://{INNOCUOUS}/"}


async def test_loop_ends(world: World) -> None:
    async with site(lambda asked: to("/b" if asked.path == "/" else "/")) as server:
        await fetched(world, server)
    assert server.paths == ["a.example/", "a.example/b"]


async def test_chain_on_one_host_leaves_triggers_for_follow_ups(world: World) -> None:
    async with site(lambda asked: to(f"/{len(server.asked)}")) as server:
        measured = await fetched(world, server)
    assert len(server.asked) == SAME_HOST
    assert not [t for t in measured.test_keys["x_transactions"] if "budget" in str(t["failure"])]


async def test_at_most_ten_redirects_are_followed(world: World) -> None:
    assert world.encrypted is not None
    for number in range(20):
        world.system[f"h{number}.example"] = world.encrypted[f"h{number}.example"] = [IP]

    def answer(asked: Asked) -> bytes:
        return to(asked.url(f"h{int(asked.host.removeprefix('h').split('.')[0]) + 1}.example"))

    async with site(answer) as server:
        await fetched(world, server, host="h0.example")
    assert len(server.paths) == 1 + MOST_REDIRECTS


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.1.2/",
        "http://10.10.34.36:PORT/",
        "http://151.101.1.1:PORT/",
        "http://198-51-100-7.b.example:PORT/",
        "ftp://b.example/",
        "http://[bad/",
        "mailto:x",
    ],
)
async def test_redirect_to_an_ip_address_or_another_scheme_is_not_followed(world: World, location: str) -> None:
    async with site(lambda asked: to(location.replace("PORT", str(asked.port)))) as server:
        measured = await fetched(world, server)
    assert server.paths == ["a.example/"] and measured.test_keys["x_redirects"] == {}
    assert [t["address"] for t in measured.test_keys["x_transactions"] if t["kind"] == "first"] == [IP]


async def test_redirect_into_a_private_network_is_not_followed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def allowed(ip: str, contacts: Contacts) -> bool:
        return contacts is Contacts.TARGETS or ip != ANOTHER

    monkeypatch.setattr("probe.connectivity.endpoint.may_contact", allowed)
    monkeypatch.setattr("probe.steps.sockets.may_contact", allowed)
    assert world.encrypted is not None
    world.system["inner.example"] = world.encrypted["inner.example"] = [ANOTHER]
    async with (
        site(lambda asked: to(asked.url("inner.example"))) as server,
        site(lambda asked: page(), ANOTHER, server.port) as inner,
    ):
        measured = await fetched(world, server)
        assert server.paths == ["a.example/"] and inner.asked == []
        assert measured.test_keys["x_redirects"]["web"] == [f"http://inner.example:{server.port}/"]
        await fetched(world, server, host="inner.example")  # the user gave this address: one visit, as after any answer
        assert inner.paths == ["inner.example/"]
        world.session.pace.contacts = Contacts.PUBLIC  # a helper's caller may not have it
        await world.session.next_round()
        refused = await fetched(world, server, host="inner.example")
        assert inner.paths == ["inner.example/"]
        flows = [t for t in refused.test_keys["x_transactions"] if t["kind"] != "lookup"]
        assert {(t["address"], t["failure"]) for t in flows} == {(ANOTHER, "unknown_failure: address not contacted")}


async def test_strangers_address_in_a_private_network_is_not_contacted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "probe.connectivity.endpoint.may_contact", lambda ip, contacts: contacts is Contacts.TARGETS or ip != ANOTHER
    )
    assert world.encrypted is not None
    world.system["inner.example"] = world.encrypted["inner.example"] = [ANOTHER]
    async with site(lambda asked: page(), ANOTHER) as inner:
        measured = await fetched(world, inner, host="inner.example", by_stranger=True)
        assert inner.asked == [] and inner.heads == []
        assert not [t for t in measured.test_keys["x_transactions"] if t["address"] == ANOTHER]
        await fetched(world, inner, host="inner.example")  # the user gave this address
        assert inner.paths == ["inner.example/"]


async def test_long_body_is_read_to_the_limit(world: World) -> None:
    async with site(lambda asked: b"HTTP/1.1 200 OK\r\nContent-Length: 700000\r\n\r\n" + b"x" * 700_000) as server:
        measured = await fetched(world, server)
    (entry,) = measured.test_keys["requests"]
    assert (entry["response"]["x_body_length"], entry["response"]["body_is_truncated"]) == (2**19, True)
    assert entry["response"]["body"] == ""


async def test_ooni_accepts_the_measurement(world: World) -> None:
    async with site(lambda asked: to("/next?x=1") if asked.path == "/" else page()) as server:
        measured = await fetched(world, server)
    measurement: dict[str, Any] = {
        "input": measured.input, "test_keys": measured.test_keys, "test_name": measured.test_name,
        "test_version": measured.test_version, "measurement_start_time": "2026-11-24 10:00:00",
        "test_start_time": "2026-11-24 10:00:00", "test_runtime": 1.0, "probe_asn": "AS1", "probe_cc": "XX",
        "annotations": {"engine_version": "3.20.0"}, "report_id": "", "software_name": "x", "software_version": "1",
        "data_format_version": "0.2.0",
    }  # fmt: skip
    assert problems(measurement) == []
    assert (measured.test_name, measured.test_version) == ("web_connectivity", "0.5.28")
