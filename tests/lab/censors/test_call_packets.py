"""Test that censors of call packets know those of one app."""

import random

import pytest

from probe.lab.censors.kit.payload_filter import is_rtp
from probe.lab.net.layout import Direction
from probe.wire.media.reflector_shape import ReflectorShape
from probe.wire.media.rtp import RTPShape
from probe.wire.media.shape import PacketRequest
from probe.wire.media.whatsapp_shape import WhatsAppShape
from probe.wire.telegram import reflector
from tests.lab.censors.test_payloads import ASKED, DNS, RTCP, RTP, SIP, deployed, drops, out

OUT = Direction.OUT
OF_APPS = {
    "webrtc": RTP,
    "whatsapp": WhatsAppShape(bytes(12), "forth").write_packet(7, bytes(112)),
    "reflector_data": ReflectorShape(bytes(12), "back").write_packet(7, bytes(112)),
}


@pytest.mark.parametrize("protocol", OF_APPS)
def test_packets_of_one_apps_calls_are_recognised_alone(protocol: str) -> None:
    others = [DNS, SIP, ASKED, RTCP, b"", bytes(25), bytes(160), random.Random(1).randbytes(160)]
    cut = reflector.data_packet(bytes(16), bytes(4), b"data")[:-1]
    others += [cut, b"\x80\x08" + RTP[2:], reflector.hello(bytes(16))]
    for name, payload in OF_APPS.items():
        assert drops(deployed([protocol]), out(payload, 50000), OUT) == (name == protocol)
    assert not any(drops(deployed([protocol]), out(payload, 50000), OUT) for payload in others)


def test_filter_of_rtp_knows_that_of_whatsapp_and_none_inside_frames() -> None:
    assert [is_rtp(payload) for payload in OF_APPS.values()] == [True, True, False]


def test_requests_of_apps_are_recognised() -> None:
    request = PacketRequest(bytes(12), bytes(20), bytes(12))
    asked = [shape.write_request(request) for shape in (WhatsAppShape, RTPShape, ReflectorShape)]
    token, frames = deployed(["stun"], attributes=[0x4000]), deployed(["reflector_data"])
    assert [drops(token, out(each, 50000), OUT) for each in asked] == [True, False, False]
    assert [drops(frames, out(each, 50000), OUT) for each in asked] == [False, False, True]
