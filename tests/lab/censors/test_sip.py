"""Test that SIPAlg rewrites addresses in SIP requests and nothing else, and that SIPInjection answers them."""

import pytest
from pydantic import ValidationError

from probe.lab.censors.sip_censors import SIPAlg, SIPInjection
from probe.lab.net.packets import Packet, tcp_packet, udp_packet
from probe.wire.sip.sip_message import read_message
from probe.wire.sip.sip_options import Options
from tests.lab.censors.test_censors import IN, OUT, deployed, has_right_checksum
from tests.support.lab.hellos import CLIENT, CLIENT_V6, SERVER, SERVER_V6
from tests.support.sip_torture import MESSAGES

REQUEST = Options("sip.example", "udp")


def datagram(payload: bytes, src: str = CLIENT, dst: str = SERVER, dport: int = 5060, ttl: int = 61) -> Packet:
    return Packet(udp_packet(src, dst, 40000, dport, payload, ttl=ttl))


def rewritten(censor: SIPAlg, packet: Packet) -> Packet:
    actions = censor.see(packet, OUT, 0.0)
    assert actions is not None and actions.replace is not None
    turned = Packet(actions.replace)
    assert has_right_checksum(turned)
    assert int.from_bytes(turned.raw[turned.offset + 4 : turned.offset + 6], "big") == 8 + len(turned.payload)
    assert (turned.src, turned.dst, turned.sport, turned.dport) == (packet.src, packet.dst, packet.sport, packet.dport)
    assert turned.ttl == packet.ttl == 61
    return turned


def test_gateway_writes_the_senders_address_into_via_and_contact() -> None:
    m = read_message(rewritten(deployed(SIPAlg()), datagram(REQUEST.written())).payload)
    assert m.vias[0].sent_by == (CLIENT, 40000) and m.vias[0].branch == REQUEST.branch
    assert [contact.uri for contact in m.contacts] == [f"sip:{REQUEST.user}@{CLIENT}:40000"]
    assert REQUEST.rewritten(m) == ["via", "contact"]


def test_rest_of_the_message_is_unchanged() -> None:
    before = REQUEST.written()
    after = rewritten(deployed(SIPAlg()), datagram(before)).payload
    here = f"{CLIENT}:40000".encode()
    back = after.replace(b"/UDP " + here, b"/UDP anonymous.invalid").replace(b"@" + here, b"@anonymous.invalid")
    assert back == before


@pytest.mark.parametrize("header", ["via", "contact"])
def test_only_the_listed_header_is_rewritten(header: str) -> None:
    censor = deployed(SIPAlg(rewrites=[header]))  # type: ignore[list-item]
    m = read_message(rewritten(censor, datagram(REQUEST.written())).payload)
    assert REQUEST.rewritten(m) == [header]


def test_ipv6_address_is_in_brackets() -> None:
    packet = datagram(REQUEST.written(), src=CLIENT_V6, dst=SERVER_V6)
    m = read_message(rewritten(deployed(SIPAlg()), packet).payload)
    assert m.vias[0].sent_by == (f"[{CLIENT_V6}]", 40000)


def test_compact_header_names_are_rewritten_and_the_body_is_not() -> None:
    text = b"OPTIONS sip:x SIP/2.0\r\nV: SIP/2.0/UDP a:9;branch=1\r\nm: sip:b\r\n\r\nVia: SIP/2.0/UDP c\r\n"
    after = rewritten(deployed(SIPAlg()), datagram(text)).payload
    assert after.count(CLIENT.encode()) == 2 and after.endswith(b"\r\n\r\nVia: SIP/2.0/UDP c\r\n")


def test_answers_other_protocols_and_tcp_pass() -> None:
    censor = deployed(SIPAlg())
    back = Packet(udp_packet(SERVER, CLIENT, 5060, 40000, MESSAGES["bcast"]))
    assert censor.see(back, IN, 0.0) is None
    assert censor.see(Packet(udp_packet(SERVER, CLIENT, 5060, 40000, REQUEST.written())), IN, 0.0) is None
    assert censor.see(datagram(b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12)), OUT, 0.0) is None
    assert censor.see(datagram(b"GET / HTTP/1.1\r\n\r\n"), OUT, 0.0) is None
    assert (
        censor.see(Packet(tcp_packet(CLIENT, SERVER, 40000, 5060, flags=24, payload=REQUEST.written())), OUT, 0.0)
        is None
    )
    assert deployed(SIPAlg(ports=[5070])).see(datagram(REQUEST.written()), OUT, 0.0) is None


def test_wrong_keys_are_errors() -> None:
    for keys in ({"on_path": True}, {"rewrites": []}, {"rewrites": ["to"]}):
        with pytest.raises(ValidationError):
            SIPAlg.model_validate(keys)


@pytest.mark.parametrize("on_path", [True, False])
@pytest.mark.parametrize(("status", "phrase"), [(480, "Temporarily Unavailable"), (500, "Server Internal Error")])
def test_injected_answer_is_valid_and_names_no_server(on_path: bool, status: int, phrase: str) -> None:
    censor = deployed(SIPInjection(on_path=on_path, status=status, ttl=60))  # type: ignore[arg-type]
    actions = censor.see(datagram(REQUEST.written()), OUT, 0.0)
    assert actions is not None and actions.forward is on_path and actions.to_server == ()
    ((delay, raw),) = actions.to_client
    packet, m = Packet(raw), read_message(Packet(raw).payload)
    assert (delay, packet.src, packet.dst, packet.sport, packet.dport) == (0.0, SERVER, CLIENT, 5060, 40000)
    assert packet.ttl == 60 and has_right_checksum(packet)
    assert (m.code, m.reason, m.first("server")) == (status, phrase, "")
    assert REQUEST.is_answered_by(m) and REQUEST.rewritten(m) == [] and m.receiver.tag
    named = deployed(SIPInjection(product="Home router 7.2")).see(datagram(REQUEST.written()), OUT, 0.0)
    assert named is not None and b"\r\nServer: Home router 7.2\r\n" in named.to_client[0][1]
    again = censor.see(datagram(REQUEST.written()), OUT, 0.5)
    assert again is not None and again.to_client[0][1] == raw  # one transaction, one answer


def test_injection_ignores_answers_other_protocols_and_other_servers() -> None:
    censor = deployed(SIPInjection(ports=[5060]))
    back = Packet(udp_packet(SERVER, CLIENT, 5060, 40000, REQUEST.written()))
    assert censor.see(back, IN, 0.0) is None
    assert censor.see(datagram(MESSAGES["bcast"]), OUT, 0.0) is None  # a response
    assert censor.see(datagram(b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12)), OUT, 0.0) is None
    assert censor.see(datagram(REQUEST.written(), dport=5061), OUT, 0.0) is None
    with pytest.raises(ValidationError):
        SIPInjection.model_validate({"status": 700})
