"""Test that STUNInjection answers requests of STUN and TURN by an error, and nothing else."""

import pytest

from probe.lab.censors.stun_errors import STUNInjection
from probe.lab.net.packets import Packet, udp_packet
from probe.wire import stun
from tests.lab.censors.test_censors import IN, OUT, deployed, has_right_checksum
from tests.support.lab.hellos import CLIENT, SERVER

ID = bytes(range(12))


def datagram(payload: bytes) -> Packet:
    return Packet(udp_packet(CLIENT, SERVER, 40000, 3478, payload, ttl=61))


@pytest.mark.parametrize("on_path", [True, False])
@pytest.mark.parametrize("request_of", [stun.binding_request, stun.allocate_request])
def test_request_is_answered_by_an_error(request_of: object, on_path: bool) -> None:
    assert callable(request_of)
    actions = deployed(STUNInjection(code=486, on_path=on_path)).see(datagram(request_of(ID)), OUT, 0.0)
    assert actions is not None and actions.forward is on_path
    answer = Packet(actions.to_client[0][1])
    message = stun.parse(answer.payload)
    assert has_right_checksum(answer)
    assert (message.kind, message.error_code, message.transaction_id) == ("error", 486, ID)
    assert (answer.src, answer.dst, answer.sport, answer.dport) == (SERVER, CLIENT, 3478, 40000)


def test_answers_have_the_ttl_that_is_named() -> None:
    actions = deployed(STUNInjection(ttl=201)).see(datagram(stun.binding_request(ID)), OUT, 0.0)
    assert actions is not None and Packet(actions.to_client[0][1]).ttl == 201


def test_other_datagrams_and_answers_pass() -> None:
    censor = deployed(STUNInjection(code=0))
    assert censor.see(datagram(b"no protocol"), OUT, 0.0) is None
    assert censor.see(datagram(stun.build("success", stun.BINDING, ID, ())), OUT, 0.0) is None
    assert censor.see(datagram(stun.binding_request(ID)), IN, 0.0) is None
