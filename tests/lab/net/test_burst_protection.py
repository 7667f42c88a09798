"""Check which packets of a client pass protection against bursts, and for how long it bans the client."""

from typing import Any

import pytest

from probe.lab.net.crafting import ACK, RST, SYN, tcp_packet, udp_packet
from probe.lab.net.fabric import FabricConfig
from probe.lab.net.layout import ProtectionFromBursts
from probe.lab.scenario.scenario import find_scenario, load_scenario
from probe.lab.world.server_faults import burst_protection
from tests.support.lab.virtual import VirtualLab

HOME, SERVER, BESIDE = "192.168.1.23", "198.51.100.9", "198.51.100.10"


def make(**keys: Any) -> VirtualLab:
    values: dict[str, Any] = {"most": 2, "seconds": 5.0, "ban": 30.0, "counts": "connections", "how": "drop"}
    limit = ProtectionFromBursts([SERVER, BESIDE], **values | keys)
    return VirtualLab(FabricConfig(servers=[SERVER, BESIDE], home_address=HOME, burst_protection=[limit]))


def opened(lab: VirtualLab, port: int, at: str = SERVER, to: int = 443) -> str:
    """Open a connection and send a byte. Return where it ends: "connect" or "data", with "!" if a reset says so."""
    for name, flags, payload in (("connect", SYN, b""), ("data", ACK, b"x")):
        lab.send("home", tcp_packet(HOME, at, port, to, flags=flags, seq=7, ack=9, payload=payload))
        arrived = [packet for packet in lab.take("outside") if not packet.tcp_flags & RST]
        resets = [packet for packet in lab.take("home") if packet.tcp_flags & RST]
        if resets or not arrived:
            return f"{name}{'!' if resets else ''}"
    return ""


@pytest.mark.parametrize(("how", "end"), [("drop", "connect"), ("refuse", "connect!"), ("reset", "data!")])
@pytest.mark.parametrize("on_line", [False, True])
def test_client_is_banned_after_a_burst_until_the_ban_ends(how: str, end: str, *, on_line: bool) -> None:
    lab = make(how=how, on_line=on_line)
    assert [opened(lab, port) for port in (1, 2, 3)] == ["", "", end]
    lab.now += 29.0
    assert opened(lab, 4, BESIDE) == end
    lab.now += 1.1
    assert opened(lab, 5) == ""


def test_slow_client_is_not_banned() -> None:
    lab = make()
    for port in range(1, 9):
        assert opened(lab, port) == ""
        lab.now += 2.6


@pytest.mark.parametrize(
    ("counts", "flows", "ends"),
    [
        ("hosts", [(SERVER, 443), (SERVER, 80), (BESIDE, 443)], ["", "", ""]),
        (
            "ports",
            [(SERVER, 443), (SERVER, 443), (SERVER, 443), (SERVER, 80), (BESIDE, 80)],
            ["", "", "", "", "connect"],
        ),
    ],
)
def test_protection_counts_what_it_is_about(counts: str, flows: list[tuple[str, int]], ends: list[str]) -> None:
    lab = make(counts=counts)
    assert [opened(lab, number, *flow) for number, flow in enumerate(flows, 1)] == ends


def test_resolver_counts_queries_of_one_socket_too() -> None:
    lab = make(counts="queries")
    arrived = []
    for _ in range(3):
        lab.send("home", udp_packet(HOME, SERVER, 4000, 53, b"query"))
        arrived.append(len(lab.take("outside")))
    assert arrived == [1, 1, 0]


def test_seed_draws_place_and_numbers() -> None:
    scenario = load_scenario(find_scenario("burst-ban-app"))
    drawn = [burst_protection([], scenario, seed)[0] for seed in range(20)]
    assert {one.how for one in drawn} == {"refuse", "reset", "drop"}
    assert all(8 <= one.most <= 16 and 60 <= one.ban <= 300 for one in drawn)
    assert len({one.most for one in drawn}) > 3
