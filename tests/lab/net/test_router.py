"""Test the NAT, the checksums and the filter of the home router."""

from hypothesis import example, given
from hypothesis import strategies as st

from probe.lab.net.crafting import icmp_packet, packed
from probe.lab.net.layout import FabricConfig
from probe.lab.net.packets import ACK, SYN, Packet, port_unreachable, tcp_packet, time_exceeded, udp_packet
from probe.lab.net.router import HomeRouter
from tests.support.lab.wire_checks import is_correct

HOME, PUBLIC, SERVER, RESOLVER = "192.168.1.50", "192.88.99.77", "149.154.167.51", "80.67.1.1"
ports = st.integers(1, 65535)


def make(**rest: object) -> HomeRouter:
    return HomeRouter(FabricConfig(home_address=HOME, home_router_dns=RESOLVER, **rest))  # type: ignore[arg-type]


def outbound(router: HomeRouter, raw: bytes, now: float = 0.0) -> Packet:
    translated = router.outbound(Packet(raw), now)
    assert translated is not None and is_correct(translated)
    return Packet(translated)


def inbound(router: HomeRouter, raw: bytes, now: float = 0.0) -> Packet | None:
    translated = router.inbound(Packet(raw), now)
    if translated is None:
        return None
    assert is_correct(translated)
    return Packet(translated)


@given(ports, ports, st.binary(max_size=40), st.booleans())
def test_answer_is_translated_back(sport: int, dport: int, payload: bytes, keeps: bool) -> None:
    router = make(nat_keeps_ports=keeps)
    for out in (
        udp_packet(HOME, SERVER, sport, dport, payload),
        tcp_packet(HOME, SERVER, sport, dport, flags=SYN, payload=payload),
    ):
        seen = outbound(router, out)
        assert (seen.src, seen.dst, seen.dport, seen.payload) == (PUBLIC, SERVER, dport, payload)
        assert (seen.sport == sport) if keeps else (40000 <= seen.sport <= 65535)
        make_answer = {
            17: lambda seen=seen: udp_packet(SERVER, PUBLIC, dport, seen.sport, payload),
            6: lambda seen=seen: tcp_packet(SERVER, PUBLIC, dport, seen.sport, flags=SYN | ACK),
        }[seen.protocol]
        answer = inbound(router, make_answer())
        assert answer is not None and (answer.src, answer.dst) == (SERVER, HOME)
        assert (answer.sport, answer.dport) == (dport, sport)


@given(ports, st.binary(min_size=1, max_size=700), st.booleans())
@example(1, b"\x01j", False)  # the translated checksum is 0, which UDP writes as 0xFFFF
def test_icmp_error_quotes_the_packet_that_the_user_sent(sport: int, payload: bytes, keeps: bool) -> None:
    router = make(nat_keeps_ports=keeps)
    for dst, dport in ((SERVER, 443), ("192.168.1.1", 53)):
        sent = udp_packet(HOME, dst, sport, dport, payload, ttl=1)
        seen = outbound(router, sent)
        error = inbound(router, time_exceeded("10.9.3.1", seen.raw))
        assert error is not None and (error.src, error.dst) == ("10.9.3.1", HOME)
        assert error.payload == sent[: len(error.payload)]


def test_packets_of_no_flow_are_dropped() -> None:
    router = make()
    outbound(router, udp_packet(HOME, SERVER, 5000, 443, b"x"))
    assert inbound(router, udp_packet("8.8.8.8", PUBLIC, 443, 5000, b"x")) is None
    assert inbound(router, udp_packet(SERVER, PUBLIC, 444, 5000, b"x")) is None
    assert inbound(router, tcp_packet(SERVER, PUBLIC, 443, 5000, flags=SYN)) is None
    assert inbound(router, udp_packet(SERVER, PUBLIC, 443, 5000, b"x")) is not None


def test_idle_flow_expires() -> None:
    router = make()
    outbound(router, udp_packet(HOME, SERVER, 5000, 443, b"x"), now=0.0)
    assert inbound(router, udp_packet(SERVER, PUBLIC, 443, 5000, b"x"), now=170.0) is not None
    assert inbound(router, udp_packet(SERVER, PUBLIC, 443, 5000, b"x"), now=400.0) is None


def test_flow_gets_another_port_after_its_time_although_packets_flow() -> None:
    router = make(nat_rebinds_after=4.0)
    ports = [outbound(router, udp_packet(HOME, SERVER, 5000, 443, b"x"), now=float(now)).sport for now in range(10)]
    assert ports[:5] == [5000] * 5 and len(set(ports[5:])) == 1 and ports[5] != 5000
    assert inbound(router, udp_packet(SERVER, PUBLIC, 443, 5000, b"x"), now=9.0) is None
    assert inbound(router, udp_packet(SERVER, PUBLIC, 443, ports[5], b"x"), now=9.0) is not None
    again = [outbound(router, tcp_packet(HOME, SERVER, 5000, 443, flags=ACK), now=now) for now in (0.0, 9.0)]
    assert {packet.sport for packet in again} == {5000}, "TCP keeps its port"


def test_dns_to_the_router_is_forwarded_to_the_isp_resolver() -> None:
    router = make()
    asked = outbound(router, udp_packet(HOME, "192.168.1.1", 5000, 53, b"question"))
    direct = outbound(router, udp_packet(HOME, RESOLVER, 5000, 53, b"direct"))
    assert (asked.dst, direct.dst) == (RESOLVER, RESOLVER) and asked.sport != direct.sport
    for _ in range(2):  # a second answer is not hidden
        answer = inbound(router, udp_packet(RESOLVER, PUBLIC, 53, asked.sport, b"answer"))
        assert answer is not None and (answer.src, answer.sport, answer.dport) == ("192.168.1.1", 53, 5000)
    other = inbound(router, udp_packet(RESOLVER, PUBLIC, 53, direct.sport, b"answer"))
    assert other is not None and other.src == RESOLVER
    closed = inbound(router, port_unreachable(RESOLVER, asked.raw))
    assert closed is not None and closed.src == "192.168.1.1"


def test_pings_are_translated() -> None:
    router = make(nat_keeps_ports=False)
    ping = icmp_packet(packed(HOME), packed(SERVER), 8, 0, b"\x12\x34\0\1data")
    seen = outbound(router, ping)
    assert seen.src == PUBLIC and seen.raw[24:26] != b"\x12\x34"
    answer = inbound(router, icmp_packet(packed(SERVER), packed(PUBLIC), 0, 0, seen.raw[24:]))
    assert answer is not None and answer.dst == HOME and answer.raw[24:28] == b"\x12\x34\0\1"
    error = inbound(router, time_exceeded("10.9.2.1", seen.raw))
    assert error is not None and error.payload == ping


def test_later_fragment_gets_the_public_address() -> None:
    router = make()
    raw = bytearray(udp_packet(HOME, SERVER, 5000, 443, b"x" * 16))
    raw[7] = 2
    translated = router.outbound(Packet(bytes(raw)), 0.0)
    assert translated is not None and Packet(translated).src == PUBLIC and translated[20:] == bytes(raw[20:])


@given(st.binary(min_size=0, max_size=80))
def test_malformed_icmp_errors_are_dropped(body: bytes) -> None:
    router = make()
    outbound(router, udp_packet(HOME, SERVER, 5000, 443, b"x"))
    router.inbound(Packet(icmp_packet(packed(SERVER), packed(PUBLIC), 11, 0, b"\0\0\0\0" + body)), 0.0)
    router.inbound(Packet(icmp_packet(packed(SERVER), packed(PUBLIC), 0, 0, body)), 0.0)
