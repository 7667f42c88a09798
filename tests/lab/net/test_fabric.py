"""Test hops, delays and censors of the fabric, in virtual time."""

import pytest

from probe.lab.net.fabric import Actions, Direction, FabricConfig, PathConfig
from probe.lab.net.layout import Outage, RateOfConnections
from probe.lab.net.packets import ACK, RST, SYN, Packet, tcp_packet, udp_packet, with_ttl
from tests.support.lab.virtual import SERVER, SERVER6, VirtualLab, Watcher
from tests.support.lab.wire_checks import is_correct

HOME = "192.168.1.50"
OUT, IN = Direction.OUT, Direction.IN


def make(*censors: Watcher, **rest: object) -> VirtualLab:
    config = FabricConfig(servers=[SERVER, SERVER6], home_address=HOME, censors=censors, **rest)  # type: ignore[arg-type]
    return VirtualLab(config)


def query(ttl: int = 64, dst: str = SERVER, payload: bytes = b"hello") -> bytes:
    return udp_packet(HOME, dst, 5000, 443, payload, ttl=ttl)


def query6(ttl: int = 64, dst: str = SERVER6) -> bytes:
    return udp_packet("3c00:88:99:77::1:5", dst, 5000, 443, b"hello", ttl=ttl)


def answer_to(packet: Packet, payload: bytes = b"answer", ttl: int = 64) -> bytes:
    return udp_packet(packet.dst, packet.src, packet.dport, packet.sport, payload, ttl=ttl)


@pytest.mark.parametrize(("before", "after"), [(3, 2), (1, 0), (5, 4)])
def test_ttl_sweep_gets_an_error_from_each_hop(before: int, after: int) -> None:
    lab = make(path=PathConfig(before=before, after=after))
    hops = before + 1 + after
    for ttl in range(1, hops + 1):
        for raw, first, other in (
            (query(ttl), "192.168.1.1", f"10.9.{ttl}.1"),
            (query6(ttl), "3c00:88:99:77::1", f"3c00:9:{ttl}::1"),
        ):
            lab.send("home", raw)
            (error,) = lab.take("home")
            assert error.src == (first if ttl == 1 else other)
            assert error.icmp_type == (11 if error.version == 4 else 3) and is_correct(error.raw)
            assert error.ttl == 64 - (ttl - 1)
            quoted = Packet(error.payload)
            assert (quoted.src, quoted.dst, quoted.sport) == (Packet(raw).src, Packet(raw).dst, 5000)
            assert lab.take("outside") == []
    lab.send("home", query(hops + 1))
    (arrived,) = lab.take("outside")
    assert arrived.ttl == 1 and arrived.src == "192.88.99.77" and is_correct(arrived.raw)


def test_silent_router_sends_no_error_and_forwards_the_rest() -> None:
    lab = make(path=PathConfig(silent=(3,)))
    for raw in (query(3), query6(3)):
        lab.send("home", raw)
        assert lab.take("home") == []
    lab.send("home", query(4))
    assert [error.src for error in lab.take("home")] == ["10.9.4.1"]


def test_rate_limited_router_sends_the_next_error_after_a_pause() -> None:
    lab = make(path=PathConfig(icmp_per_second=2.0))
    errors = []
    for _ in range(6):
        lab.send("home", query(3))
        errors.append(len(lab.take("home")))
        lab.now += 0.2
    assert errors == [1, 0, 0, 1, 0, 0]


@pytest.mark.parametrize(("size", "quoted", "found"), [(20, None, 20), (1000, None, 520), (20, 8, 0), (20, 12, 4)])
def test_router_quotes_the_payload_as_it_received_it(size: int, quoted: int | None, found: int) -> None:
    """Test the length of the quote, and a device on hop 3 that changes the payload."""

    def spoil(packet: Packet, direction: Direction) -> Actions | None:
        if direction is IN:
            return None
        changed = udp_packet(packet.src, packet.dst, packet.sport, packet.dport, b"x" * size, ttl=packet.ttl)
        return Actions(replace=changed)

    lab = make(Watcher(3, on_path=False, decide=spoil), path=PathConfig(quoted=quoted))
    for ttl, letter in ((2, b"a"), (3, b"x")):
        lab.send("home", query(ttl, payload=b"a" * size))
        (error,) = lab.take("home")
        assert is_correct(error.raw) and len(error.raw) <= 576
        assert error.payload[28:] == letter * found and Packet(error.payload).sport == 5000


def test_answers_arrive_with_ttl_reduced_by_all_hops() -> None:
    lab = make()
    for raw in (query(), query6()):
        lab.send("home", raw)
        (arrived,) = lab.take("outside")
        assert arrived.ttl == 58
        lab.send("outside", answer_to(arrived))
        (answer,) = lab.take("home")
        assert answer.ttl == 58 and answer.dst == Packet(raw).src and is_correct(answer.raw)


def test_answer_with_a_short_ttl_expires_and_the_server_gets_an_error() -> None:
    lab = make()
    lab.send("home", query())
    (arrived,) = lab.take("outside")
    lab.send("outside", answer_to(arrived, ttl=2))
    assert lab.take("home") == []
    (error,) = lab.take("outside")
    assert error.src == "10.9.5.1" and error.dst == SERVER and error.ttl == 63


def test_delay_is_spread_over_the_hops() -> None:
    lab = make(path=PathConfig(rtt_ms=70))
    for ttl, expected in ((1, 0.010), (4, 0.040), (6, 0.060)):
        start = lab.now
        lab.send("home", query(ttl))
        lab.take("home")
        assert lab.now - start == pytest.approx(expected)
    start = lab.now
    lab.send("home", query())
    assert lab.now - start == pytest.approx(0.035)
    lab.send("outside", answer_to(lab.take("outside")[0]))
    assert lab.now - start == pytest.approx(0.070)


def test_censor_sees_packets_before_the_ttl_is_decremented() -> None:
    watcher = Watcher(4, True)
    lab = make(watcher, path=PathConfig(rtt_ms=70))
    for ttl in (3, 4, 64):
        lab.send("home", query(ttl))
    assert [packet.ttl for packet, _, _ in watcher.seen if packet.is_udp] == [1, 61]
    assert all(packet.src == "192.88.99.77" for packet, _, _ in watcher.seen)
    (arrived,) = lab.take("outside")
    watcher.seen.clear()
    start = lab.now
    lab.send("outside", answer_to(arrived))
    ((packet, direction, now),) = watcher.seen
    assert direction is IN and packet.ttl == 62 and now - start == pytest.approx(0.015)


def test_injected_packets_lose_one_ttl_per_hop() -> None:
    def reset(packet: Packet, direction: Direction) -> Actions | None:
        if direction is not OUT or not packet.payload:
            return None
        to_client = tcp_packet(packet.dst, packet.src, packet.dport, packet.sport, flags=RST, ttl=61)
        to_server = tcp_packet(packet.src, packet.dst, packet.sport, packet.dport, flags=RST, ttl=61)
        return Actions(forward=False, to_client=[(0.001, to_client)], to_server=[(0.0, to_server)])

    lab = make(Watcher(4, True, reset), path=PathConfig(rtt_ms=70))
    lab.send("home", tcp_packet(HOME, SERVER, 5000, 443, flags=ACK, payload=b"secret"))
    (injected,) = lab.take("home")
    assert (injected.ttl, injected.tcp_flags, injected.dst) == (61 - 3, RST, HOME) and is_correct(injected.raw)
    reset_there, original = sorted(lab.take("outside"), key=lambda packet: packet.tcp_flags)
    assert reset_there.tcp_flags == RST and reset_there.ttl == 61 - 2
    assert original.payload == b"secret", "an on-path censor cannot drop packets"
    assert lab.wires["home"].got == []


def test_censor_begins_some_seconds_after_the_first_packet() -> None:
    lab = make(
        Watcher(4, False, decide=lambda packet, direction: Actions(forward=False), begins=5.0),
        path=PathConfig(rtt_ms=70),
    )
    for seconds, arrived in ((0.0, 1), (4.0, 1), (1.5, 0)):
        lab.now += seconds
        lab.send("home", query())
        assert len(lab.take("outside")) == arrived


def test_injection_arrives_after_a_share_of_the_path() -> None:
    late = Watcher(
        4, True, lambda packet, direction: Actions(to_client=[(0.002, answer_to(packet))]) if direction is OUT else None
    )
    lab = make(late, path=PathConfig(rtt_ms=70))
    lab.fabric.receive("home", query(), 0.0)
    lab.settle()
    ((at, packet),) = lab.wires["home"].got
    assert at == pytest.approx(0.042) and packet.payload == b"answer"


def test_in_path_censor_drops_or_replaces() -> None:
    drop = make(Watcher(4, False, lambda packet, direction: Actions(forward=False)))
    drop.send("home", query())
    assert drop.take("outside") == [] and drop.take("home") == []
    other = udp_packet("192.88.99.77", SERVER, 5000, 443, b"other", ttl=61)
    swap = make(Watcher(4, False, lambda packet, direction: Actions(replace=other)))
    swap.send("home", query())
    (arrived,) = swap.take("outside")
    assert arrived.payload == b"other" and arrived.ttl == 58


def test_dropped_packet_does_not_reach_a_later_censor() -> None:
    first, second = Watcher(2, False, lambda packet, direction: Actions(forward=False)), Watcher(5, True)
    lab = make(first, second)
    lab.send("home", query())
    assert len(first.seen) == 1 and second.seen == []


def test_censor_may_be_on_the_first_or_the_last_hop() -> None:
    first, last = Watcher(1, True), Watcher(6, True)
    lab = make(first, last)
    lab.send("home", query(1))
    lab.send("home", query(6))
    assert [packet.ttl for packet, direction, _ in first.seen if direction is OUT] == [1, 6]
    assert [packet.ttl for packet, direction, _ in last.seen if direction is OUT] == [1]
    with pytest.raises(ValueError, match="hops 1 to 6"):
        make(Watcher(7, True))


def test_loss_has_the_configured_rate_and_depends_on_the_seed() -> None:
    def arrived(seed: int) -> list[int]:
        lab = make(path=PathConfig(loss=0.2), seed=seed)
        for number in range(1000):
            lab.send("home", query(payload=number.to_bytes(2, "big")))
        return [int.from_bytes(packet.payload, "big") for packet in lab.take("outside")]

    first = arrived(1)
    assert 750 < len(first) < 850 and first == arrived(1) != arrived(2)


def sizes(lab: VirtualLab, *, to_home: bool, version: int) -> list[int]:
    """Send packets of 1399 to 1401 bytes and return the lengths of those that arrive, after one that opens the NAT."""
    first = query() if version == 4 else query6()
    lab.send("home", first)
    (arrived,) = lab.take("outside")
    headers = len(first) - len(b"hello")
    for length in (1399, 1400, 1401):
        payload = bytes(length - headers)
        if to_home:
            lab.send("outside", answer_to(arrived, payload))
        else:
            source = HOME if version == 4 else "3c00:88:99:77::1:5"
            lab.send("home", udp_packet(source, arrived.dst, 5000, 443, payload, ttl=64))
    assert [packet for packet in lab.take("outside" if to_home else "home") if packet.is_icmp_error] == []
    return [len(packet.raw) for packet in lab.take("home" if to_home else "outside")]


@pytest.mark.parametrize("family", [None, 4, 6])
@pytest.mark.parametrize("direction", ["both", "out", "in"])
def test_packets_over_the_mtu_are_lost_without_icmp(direction: str, family: int | None) -> None:
    for version in (4, 6):
        for way in ("out", "in"):
            lab = make(path=PathConfig(mtu=1400, mtu_family=family, mtu_direction=direction))  # type: ignore[arg-type]
            limited = family in (None, version) and direction in ("both", way)
            found = sizes(lab, to_home=way == "in", version=version)
            assert found == ([1399, 1400] if limited else [1399, 1400, 1401])


def test_packets_over_the_mtu_are_lost_behind_the_first_hop() -> None:
    watcher = Watcher(1, True), Watcher(2, True)
    lab = make(*watcher, path=PathConfig(mtu=100))
    lab.send("home", query())
    (arrived,) = lab.take("outside")
    lab.send("home", query(ttl=1, payload=bytes(200)))
    assert [error.icmp_type for error in lab.take("home")] == [11], "the first hop is before the narrow link"
    lab.send("home", query(ttl=2, payload=bytes(200)))
    assert lab.take("home") == []
    lab.send("outside", answer_to(arrived, bytes(200)))
    assert lab.take("home") == []
    long_ones = [[(d, len(p.raw)) for p, d, _ in one.seen if len(p.raw) > 100 and p.is_udp] for one in watcher]
    assert long_ones == [[(OUT, 228), (OUT, 228)], [(IN, 228)]]


def test_packet_that_a_censor_injects_behind_the_narrow_link_is_not_limited() -> None:
    def answer(packet: Packet, direction: Direction) -> Actions | None:
        there = udp_packet(packet.src, packet.dst, packet.sport, packet.dport, bytes(300), ttl=64)
        here = answer_to(packet, bytes(300))
        return Actions(to_server=[(0.0, there)], to_client=[(0.0, here)]) if direction is OUT else None

    lab = make(Watcher(4, True, answer), path=PathConfig(mtu=100))
    lab.send("home", query())
    assert sorted(len(packet.payload) for packet in lab.take("outside")) == [5, 300]
    assert lab.take("home") == []


def test_censor_sees_some_of_the_lost_packets() -> None:
    watcher = Watcher(4, True)
    lab = make(watcher, path=PathConfig(loss=1.0))
    for _ in range(200):
        lab.send("home", query())
    assert lab.take("outside") == [] and 40 < len(watcher.seen) < 160


def test_rate_limit_delays_packets_and_drops_beyond_its_queue() -> None:
    lab = make(path=PathConfig(rtt_ms=0, rate_kbit=800))  # 100 bytes a millisecond
    for _ in range(100):
        lab.send("home", query(payload=b"x" * 972), settle=False)
    lab.settle()
    times = [at for at, _ in lab.wires["outside"].got]
    assert times[0] == pytest.approx(0.010) and times[9] == pytest.approx(0.100)
    assert 30 <= len(times) <= 32, "300 ms of queue at 10 ms a packet"


@pytest.mark.parametrize(("queue_ms", "packets"), [(0.0, 1), (1000.0, 101), (2000.0, 200)])
def test_queue_of_the_access_line_has_the_length_of_the_path(queue_ms: float, packets: int) -> None:
    lab = make(path=PathConfig(rtt_ms=0, rate_kbit=800, queue_ms=queue_ms))
    for _ in range(200):
        lab.send("home", query(payload=b"x" * 972), settle=False)
    lab.settle()
    times = [at for at, _ in lab.wires["outside"].got]
    assert len(times) == pytest.approx(packets, abs=1)
    assert times[-1] <= queue_ms / 1000 + 0.011


def test_unknown_dead_and_unreachable_addresses() -> None:
    lab = make(dead=["149.154.167.0/24"], unreachable=["9.9.9.0/24", "3c00:dead::/32"])
    for raw in (query(dst="1.1.1.1"), query(dst=SERVER), query6(dst="2606:4700:4700::1111")):
        lab.send("home", raw)
    assert lab.take("outside") == [] and lab.take("home") == []
    lab.send("home", query(dst="9.9.9.9"))
    lab.send("home", query6(dst="3c00:dead::1"))
    ipv4, ipv6 = lab.take("home")
    assert (ipv4.src, ipv4.raw[20:22], ipv4.ttl) == ("10.9.6.1", b"\3\1", 59) and is_correct(ipv4.raw)
    assert (ipv6.src, ipv6.raw[40:42]) == ("3c00:9:6::1", b"\1\3") and is_correct(ipv6.raw)


def test_helper_has_its_own_path_and_the_user_reaches_it_through_the_censor() -> None:
    watcher = Watcher(4, True)
    lab = make(watcher)
    lab.send("helper", udp_packet("192.88.99.200", SERVER, 6000, 443, b"from helper"))
    (arrived,) = lab.take("outside")
    assert arrived.src == "192.88.99.200" and watcher.seen == []
    lab.send("outside", answer_to(arrived))
    assert lab.take("helper")[0].payload == b"answer" and watcher.seen == []
    lab.send("home", query(dst="192.88.99.200"))
    (asked,) = lab.take("helper")
    assert asked.src == "192.88.99.77" and len(watcher.seen) == 1
    lab.send("helper", answer_to(asked))
    assert lab.take("home")[0].payload == b"answer" and len(watcher.seen) == 2


def test_packets_without_network_without_ipv6_or_with_spoofed_source_are_dropped() -> None:
    cut = make(no_network="silent")
    cut.send("home", query())
    cut.send("home", udp_packet(HOME, "192.168.1.1", 5000, 99, b""))
    (closed,) = cut.take("home")
    assert closed.icmp_type == 3 and cut.take("outside") == []
    for how in ("absent", "silent"):
        lab = make(no_ipv6=how)
        lab.send("home", query6())
        assert lab.take("outside") == [] and lab.take("home") == []
    lab = make(no_ipv6="absent")
    lab.send("home", query6())
    lab.send("home", udp_packet("8.8.8.8", SERVER, 1, 2, b""))
    assert lab.take("outside") == []


def test_router_without_network_sends_unreachable_if_configured() -> None:
    lab = make(no_network="unreachable")
    for packet, kind in ((query(), (3, 0)), (query6(), (1, 0))):
        lab.send("home", packet)
        (error,) = lab.take("home")
        assert (error.icmp_type, error.raw[error.offset + 1]) == kind and is_correct(error.raw)
    assert lab.take("outside") == []


def test_router_resets_connections_to_itself() -> None:
    lab = make()
    lab.send("home", tcp_packet(HOME, "192.168.1.1", 5000, 80, flags=SYN, seq=7))
    (reset,) = lab.take("home")
    assert reset.tcp_flags == RST | ACK and reset.ack == 8 and is_correct(reset.raw)


def test_link_local_and_multicast_are_not_forwarded() -> None:
    lab = make()
    for raw in (query6(dst="ff02::2"), query(dst="239.1.1.1"), query(dst="255.255.255.255"), b"\x45", b""):
        lab.send("home", raw)
    assert lab.take("outside") == [] and lab.take("home") == []


def test_icmp_error_causes_no_error() -> None:
    lab = make()
    lab.send("home", query(3))
    (error,) = lab.take("home")
    lab.send("outside", with_ttl(error.raw, 1))
    assert lab.take("outside") == []


# -- outages -----------------------------------------------------------------------------------------------------------


def syn(side: str) -> bytes:
    return tcp_packet(HOME if side == "home" else "192.88.99.200", SERVER, 5000, 443, flags=SYN, seq=7)


def test_server_goes_down_and_comes_back_for_user_and_helper() -> None:
    lab = make(outages=[Outage([SERVER], "silent", after=10.0, until=20.0)])
    lab.send("helper", syn("helper"))
    assert len(lab.take("outside")) == 1
    lab.now += 100.0  # no packet of the user has begun the run yet
    up = []
    for pause in (0.0, 9.0, 2.0, 8.0, 3.0):
        lab.now += pause
        arrived = 0
        for side in ("home", "helper"):
            lab.send(side, syn(side))
            arrived += len(lab.take("outside"))
        up.append(arrived)
    assert up == [2, 2, 0, 0, 2]
    assert lab.take("home") == lab.take("helper") == []


def test_refusing_server_resets_every_connection() -> None:
    lab = make(outages=[Outage([SERVER], "refused")])
    for side in ("home", "helper"):
        lab.send(side, syn(side))
        (reset,) = lab.take(side)
        assert reset.tcp_flags == RST | ACK and (reset.ack, reset.dport) == (8, 5000) and is_correct(reset.raw)
    assert lab.take("outside") == []


def test_server_is_back_with_a_question_to_the_helper() -> None:
    lab = make(outages=[Outage([SERVER], "silent", questions=2)])
    question = tcp_packet(HOME, "192.88.99.200", 5000, 80, flags=SYN)
    lab.send("home", question)  # before the run
    up = []
    for _ in range(3):
        lab.send("home", syn("home"))
        up.append(len(lab.take("outside")))
        lab.send("home", question)
    assert up == [0, 0, 1]


def test_question_to_the_helper_does_not_begin_the_run() -> None:
    lab = make(outages=[Outage([SERVER], "silent")])
    lab.send("home", query(dst="192.88.99.200"))
    lab.send("helper", syn("helper"))
    assert len(lab.take("outside")) == 1


# -- limits of connections in a time -----------------------------------------------------------------------------------


def opened(lab: VirtualLab, port: int, *, at: str = SERVER, side: str = "home") -> str:
    """Open a connection and send a byte. Return what is answered by a reset: "connect", "data" or nothing."""
    source = HOME if side == "home" else "192.88.99.200"
    for name, flags, payload in (("connect", SYN, b""), ("data", ACK, b"x")):
        lab.send(side, tcp_packet(source, at, port, 443, flags=flags, seq=7, ack=9, payload=payload))
        if any(packet.tcp_flags & RST for packet in lab.take(side)):
            return name
    return ""


@pytest.mark.parametrize("where", ["connect", "data"])
def test_server_with_a_limit_resets_connections_that_follow_too_soon(where: str) -> None:
    lab = make(connection_rates=[RateOfConnections([SERVER], 1, 3.0, where)])  # type: ignore[arg-type]
    found = []
    for port, pause in ((1, 0.0), (2, 1.0), (3, 1.0), (4, 2.0), (5, 0.1)):
        lab.now += pause
        found.append(opened(lab, port))
    assert found == ["", where, where, "", where]
    resets = [packet for packet in lab.take("outside") if packet.tcp_flags & RST]
    assert [packet.sport for packet in resets] == ([2, 3, 5] if where == "data" else [])


def test_refused_connections_renew_a_limit_that_counts_them() -> None:
    lab = make(connection_rates=[RateOfConnections([SERVER], 1, 3.0, "data", renews=True)])
    found = []
    for port, pause in ((1, 0.0), (2, 2.0), (3, 2.0), (4, 3.1)):
        lab.now += pause
        found.append(opened(lab, port))
    assert found == ["", "data", "data", ""]


@pytest.mark.parametrize(("per", "other"), [("address", ""), ("network", "connect"), ("all", "connect")])
def test_servers_may_share_a_limit(per: str, other: str) -> None:
    beside = SERVER.rpartition(".")[0] + ".250"
    limit = RateOfConnections([SERVER, beside], 1, 3.0, "connect", per)  # type: ignore[arg-type]
    lab = make(connection_rates=[limit])
    assert [opened(lab, 1), opened(lab, 2, at=beside)] == ["", other]


def test_limit_counts_each_client_and_may_spare_one() -> None:
    for spared in ((), ("192.88.99.200",)):
        lab = make(connection_rates=[RateOfConnections([SERVER], 1, 3.0, "connect", spared=spared)])
        found = [opened(lab, port, side=side) for port, side in ((1, "home"), (1, "helper"), (2, "helper"))]
        assert found == ["", "", "" if spared else "connect"]


def test_syn_that_is_sent_again_is_the_same_connection() -> None:
    lab = make(connection_rates=[RateOfConnections([SERVER], 1, 3.0, "connect")])
    assert [opened(lab, port) for port in (1, 2)] == ["", "connect"]
    lab.now += 3.1
    assert opened(lab, 2) == "connect"
