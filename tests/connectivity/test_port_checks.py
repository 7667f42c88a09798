"""Test which connects compare a port with unrelated servers, and that each port is compared once in a run."""

import asyncio
import errno
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from probe.connectivity import port_checks
from probe.connectivity.port_checks import check_port
from probe.formats.entries import TCPConnect
from probe.session.session import Session
from probe.session.trace import Transaction
from probe.signatures.compared_ports import UNASSIGNED
from probe.targets.target import PortHost
from tests.support.faults.attempts import Quick, a_session

ALL, MAIL = PortHost("all.example"), PortHost("mail.example", frozenset({443, 993}))
ADDRESSES = {("all.example", 4): "192.0.2.1", ("mail.example", 4): "192.0.2.2", ("mail.example", 6): "2001:db8::2"}
Closed = Callable[[str, int], bool]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Callable[[Closed], list[tuple[str, int]]]:
    """Return a function that takes what is closed, and returns the list of connects, in the order of their begin."""

    def made(closed: Closed) -> list[tuple[str, int]]:
        tried: list[tuple[str, int]] = []

        async def connect(tx: Transaction, ip: str, port: int, **_: Any) -> None:
            async with tx.step(TCPConnect(ip=ip, port=port), 1.0):
                tried.append((ip, port))
                await asyncio.sleep(0)
                if closed(ip, port):
                    raise ConnectionRefusedError(errno.ECONNREFUSED, "")

        async def address(session: Any, trace: Any, name: str, family: int) -> str | None:
            return ADDRESSES.get((name, family))

        monkeypatch.setattr(port_checks, "tcp_connect", connect)
        monkeypatch.setattr(port_checks, "_address", address)
        return tried

    return made


def session(*hosts: PortHost, ipv6: bool = False) -> Session:
    made = a_session(Quick())
    made.neutral = replace(made.neutral, port_hosts=hosts)
    made.ipv6 = ipv6
    return made


def found(of: Session, port: int) -> set[tuple[str, int, int, str | None]]:
    return {(one.host, one.family, one.port, one.failure) for one in of.port_connects[port]}


async def test_open_port_takes_one_connect(network: Any) -> None:
    tried, run = network(lambda ip, port: False), session(ALL, MAIL)
    await asyncio.gather(*(check_port(run, 993) for _ in range(3)))
    assert tried == [("192.0.2.1", 993)] and found(run, 993) == {("all.example", 4, 993, None)}


async def test_closed_port_is_compared_with_others_and_at_the_next_server(network: Any) -> None:
    refused = "connection_refused"
    network(lambda ip, port: port == 993)
    run = session(ALL, MAIL, ipv6=True)
    await check_port(run, 993)
    assert found(run, 993) == {
        ("all.example", 4, 993, refused),
        ("all.example", 4, 443, None),
        ("all.example", 4, UNASSIGNED, None),
        ("mail.example", 4, 993, refused),
        ("mail.example", 4, 443, None),
        ("mail.example", 6, 993, refused),
        ("mail.example", 6, 443, None),
    }


async def test_server_without_the_port_is_not_asked(network: Any) -> None:
    tried, run = network(lambda ip, port: False), session(MAIL)
    await check_port(run, 5228)
    assert tried == [] and run.port_connects[5228] == []


@pytest.mark.parametrize("port", [53, 80, 443, 853, 5060, 5061])
async def test_ports_that_censors_close_for_all_are_not_compared(network: Any, port: int) -> None:
    tried, run = network(lambda ip, port: True), session(ALL)
    await check_port(run, port)
    assert tried == [] and not run.port_connects


async def test_helper_and_run_without_followups_compare_nothing(network: Any) -> None:
    tried, run = network(lambda ip, port: True), session(ALL)
    run.as_control = True
    await check_port(run, 993)
    run.as_control, run.settings = False, replace(run.settings, followups=False)
    await check_port(run, 993)
    assert tried == [] and not run.port_connects
