"""Test path sweeps and payloads with limited TTL on real sockets, with routers and censors on known hops."""

import json
from pathlib import Path
from typing import Any

import pytest

from probe.lab.censors.address_censors import IPBlackhole, IPReset
from probe.lab.censors.dns_censors import DNSDrop, DNSInjection
from probe.lab.censors.kit.flows import Residual
from probe.lab.censors.kit.middlebox import Deployment, Middlebox
from probe.lab.censors.payloads import PayloadDrop, PayloadTampering
from probe.lab.censors.quic_censors import QUICDrop
from probe.lab.censors.tls_censors import TLSDrop, TLSReset
from probe.lab.net.layout import Actions, Direction, PathConfig
from probe.lab.net.packets import ACK, RST, SYN, Packet, tcp_packet
from tests.support.lab.inside_lab import SERVER, SERVER6, at_home

pytestmark = pytest.mark.lab

HEAD = f"""
import asyncio, json
from probe.session.pacing import Pace
from probe.steps.path.limited_datagrams import limited_payload_udp
from probe.steps.path.limited_ttl import limited_payload_tcp
from probe.steps.path.path_sweep import sweep_path
from probe.steps.quic.quic_engine import open_engine
from probe.steps.tcp import tcp_connect
from probe.steps.tls.tls_stream import client_hello
from probe.session.trace import Trace, TransactionFacts
from probe.wire.dns.dns_message import build_query
from probe.wire.stun import binding_request

V4, V6 = {SERVER!r}, {SERVER6!r}
PACE = Pace()

def everything(found):
    return {{ttl: (ip, None) for ttl, ip in found}}

async def walk(ip, port, transport):
    trace = Trace()
    async with trace.transaction(TransactionFacts("followup", followup="path_sweep", address=ip)) as tx:
        await sweep_path(tx, ip, port, transport=transport, pace=PACE, show=everything)
    return trace

async def say(ip, ttls, name="bad.example", short=True, by_silence=False):
    trace = Trace()
    async with trace.transaction(TransactionFacts("followup", followup="limited_payload", address=ip)) as tx:
        conn = await tcp_connect(tx, ip, 443, pace=PACE)
        hello = client_hello(name, short=short)
        await limited_payload_tcp(tx, conn, hello, "tls", ttls, pace=PACE, by_silence=by_silence)
    return trace

async def send(ip, port, datagram, ttls, kind="dns", **how):
    trace = Trace()
    async with trace.transaction(TransactionFacts("followup", followup="limited_payload", address=ip)) as tx:
        await limited_payload_udp(tx, ip, port, datagram, kind, ttls, pace=PACE, **how)
    return trace

def initial(ip):
    engine, _ = open_engine("bad.example", ("h3",))
    engine.connect((ip, 443), 0.0)
    return engine.datagrams_to_send(0.0)[0][0]

def run(*flows):
    async def one_after_the_other():
        return [await flow for flow in flows]
    traces = asyncio.run(one_after_the_other())
    tell([[json.loads(trace.entries[-1].model_dump_json()), trace.bugs] for trace in traces])
"""


def entries(flows: str, folder: Path, *censors: Any, head: str = HEAD, **path: Any) -> list[dict[str, Any]]:
    found = at_home(f"{head}\nrun({flows})\n", folder, censors=censors, path=PathConfig(**path))
    assert all(bugs == [] for _, bugs in found)
    return [entry for entry, _ in found]


def outcomes(entry: dict[str, Any]) -> list[tuple[int, str]]:
    assert entry["failure"] is None
    return [(distance["ttl"], distance["outcome"]) for distance in entry["distances"]]


def on_hop(hop: int, censor: Middlebox) -> Middlebox:
    censor.deploy(Deployment(hop=hop))
    return censor


def test_sweep_finds_every_router_and_the_server(tmp_path: Path) -> None:
    found = entries("walk(V4, 443, 'tcp'), walk(V6, 443, 'tcp'), walk(V4, 53, 'udp'), walk(V6, 53, 'udp')", tmp_path)
    for entry, home, far in zip(
        found, ["192.168.1.1", "3c00:88:99:77::1"] * 2, ["10.9.{}.1", "3c00:9:{}::1"] * 2, strict=True
    ):
        seen = [(hop["ttl"], hop["address"]) for hop in entry["hops"]]
        assert seen == [(1, home), *((ttl, far.format(ttl)) for ttl in range(2, 7))]
        assert entry["end_ttl"] == 7 and entry["flow_stable"]
        assert not any(hop["late"] for hop in entry["hops"])
        assert [hop["back"] for hop in entry["hops"]] == [1, 2, 3, 4, 5, 6] and entry["asymmetric"] is False
    assert [entry["end"] for entry in found] == ["connected", "connected", "answered", "answered"]


def test_sweep_ends_at_a_closed_port(tmp_path: Path) -> None:
    found = entries("walk(V4, 81, 'tcp'), walk(V4, 81, 'udp')", tmp_path)
    assert [(entry["end"], entry["end_ttl"]) for entry in found] == [("refused", 7), ("refused", 7)]


def test_silent_routers_are_distinguished_from_the_server(tmp_path: Path) -> None:
    for entry in entries("walk(V4, 443, 'tcp'), walk(V6, 53, 'udp')", tmp_path, silent=(2, 3, 6)):
        assert [hop["ttl"] for hop in entry["hops"] if hop["answered"]] == [1, 4, 5]
        assert entry["end_ttl"] == 7


def test_routers_with_an_icmp_limit_are_recognised(tmp_path: Path) -> None:
    """Test that a second sweep asks silent routers again at its end."""
    found = entries("walk(V4, 443, 'tcp'), walk(V4, 443, 'tcp')", tmp_path, icmp_per_second=3.0)
    first, second = ({hop["ttl"]: hop for hop in entry["hops"]} for entry in found)
    assert all(hop["answered"] and not hop["late"] for hop in first.values()) and len(first) == 6
    assert any(hop["late"] for hop in second.values()) and found[1]["end_ttl"] == 7


def test_reset_starts_at_the_censors_hop(tmp_path: Path) -> None:
    censor = on_hop(4, TLSReset(names=["bad.example"]))
    flows = "say(V4, [3, 4]), say(V6, [2, 5]), say(V4, [3]), say(V4, [4]), say(V4, [3, 6], 'good.example')"
    found = [outcomes(entry) for entry in entries(flows, tmp_path, censor)]
    assert found[:2] == [[(3, "silent"), (4, "reset")], [(2, "expired"), (5, "reset")]]
    assert found[2:] == [[(3, "silent")], [(4, "reset")], [(3, "silent"), (6, "silent")]]


DROPPED = "say(V4, [3, 4], by_silence=True), say(V6, [3, 5], by_silence=True)"


def test_dropped_hello_is_silent_from_the_censors_hop_on(tmp_path: Path) -> None:
    censor = on_hop(4, TLSDrop(names=["bad.example"]))
    found = [outcomes(entry) for entry in entries(DROPPED, tmp_path, censor)]
    assert found == [[(3, "expired"), (4, "silent")], [(3, "expired"), (5, "silent")]]


def test_near_censor_answers_the_packet_that_reached_it(tmp_path: Path) -> None:
    """Test answers within a millisecond, before the probe notices a retransmission of the kernel."""
    flows = ", ".join(["say(V4, [2, 3], by_silence=True), say(V4, [3, 4], 'worse.example')"] * 4)
    censors = on_hop(5, TLSDrop(names=["bad.example"])), on_hop(4, TLSReset(names=["worse.example"]))
    found = [outcomes(entry) for entry in entries(flows, tmp_path, *censors, rtt_ms=4.0)]
    assert found == [[(2, "expired"), (3, "expired")], [(3, "silent"), (4, "reset")]] * 4


def test_copied_ttl_is_not_used(tmp_path: Path) -> None:
    """Test a censor on hop 3. A packet with TTL 5 causes a reset that just returns and is not used."""
    censor = on_hop(3, TLSReset(names=["bad.example"], copies_ttl=True))
    other = on_hop(3, DNSInjection(names=["bad.example"], answers=["192.0.2.1"], copies_ttl=True))
    question = "build_query('bad.example', 'A', 7)"
    flows = f"say(V4, [4]), say(V4, [5]), say(V6, [6]), *(send(V4, 53, {question}, [t], most=1) for t in (4, 5, 6))"
    found = entries(flows, tmp_path, censor, other, after=5)
    assert {outcome for entry in found for _, outcome in outcomes(entry)} == {"expired", "silent"}


def test_forged_answer_starts_at_the_censors_hop(tmp_path: Path) -> None:
    censor = on_hop(4, DNSInjection(names=["bad.example"], answers=["192.0.2.1"]))
    question = "build_query('bad.example', 'A', 7)"
    found = entries(f"*(send(V4, 53, {question}, [ttl], most=1) for ttl in (3, 4, 5))", tmp_path, censor)
    assert [outcomes(entry) for entry in found] == [[(3, "expired")], [(4, "answered")], [(5, "answered")]]
    assert [distance["sent"] for entry in found for distance in entry["distances"]] == [1, 1, 1]


def test_dropped_query_is_silent_from_the_censors_hop_on(tmp_path: Path) -> None:
    censor = on_hop(4, DNSDrop(names=["bad.example"]))
    flows = "*(send(V4, 53, build_query(name, 'A', 7), [3, 4]) for name in ('bad.example', 'good.example'))"
    dropped, passed = (outcomes(entry) for entry in entries(flows, tmp_path, censor))
    assert (dropped, passed) == ([(3, "expired"), (4, "silent")], [(3, "expired"), (4, "expired")])


def test_dropped_datagram_is_silent_from_the_censors_hop_on(tmp_path: Path) -> None:
    censor = on_hop(4, PayloadDrop(protocols=["stun"]))
    found = entries("send(V4, 53, binding_request(bytes(12)), [3, 4], 'stun')", tmp_path, censor)
    assert outcomes(found[0]) == [(3, "expired"), (4, "silent")]
    assert [distance["sent"] for distance in found[0]["distances"]] == [1, 2]


SEARCH = """
from probe.signatures.ttl_distance import TTLSearch

def further(distances):
    search = TTLSearch(range(1, 7), frozenset(range(1, 7)), 8, by_silence=True)
    return search.next_after((each.ttl, each.outcome) for each in distances)
"""


@pytest.mark.parametrize("hop", [2, 4, 6])
def test_one_flow_of_datagrams_finds_the_hop(tmp_path: Path, hop: int) -> None:
    """Test also datagrams that end before the censor after one that it dropped."""
    censor = on_hop(hop, PayloadDrop(protocols=["stun"]))
    flow = "send(V4, 53, binding_request(bytes(12)), [2, 5], 'stun', further=further)"
    (found,) = entries(flow, tmp_path, censor, head=HEAD + SEARCH)
    seen = dict(outcomes(found))
    assert seen[hop - 1] == "expired" and seen[hop] == "silent" and len(seen) <= 4
    assert all((outcome == "silent") == (ttl >= hop) for ttl, outcome in seen.items())


@pytest.mark.parametrize("first_passes", [True, False])
def test_quic_is_silent_after_the_first_datagram(tmp_path: Path, first_passes: bool) -> None:
    residual = Residual(seconds=60, on="src,dst,dport") if first_passes else None
    censor = on_hop(4, QUICDrop(names=["bad.example"], first_passes=first_passes, both_ways=False, residual=residual))
    found = entries("send(V4, 443, initial(V4), [3, 4], 'quic', ahead=initial(V4))", tmp_path, censor)
    assert outcomes(found[0]) == [(3, "expired"), (4, "silent")]


def test_icmp_error_about_quic_starts_at_the_router_that_sends_it(tmp_path: Path) -> None:
    censor = on_hop(4, QUICDrop(names=["bad.example"], refuses=True))
    flows = ", ".join(f"send({ip}, 443, initial({ip}), [3, 4], 'quic', by_error=True)" for ip in ("V4", "V6"))
    ignored = "send(V4, 443, initial(V4), [3, 4], 'quic')"
    found = [outcomes(entry) for entry in entries(f"{flows}, {ignored}", tmp_path, censor)]
    assert found == [[(3, "expired"), (4, "unreachable")]] * 2 + [[(3, "expired"), (4, "silent")]]


class Punisher:
    """Reset every connection after its handshake, with any payload and TTL."""

    hop, on_path, begins = 5, True, 0.0

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        if direction is Direction.IN or packet.tcp_flags & (SYN | RST) or not packet.tcp_flags & ACK:
            return None
        flow = (packet.dst, packet.src, packet.dport, packet.sport)
        return Actions(to_client=[(0.0, tcp_packet(*flow, flags=RST | ACK, seq=packet.ack, ack=packet.seq))])


def test_residual_reset_gives_no_hop(tmp_path: Path) -> None:
    for entry in entries("say(V4, [2, 4]), say(V6, [2])", tmp_path, Punisher()):
        if "status" in entry:  # the reset came before the connect was noticed
            assert entry["status"]["failure"] == "connection_reset"
        else:
            assert entry["failure"] == "connection_reset" and json.dumps(entry["distances"]) == "[]"


CONNECTS = """
from probe.steps.path.connect_packets import compared_silence, limited_packets

async def syns(ip, ttls, by_reset, transport='tcp'):
    trace = Trace()
    async with trace.transaction(TransactionFacts("followup", followup="limited_payload", address=ip)) as tx:
        await limited_packets(tx, ip, 443, transport, ttls, pace=PACE, by_reset=by_reset)
    return trace

async def beside(ip, last, port=81, transport="tcp"):
    trace = Trace()
    async with trace.transaction(TransactionFacts("followup", followup="limited_payload", address=ip)) as tx:
        await compared_silence(tx, ip, port, transport, [(ip, 443), (ip, 444)], last, pace=PACE)
    return trace
"""


def connect_entries(flows: str, folder: Path, *censors: Any, **path: Any) -> list[dict[str, Any]]:
    return entries(flows, folder, *censors, head=HEAD + CONNECTS, **path)


def test_syn_is_reset_from_the_censors_hop_on(tmp_path: Path) -> None:
    flows = "syns(V4, [3, 4], True), syns(V6, [3, 4], True)"
    found = connect_entries(flows, tmp_path, on_hop(4, IPReset()))
    assert [outcomes(entry)[1] for entry in found] == [(4, "reset")] * 2
    assert [outcomes(entry)[0][1] for entry in found] == ["silent", "expired"]


def test_reset_with_the_copied_ttl_of_a_syn_is_ignored(tmp_path: Path) -> None:
    flows = "syns(V4, [5, 6], True), syns(V4, [5, 6], False)"
    found = connect_entries(flows, tmp_path, on_hop(3, IPReset(copies_ttl=True)), before=2, after=5)
    assert [outcomes(entry)[1][1] for entry in found] == ["silent", "reset"]


@pytest.mark.parametrize("icmp", ["prohibited", "unreachable", "no_route"])
def test_icmp_error_starts_at_the_router_that_sends_it(tmp_path: Path, icmp: Any) -> None:
    flows = "*(syns(ip, [3, 4], False, transport) for ip in (V4, V6) for transport in ('tcp', 'udp'))"
    found = connect_entries(flows, tmp_path, on_hop(4, IPBlackhole(icmp=icmp)))
    assert [outcomes(entry) for entry in found] == [[(3, "expired"), (4, "unreachable")]] * 4


def test_silence_is_compared_with_packets_that_pass(tmp_path: Path) -> None:
    censor = on_hop(4, IPBlackhole(ports=[81]))
    found = connect_entries("beside(V4, 3), beside(V6, 3), beside(V4, 2), beside(V4, 3, 81, 'udp')", tmp_path, censor)
    assert outcomes(found[0]) == outcomes(found[1]) == outcomes(found[3]) == [(3, "expired"), (4, "silent")]
    assert [entry["compared"] for entry in found] == [[4], [4], [3], [4]]
    assert outcomes(found[2]) == [(2, "expired"), (3, "expired")]


def test_server_behind_the_last_router_is_no_comparison(tmp_path: Path) -> None:
    """Test datagrams that a server ignores. The SYNs beside them reach it too, so no router answers them."""
    (found,) = connect_entries("beside(V4, 6, 81, 'udp')", tmp_path)
    assert outcomes(found)[0] == (6, "expired") and "compared" not in found


@pytest.mark.parametrize(("how", "last"), [({"silent": (4,)}, 3), ({"silent": (3,)}, 3), ({"icmp_per_second": 0.5}, 3)])
def test_silent_and_tired_routers_are_no_comparison(tmp_path: Path, how: dict[str, Any], last: int) -> None:
    censor = on_hop(5, IPBlackhole(ports=[81]))
    found = connect_entries(f"walk(V4, 443, 'tcp'), beside(V4, {last})", tmp_path, censor, **how)
    assert "compared" not in found[1]


def test_parallel_routers_are_no_comparison(tmp_path: Path) -> None:
    """Test five comparisons of a path that a load balancer divides at the last router that answers."""
    censor = on_hop(6, IPBlackhole(ports=[81]))
    found = connect_entries("*(beside(V4, 4) for _ in range(5))", tmp_path, censor, parallel=(4, 5))
    assert sum("compared" in entry for entry in found) < 4


QUOTES = """
from probe.steps.path.quoted_datagrams import quoted_datagrams

async def quotes(ip, ttls, port=53):
    trace = Trace()
    left = list(ttls)
    async with trace.transaction(TransactionFacts("followup", followup="limited_payload", address=ip)) as tx:
        build = lambda: binding_request(secrets.token_bytes(12))
        choose = lambda distances: left.pop(0) if left else 0
        await quoted_datagrams(tx, ip, port, "stun", build, choose, pace=PACE)
    return trace
"""


def quoted(flows: str, folder: Path, *censors: Any, **path: Any) -> list[list[tuple[int, str, str]]]:
    found = entries(flows, folder, *censors, head="import secrets\n" + HEAD + QUOTES, **path)
    return [[(one["ttl"], one["outcome"], one["quote"]) for one in entry["distances"]] for entry in found]


def test_datagram_is_quoted_as_routers_received_it(tmp_path: Path) -> None:
    censor = on_hop(4, PayloadTampering(protocols=["stun"], direction="out"))
    found = quoted("quotes(V4, [5, 3, 4, 2]), quotes(V6, [3, 4])", tmp_path, censor)
    same, swapped = ("expired", "same"), ("expired", "swapped")
    assert found == [[(5, *swapped), (3, *same), (4, *swapped), (2, *same)], [(3, *same), (4, *swapped)]]


def test_datagram_that_is_answered_ends_the_flow(tmp_path: Path) -> None:
    censor = on_hop(4, PayloadTampering(protocols=["stun"], direction="in"))
    (found,) = quoted("quotes(V4, [6, 7, 5])", tmp_path, censor)
    assert found == [(6, "expired", "same"), (7, "answered", "none")]


def test_routers_that_quote_only_a_header_show_no_payload(tmp_path: Path) -> None:
    censor = on_hop(4, PayloadTampering(protocols=["stun"], direction="out"))
    found = quoted("quotes(V4, [3, 4]), quotes(V6, [3, 4])", tmp_path, censor, quoted=8)
    assert found == [[(3, "expired", "short"), (4, "expired", "short")]] * 2


def test_silent_router_ends_the_flow(tmp_path: Path) -> None:
    assert quoted("quotes(V4, [2, 3, 4])", tmp_path, silent=(3,)) == [[(2, "expired", "same"), (3, "silent", "none")]]


def test_closed_port_of_the_server_shows_no_place(tmp_path: Path) -> None:
    assert quoted("quotes(V4, [7, 6], 54)", tmp_path) == [[(7, "server_error", "none")]]
