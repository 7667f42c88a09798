"""Test bytes with limited TTL on connections whose answer stops, with routers, devices and servers that stop it."""

import sys
from pathlib import Path
from typing import Any

import pytest

from probe.lab.censors.freezes import FreezeAfterBytes
from probe.lab.censors.kit.middlebox import DROP, Deployment, Middlebox
from probe.lab.net.layout import Actions, Direction, PathConfig
from probe.lab.net.packets import Packet
from tests.support.lab.inside_lab import SERVER, SERVER6, at_home

pytestmark = pytest.mark.lab

SERVE = f"""
import asyncio, os

HEAD = b"HTTP/1.1 200 OK\\r\\nContent-Length: 40000\\r\\n\\r\\n"

async def answer(reader, writer):
    first, pause = map(float, (await reader.readuntil(b"\\r\\n\\r\\n")).split()[1][1:].split(b","))
    writer.write(HEAD + bytes(int(first)))
    await writer.drain()
    await asyncio.sleep(pause)
    writer.write(bytes(40000 - int(first)))
    await writer.drain()
    await reader.read()

async def main():
    for address in ("{SERVER}", "{SERVER6}"):
        await asyncio.start_server(answer, address, 80)
    os.write(int(os.environ["PROBE_LAB_READY_FD"]), b"ready\\n")
    await asyncio.Event().wait()

asyncio.run(main())
"""

HEAD = f"""
import asyncio, json
from probe.session.pacing import Pace
from probe.session.trace import Trace, TransactionFacts
from probe.steps.path.frozen_connection import StoppingPage, limited_bytes_after_silence
from probe.steps.tcp import tcp_connect

V4, V6, PACE = {SERVER!r}, {SERVER6!r}, Pace()

async def ask(ip, ttls, first=40000, pause=0):
    trace = Trace()
    async with trace.transaction(TransactionFacts("followup", followup="limited_payload", address=ip)) as tx:
        conn = await tcp_connect(tx, ip, 80, pace=PACE)
        page = StoppingPage(f"/{{first}},{{pause}}", {{"Host": "bad.example"}})
        await limited_bytes_after_silence(tx, conn, page, ttls, pace=PACE, slowest=0.05)
    return trace

async def all_of(flows):
    return await asyncio.gather(*flows)

def run(*flows):
    traces = asyncio.run(all_of(flows))
    tell([[json.loads(trace.entries[-1].model_dump_json()), trace.bugs] for trace in traces])
"""


def entries(flows: str, folder: Path, *censors: Any, **path: Any) -> list[dict[str, Any]]:
    servers = [sys.executable, "-c", SERVE]
    found = at_home(f"{HEAD}\nrun({flows})\n", folder, censors=censors, path=PathConfig(**path), servers=servers)
    assert all(bugs == [] for _, bugs in found)
    return [entry for entry, _ in found]


def outcomes(entry: dict[str, Any]) -> list[tuple[int, str]]:
    return [(distance["ttl"], distance["outcome"]) for distance in entry["distances"]]


def on_hop(hop: int, censor: Middlebox) -> Middlebox:
    censor.deploy(Deployment(hop=hop))
    return censor


def test_routers_behind_a_device_that_drops_the_connection_stay_silent(tmp_path: Path) -> None:
    flows = "ask(V4, [3, 4]), ask(V6, [2, 5]), ask(V4, [3]), ask(V6, [4])"
    found = entries(flows, tmp_path, on_hop(4, FreezeAfterBytes(after=14000, ports=[80])))
    assert [entry["failure"] for entry in found] == [None] * 4
    assert [outcomes(entry) for entry in found] == [
        [(3, "expired"), (4, "silent")],
        [(2, "expired"), (5, "silent")],
        [(3, "expired")],
        [(4, "silent")],
    ]
    assert [entry["compared"] for entry in found] == [[4], [5], [], [4]]


@pytest.mark.parametrize(("how", "compared"), [({"silent": (4,)}, []), ({"icmp_per_second": 0.4}, [])])
def test_silent_and_tired_routers_are_no_comparison(tmp_path: Path, how: dict[str, Any], compared: list[int]) -> None:
    """Test routers that would be silent on any connection, and routers that report one packet in 2.5 seconds."""
    censor = on_hop(5, FreezeAfterBytes(after=14000, ports=[80]))
    (found,) = entries("ask(V4, [4])", tmp_path, censor, **how)
    assert found["compared"] == compared


def test_other_routers_of_a_load_balancer_are_no_comparison(tmp_path: Path) -> None:
    """Test ten connections. About half of them pass a router that reports nothing."""
    censor = on_hop(5, FreezeAfterBytes(after=14000, ports=[80]))
    found = entries("*(ask(V4, [4, 5]) for _ in range(10))", tmp_path, censor, parallel=(4,))
    seen = {(outcomes(entry)[0][1], tuple(entry["compared"])) for entry in found}
    assert seen == {("expired", (5,)), ("silent", (5,))}


def test_server_that_stops_is_behind_all_routers(tmp_path: Path) -> None:
    found = entries("ask(V4, [4, 6], 9000, 60), ask(V6, [4, 6], 9000, 60)", tmp_path)
    assert [outcomes(entry) for entry in found] == [[(4, "expired"), (6, "expired")]] * 2


class DropsAnswers:
    """Drop what the server sends after 14000 bytes of each connection, and nothing of the client."""

    hop, on_path, begins = 4, False, 0.0

    def __init__(self) -> None:
        self._seen: dict[int, int] = {}

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        if direction is Direction.OUT or not packet.is_tcp:
            return None
        self._seen[packet.dport] = self._seen.get(packet.dport, 0) + len(packet.payload)
        return DROP if self._seen[packet.dport] > 14000 else None


def test_device_that_drops_answers_alone_is_not_located(tmp_path: Path) -> None:
    (found,) = entries("ask(V4, [3, 6])", tmp_path, DropsAnswers())
    assert outcomes(found) == [(3, "expired"), (6, "expired")]


@pytest.mark.parametrize(("first", "pause"), [(40000, 0), (9000, 1.6), (500, 60)])
def test_answer_that_is_complete_or_goes_on_or_has_not_begun_is_no_evidence(
    tmp_path: Path, first: int, pause: float
) -> None:
    """Test also a pause that ends while the bytes are sent."""
    (found,) = entries(f"ask(V4, [3, 6], {first}, {pause})", tmp_path)
    assert found["failure"] in {"eof_error", "generic_timeout_error"} and outcomes(found) == []
