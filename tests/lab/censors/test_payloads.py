"""Test that PayloadDrop and DTLSDrop drop, and PayloadTampering spoils, their protocols alone."""

import random
from itertools import pairwise

import pytest
from pydantic import ValidationError

from probe.lab.censors import CLASSES
from probe.lab.censors.kit.middlebox import Deployment
from probe.lab.censors.kit.payload_filter import is_rtp, is_sip
from probe.lab.censors.payloads import DTLSDrop, PayloadDrop, PayloadTampering
from probe.lab.net.layout import Direction
from probe.lab.net.packets import ACK, Packet, tcp_packet, udp_packet
from probe.wire import stun
from probe.wire.dtls.client_hello import SHAPES, HelloWriter
from tests.support.lab.hellos import CLIENT, CLIENT_V6, SERVER, SERVER_V6

OUT, IN = Direction.OUT, Direction.IN
OTHER = "151.101.1.1"
TRANSACTION = bytes(range(12))
ASKED, TOLD = stun.binding_request(TRANSACTION), stun.build("success", stun.BINDING, TRANSACTION)
SIP = b"OPTIONS sip:sip.example.org SIP/2.0\r\nVia: SIP/2.0/UDP anonymous.invalid\r\n\r\n"
SIP_ANSWER = b"SIP/2.0 200 OK\r\n\r\n"
DNS = bytes.fromhex("123401000001000000000000") + b"\3www\7example\0\0\1\0\1"
RTCP = bytes.fromhex("80c80006") + bytes(24)
RTP = bytes.fromhex("806f0001") + bytes(156)
DEPLOYMENT = Deployment(hop=4, zone={"stun.example.org": [SERVER, SERVER_V6]}, services={"stun/one": [SERVER]})


def deployed(protocols: list[str], **keys: object) -> PayloadDrop:
    censor = PayloadDrop.model_validate({"protocols": protocols, **keys})
    censor.deploy(DEPLOYMENT)
    return censor


def out(payload: bytes, dport: int = 3478, dst: str = SERVER) -> Packet:
    return Packet(udp_packet(CLIENT_V6 if ":" in dst else CLIENT, dst, 40000, dport, payload))


def back(payload: bytes, sport: int = 3478, src: str = SERVER) -> Packet:
    return Packet(udp_packet(src, CLIENT_V6 if ":" in src else CLIENT, sport, 40000, payload))


def drops(censor: PayloadDrop, packet: Packet, direction: Direction) -> bool:
    actions = censor.see(packet, direction, 0.0)
    assert actions is None or (not actions.forward and not actions.to_client and not actions.to_server)
    return actions is not None


@pytest.mark.parametrize("port", [3478, 53, 40123, 443])
@pytest.mark.parametrize("server", [SERVER, SERVER_V6])
def test_stun_is_recognised_by_payload_on_any_port(port: int, server: str) -> None:
    censor = deployed(["stun"])
    assert drops(censor, out(ASKED, port, server), OUT) and drops(censor, back(TOLD, port, server), IN)


@pytest.mark.parametrize("payload", [DNS, RTP, RTCP, SIP, SIP_ANSWER, b"", bytes(28), ASKED[::-1], ASKED[:19]])
def test_other_datagrams_pass_on_the_stun_port(payload: bytes) -> None:
    censor = deployed(["stun"])
    assert not drops(censor, out(payload), OUT) and not drops(censor, back(payload), IN)


@pytest.mark.parametrize(
    "payload", [SIP, SIP_ANSWER, b"\r\n" + SIP, b"REGISTER sips:x SIP/2.0\r\n", b"sip/2.0 404 No\r\n"]
)
def test_sip_is_recognised_by_its_first_line(payload: bytes) -> None:
    assert is_sip(payload)
    assert drops(deployed(["sip"]), out(payload, 40123), OUT) and not drops(deployed(["stun"]), out(payload, 5060), OUT)


@pytest.mark.parametrize(
    "payload", [b"GET / HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\n", b"SIP/2.0", b"SIP/2.0 abc\r\n", RTP, b"", DNS]
)
def test_other_first_lines_are_not_sip(payload: bytes) -> None:
    assert not is_sip(payload) and not drops(deployed(["sip"]), out(payload, 5060), OUT)


@pytest.mark.parametrize("head", ["8000", "806f", "80ef", "9060", "807f"])
def test_rtp_is_recognised_by_version_and_payload_type(head: str) -> None:
    assert is_rtp(bytes.fromhex(head) + bytes(10))
    assert drops(deployed(["rtp"]), out(bytes.fromhex(head) + bytes(150), 50000), OUT)


@pytest.mark.parametrize("payload", [RTCP, ASKED, DNS, SIP, b"", RTP[:11], b"\x40" + RTP[1:], b"\x82" + RTP[1:]])
def test_rtcp_and_other_datagrams_are_not_rtp(payload: bytes) -> None:
    assert not is_rtp(payload) and not drops(deployed(["rtp"]), out(payload, 50000), OUT)


def test_few_random_datagrams_look_like_rtp() -> None:
    drawn = random.Random("rtp")
    assert 20 < sum(is_rtp(drawn.randbytes(160)) for _ in range(10_000)) < 70


def test_stun_is_dropped_by_its_attributes() -> None:
    censor = deployed(["stun"], attributes=[0x4000, 0x8022])
    marked = stun.build("request", stun.BINDING, TRANSACTION, [(0x4000, b"\0\0\0\1")])
    assert drops(censor, out(marked), OUT)
    assert not drops(censor, out(ASKED), OUT) and not drops(censor, out(marked[:-2]), OUT)


def test_only_datagrams_with_more_bytes_are_dropped() -> None:
    censor = deployed(["stun"], longer_than=len(ASKED))
    longer = stun.build("request", stun.BINDING, TRANSACTION, [(0x8022, b"abcd")])
    assert len(longer) > len(ASKED)
    assert drops(censor, out(longer), OUT) and not drops(censor, out(ASKED), OUT)


def dropped_of_flow(censor: PayloadDrop, count: int, dport: int = 50000, every: float = 0.02) -> list[int]:
    """Return the numbers of dropped packets of a flow, from 0."""
    seen = (censor.see(out(RTP, dport), OUT, number * every) for number in range(count))
    return [number for number, actions in enumerate(seen) if actions is not None]


def test_packets_of_a_flow_pass_before_the_cutoff() -> None:
    censor = deployed(["rtp"], after_packets=5)
    assert dropped_of_flow(censor, 8) == [5, 6, 7]
    assert dropped_of_flow(censor, 8, dport=50001) == [5, 6, 7]
    assert not drops(censor, out(ASKED, 50000), OUT)
    assert not drops(censor, back(RTP, 50000), IN), "each direction is counted on its own"


def test_only_the_first_packet_of_a_flow_is_dropped() -> None:
    assert dropped_of_flow(deployed(["rtp"], until_packets=1), 4) == [0]


def test_seconds_of_a_flow_limit_what_is_dropped() -> None:
    assert dropped_of_flow(deployed(["rtp"], after_seconds=0.1, until_seconds=0.2), 500) == [5, 6, 7, 8, 9]
    assert dropped_of_flow(deployed(["rtp"], after_seconds=5.0), 500) == list(range(250, 500))


def test_share_is_dropped_by_chance() -> None:
    lost = dropped_of_flow(deployed(["rtp"], share=0.3), 10_000)
    assert 2860 < len(lost) < 3140
    assert 1.3 < mean_run(lost) < 1.55  # 1 / 0.7


def test_share_is_dropped_in_bursts() -> None:
    lost = dropped_of_flow(deployed([], share=0.1, burst_ms=160.0), 40_000)
    assert 3300 < len(lost) < 4700
    assert 7.0 < mean_run(lost) < 10.0


def test_burst_is_over_after_a_pause() -> None:
    """Test that a burst lasts for a time and not for a number of packets."""
    lost = dropped_of_flow(deployed([], share=0.3, burst_ms=160.0), 10_000, every=2.0)
    assert 1.3 < mean_run(lost) < 1.55  # as by chance


def mean_run(numbers: list[int]) -> float:
    """Return the mean length of runs of consecutive numbers."""
    runs = 1 + sum(number - before > 1 for before, number in pairwise(numbers))
    return len(numbers) / runs


def test_other_seed_drops_others() -> None:
    one, other = PayloadDrop(share=0.5), PayloadDrop(share=0.5)
    one.deploy(Deployment(seed=1))
    other.deploy(Deployment(seed=2))
    assert dropped_of_flow(one, 50) != dropped_of_flow(other, 50)


def test_both_protocols_are_dropped() -> None:
    censor = deployed(["stun", "sip"])
    assert (
        drops(censor, out(ASKED), OUT) and drops(censor, out(SIP, 5060), OUT) and not drops(censor, out(DNS, 53), OUT)
    )


@pytest.mark.parametrize(
    ("key", "outwards", "inwards"), [("both", True, True), ("out", True, False), ("in", False, True)]
)
def test_direction_key_limits_what_is_dropped(key: str, outwards: bool, inwards: bool) -> None:
    censor = deployed(["stun"], direction=key)
    assert (drops(censor, out(ASKED), OUT), drops(censor, back(TOLD), IN)) == (outwards, inwards)


@pytest.mark.parametrize("aim", [{"addresses": [SERVER]}, {"services": ["stun/one"]}, {"names": ["*.example.org"]}])
def test_only_listed_addresses_are_censored(aim: dict[str, object]) -> None:
    censor = deployed(["stun"], **aim)
    assert drops(censor, out(ASKED), OUT) and drops(censor, back(TOLD), IN)
    assert not drops(censor, out(ASKED, dst=OTHER), OUT) and not drops(censor, back(TOLD, src=OTHER), IN)


def test_ports_and_spare_are_honoured() -> None:
    censor = deployed(["stun"], ports=[3478])
    assert drops(censor, out(ASKED), OUT) and not drops(censor, out(ASKED, 19302), OUT)
    assert drops(censor, back(TOLD), IN) and not drops(censor, back(TOLD, 19302), IN)
    assert not drops(deployed(["stun"], spare=[SERVER]), out(ASKED), OUT)


def test_tcp_passes() -> None:
    packet = Packet(tcp_packet(CLIENT, SERVER, 40000, 3478, flags=ACK, seq=1, ack=1, payload=ASKED))
    assert not drops(deployed(["stun"]), packet, OUT)


def test_class_is_registered_by_its_name() -> None:
    assert CLASSES["PayloadDrop"] is PayloadDrop


@pytest.mark.parametrize(
    "keys",
    [
        {"protocols": ["quic"]},
        {"protocols": ["stun"], "on_path": True},
        {"after_packets": 8, "until_packets": 8},
        {"after_seconds": 3.0, "until_seconds": 2.0},
        {"burst_ms": 0.0},
        {"share": 0.0},
    ],
)
def test_wrong_keys_are_errors(keys: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PayloadDrop.model_validate(keys)


def tampering(**keys: object) -> PayloadTampering:
    censor = PayloadTampering.model_validate(keys)
    censor.deploy(DEPLOYMENT)
    return censor


def spoilt(censor: PayloadTampering, packet: Packet, direction: Direction) -> bytes | None:
    actions = censor.see(packet, direction, 0.0)
    if actions is None:
        return None
    assert actions.forward and actions.replace is not None
    changed = Packet(actions.replace)
    assert (changed.src, changed.dst, changed.sport, changed.dport) == (
        packet.src,
        packet.dst,
        packet.sport,
        packet.dport,
    )
    assert changed.ttl == packet.ttl
    return changed.payload


def test_tampering_exchanges_the_ends_of_its_protocols() -> None:
    censor = tampering(protocols=["stun"], direction="out")
    assert spoilt(censor, out(ASKED), OUT) == ASKED[-2:] + ASKED[2:-2] + ASKED[:2]
    for packet in (out(SIP), out(DNS, 53), out(RTP)):
        assert spoilt(censor, packet, OUT) is None
    assert spoilt(censor, back(TOLD), IN) is None
    assert spoilt(tampering(direction="in"), back(TOLD), IN) == TOLD[-2:] + TOLD[2:-2] + TOLD[:2]


def test_tampering_without_protocols_changes_every_datagram_to_its_ports() -> None:
    censor = tampering(ports=[3478])
    assert spoilt(censor, out(RTP), OUT) == RTP[-2:] + RTP[2:-2] + RTP[:2]
    assert spoilt(censor, out(DNS, 53), OUT) is None
    assert censor.see(Packet(tcp_packet(CLIENT, SERVER, 40000, 3478, flags=ACK, payload=ASKED)), OUT, 0.0) is None


def test_tampering_of_a_share_changes_about_as_many() -> None:
    censor = tampering(share=0.3)
    changed = sum(spoilt(censor, out(ASKED), OUT) is not None for _ in range(2000))
    assert 500 < changed < 700


# -- DTLS --------------------------------------------------------------------------------------------------------------

HELLOS = {shape: HelloWriter.new(shape).first() for shape in SHAPES}


def of_dtls(pattern: str, **keys: object) -> DTLSDrop:
    censor = DTLSDrop.model_validate({"pattern": pattern, **keys})
    censor.deploy(DEPLOYMENT)
    return censor


def dropped(censor: PayloadDrop | DTLSDrop) -> set[str]:
    return {shape for shape, hello in HELLOS.items() if censor.see(out(hello), OUT, 0.0) is not None}


def test_every_dtls_hello_is_recognised_by_protocol() -> None:
    assert dropped(deployed(["dtls"])) == set(SHAPES) and dropped(deployed(["stun"])) == set()
    assert not drops(deployed(["dtls"]), out(ASKED), OUT) and not drops(deployed(["dtls"]), out(RTP), OUT)


def test_dtls_hello_is_recognised_by_bytes_at_an_offset_or_anywhere() -> None:
    assert dropped(of_dtls("0036c02cc030", offset=61)) == {"openssl"}
    assert dropped(of_dtls("0036c02cc030", offset=60)) == set()
    assert dropped(of_dtls("0010c02bc02f")) == {"firefox"} and dropped(of_dtls("001d00170018")) == {"firefox", "dtls13"}


def test_bytes_in_other_datagrams_pass() -> None:
    assert of_dtls("2112a442").see(out(ASKED), OUT, 0.0) is None
    assert of_dtls("0036c02cc030", direction="in").see(out(HELLOS["openssl"]), OUT, 0.0) is None


@pytest.mark.parametrize("pattern", ["", "0", "0G", "00FF", "00 ff"])
def test_pattern_is_of_hexadecimal_digits(pattern: str) -> None:
    with pytest.raises(ValidationError):
        of_dtls(pattern)
