"""Test the lab's QUIC server with the probe's steps: certificate, page and refusals."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from probe.formats import failures as f
from probe.formats.entries import HTTPTransaction
from probe.formats.exchanges.tls import QUICHandshake
from probe.lab.censors.intercept import TLSIntercept
from probe.lab.scenario.faults import ExpiredCertificate, Fault, NoQUIC, RefuseUnknownNames, WrongCertificate
from probe.lab.scenario.scenario import Scenario
from probe.lab.services.datagrams import DATAGRAMS
from probe.lab.services.listeners import datagram_ports
from probe.lab.services.quic import quic
from probe.lab.world.emulated_world import World, build_world
from probe.steps.quic.http3 import http3_request
from probe.steps.quic.quic import quic_handshake
from probe.steps.tls.certificate_checks import Roots, load_roots
from tests.lab.services.test_services import asked_web, connected, get, host, trusting
from tests.support.servers.loopback import a_transaction
from tests.support.servers.quic import listening

NAME = "web.quick.example"
FILE = f"""
nettest = "endpoint_reachability"
title = "Quick"
source = "https://source.example/quick"
reviewed = 2026-11-24
[services.web]
endpoints = ["https://{NAME}:443/"]
[services.web_quic]
endpoints = ["quic://{NAME}:443/"]
"""


@pytest.fixture
def quick(folder: Path) -> Path:
    (folder / "quick.toml").write_text(FILE)
    return folder


def built(folder: Path, *faults: Fault) -> World:
    return build_world(folder, Scenario("test", "A test", faults=faults), 1)


@asynccontextmanager
async def quic_port(world: World) -> AsyncIterator[int]:
    """Run the host's QUIC server on loopback and yield its port."""
    async with listening(lambda: DATAGRAMS["quic"](world, host(world, NAME))) as (port, _):
        yield port


async def handshake(world: World, folder: Path, name: str = NAME, **how: Any) -> QUICHandshake:
    async with quic_port(world) as port, a_transaction() as bench:
        await quic_handshake(bench.tx, "127.0.0.1", port, name, pace=bench.pace, roots=roots(world, folder), **how)
    entry = bench.trace.entries[-1]
    assert isinstance(entry, QUICHandshake)
    return entry


def roots(world: World, folder: Path) -> Roots:
    (folder / "lab.pem").write_text(world.authority.pem)
    return load_roots(str(folder / "lab.pem"))


def test_host_listens_on_tcp_and_udp(quick: Path) -> None:
    world = built(quick)
    assert host(world, NAME).ports == {443: {"https", "quic"}}
    places = {(place.address, place.port) for place in datagram_ports(world) if place.dialect == "quic"}
    assert places == {(address, 443) for address in host(world, NAME).addresses}


async def test_web_server_announces_quic(quick: Path) -> None:
    for fault, announced in (((), True), ((NoQUIC(),), False)):
        world = built(quick, *fault)
        async with connected(world, NAME, 443, ssl=trusting(world), server_hostname=NAME) as streams:
            page = await asked_web(streams, get(NAME))
        assert (b'\r\nAlt-Svc: h3=":443"; ma=86400\r\n' in page) == announced


async def test_quic_gives_the_web_servers_page(quick: Path, tmp_path: Path) -> None:
    world = built(quick)
    async with quic_port(world) as port, a_transaction() as bench:
        about: dict[str, Any] = {"pace": bench.pace}
        conn = await quic_handshake(bench.tx, "127.0.0.1", port, NAME, roots=roots(world, tmp_path), **about)
        await http3_request(bench.tx, conn, "GET", f"https://{NAME}/", **about)
    entry = bench.trace.entries[-1]
    assert isinstance(entry, HTTPTransaction) and entry.failure is None
    assert (entry.response.code, entry.response.x_title) == (200, "Quick Web")


@pytest.mark.parametrize(
    ("fault", "failure"),
    [(WrongCertificate(), f.SSL_INVALID_HOSTNAME), (ExpiredCertificate(), f.SSL_INVALID_CERTIFICATE)],
)
async def test_certificate_is_as_faulty_as_the_scenario_says(
    quick: Path, tmp_path: Path, fault: Fault, failure: str
) -> None:
    entry = await handshake(built(quick, fault), tmp_path)
    assert (entry.failure, entry.x_completed) == (failure, True)


async def test_intercepting_server_shows_a_forged_certificate(quick: Path, tmp_path: Path) -> None:
    censor = TLSIntercept(names=[NAME], transport="udp", family=4)
    world = build_world(quick, Scenario("test", "A test", censors=(censor,)), 1)
    (place,) = [place for place in datagram_ports(world) if place.interceptor is not None and place.dialect == "quic"]
    assert place.interceptor is not None and place.interceptor.real in world.zone[NAME]
    async with (
        listening(lambda: quic.server(world, place.host, place.interceptor)) as (port, _),
        a_transaction() as bench,
    ):
        await quic_handshake(bench.tx, "127.0.0.1", port, NAME, pace=bench.pace, roots=roots(world, tmp_path))
    entry = bench.trace.entries[-1]
    assert isinstance(entry, QUICHandshake)
    assert (entry.failure, entry.x_completed) == (f.SSL_UNKNOWN_AUTHORITY, True)


async def test_unknown_name_is_served_or_refused(quick: Path, tmp_path: Path) -> None:
    served = await handshake(built(quick), tmp_path, "harmless.example", check=False)
    assert (served.failure, served.x_completed) == (None, True)
    refused = await handshake(built(quick, RefuseUnknownNames()), tmp_path, "harmless.example")
    assert (refused.failure, refused.x_alert, refused.x_completed) == (f.SSL_INVALID_HOSTNAME, 112, False)
    own = await handshake(built(quick, RefuseUnknownNames()), tmp_path)
    assert own.failure is None


async def test_host_without_quic_is_silent_or_refuses(quick: Path, tmp_path: Path) -> None:
    entry = await handshake(built(quick, NoQUIC(services=["quick/web"])), tmp_path, timeout=0.5)
    assert (entry.failure, entry.x_answered) == (f.TIMEOUT, False)
    refused = built(quick, NoQUIC(how="refused"))
    assert not [place for place in datagram_ports(refused) if place.dialect == "quic"]
    assert host(refused, NAME).down == ""
