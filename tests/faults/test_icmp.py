"""Test every kind of ICMP error over TCP and UDP: each has its failure, and none is a bug or an accusation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from probe.formats import failures as f
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import Packet, icmp_error
from tests.support.faults.closed_list import is_of_the_network
from tests.support.lab.inside_lab import SERVER, SERVER6, at_home

pytestmark = pytest.mark.lab

NET, HOST, SILENT = f.NETWORK_UNREACHABLE, f.HOST_UNREACHABLE, f.TIMEOUT
PROTOCOL, ROUTE, PARAMETER = (
    "no_protocol_option",
    "unknown_failure: icmp: source route failed",
    "unknown_failure: icmp: parameter problem",
)
FIRST_PORT = 20000  # the destination port selects the error of the router
V4 = {  # (type, code) and failure. SILENT: ignored by a sender (RFC 1122 4.2.3.9, RFC 1191) or by Linux
    **{(3, code): HOST for code in (1, 7, 10, 12, 13, 14, 15)},
    **{(3, code): NET for code in (0, 6, 8, 9, 11)},
    (3, 2): PROTOCOL,
    (3, 3): f.REFUSED,
    (3, 4): SILENT,
    (3, 5): ROUTE,
    (4, 0): SILENT,
    (5, 1): SILENT,
    (11, 0): HOST,
    (11, 1): SILENT,
    (12, 0): PARAMETER,
    (12, 1): PARAMETER,
}
V6 = {  # RFC 4443
    (1, 0): NET,
    (1, 4): f.REFUSED,
    **{(1, code): HOST for code in (1, 2, 3, 5, 6)},
    (2, 0): SILENT,
    (3, 0): HOST,
    (3, 1): HOST,
    **{(4, code): PARAMETER for code in (0, 1, 2)},
}
TABLES = {4: list(V4), 6: list(V6)}


@dataclass
class Router:
    """Answer each packet with the error that its destination port selects, and forward none."""

    hop: int = 3
    on_path: bool = False
    begins: float = 0.0

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        kinds = TABLES[packet.version]
        if direction is Direction.IN or not 0 <= packet.dport - FIRST_PORT < len(kinds):
            return None
        kind, code = kinds[packet.dport - FIRST_PORT]
        here = "10.9.3.1" if packet.version == 4 else "3c00:9:3::1"
        error = icmp_error(here, packet.raw, kind, code, rest=1280 if (kind, code) in {(3, 4), (2, 0)} else 0)
        return Actions(forward=False, to_client=[(0.0, error)])


PROGRAM = f"""
import asyncio
from probe.session.pacing import Pace
from probe.steps.calls.stun import stun_exchange_udp
from probe.steps.tcp import tcp_connect
from probe.session.trace import Trace, TransactionFacts

async def one(carrier, ip, port):
    trace = Trace()
    async with trace.transaction(TransactionFacts("first", address=ip)) as tx:
        if carrier == "tcp":
            await tcp_connect(tx, ip, port, pace=Pace(), timeout=2.0)
        else:
            await stun_exchange_udp(tx, ip, port, pace=Pace(), timeout=2.0)
    (entry,) = trace.entries
    return [carrier, ip, port, entry.failure, tx.record.failure, trace.bugs]

async def main():
    places = asyncio.Semaphore(6)  # routers, and the kernel, limit how many errors they tell in a second
    async def paced(*what):
        async with places:
            return await one(*what)
    many = {{{SERVER!r}: {len(V4)}, {SERVER6!r}: {len(V6)}}}
    return await asyncio.gather(*(
        paced(carrier, ip, {FIRST_PORT} + n) for carrier in ("tcp", "udp") for ip in many for n in range(many[ip])
    ))

tell(asyncio.run(main()))
"""


def test_each_kind_of_icmp_error_has_its_failure(tmp_path: Path) -> None:
    attempts: list[Any] = at_home(PROGRAM, tmp_path, censors=[Router()])
    assert len(attempts) == 2 * (len(V4) + len(V6))
    wrong = []
    for carrier, ip, port, failure, of_transaction, bugs in attempts:
        table = V6 if ":" in ip else V4
        kind = list(table)[port - FIRST_PORT]
        assert bugs == [] and failure == of_transaction and is_of_the_network(failure)
        if failure != table[kind]:
            wrong.append((carrier, ip, kind, failure, table[kind]))
    assert not wrong, "\n".join(map(str, wrong))
