"""Test the replies with which SMTPInjection answers commands, with sequence numbers."""

import pytest
from pydantic import ValidationError

from probe.lab.censors.kit.middlebox import Deployment
from probe.lab.censors.mail_censors import SMTPInjection
from probe.lab.net.layout import Direction
from probe.lab.net.packets import ACK, PSH, SYN, Packet, tcp_packet
from probe.signatures.injected_answers import MAIL_REPLIES
from probe.wire.mail.smtp import read_reply
from tests.support.lab.hellos import CLIENT, SERVER
from tests.support.lab.wire_checks import is_correct

OUT, IN = Direction.OUT, Direction.IN
EHLO, STARTTLS = b"EHLO anonymous.invalid\r\n", b"STARTTLS\r\n"


def deployed(**keys: object) -> SMTPInjection:
    censor = SMTPInjection.model_validate(keys)
    censor.deploy(Deployment(hop=4))
    return censor


def sent(payload: bytes, *, port: int = 587, flags: int = PSH | ACK) -> Packet:
    return Packet(tcp_packet(CLIENT, SERVER, 40000, port, flags=flags, seq=1000, ack=5000, payload=payload))


@pytest.mark.parametrize("on_path", [True, False])
@pytest.mark.parametrize("code", [550, 551])
def test_reply_has_the_known_text_and_the_servers_numbers(on_path: bool, code: int) -> None:
    actions = deployed(on_path=on_path, code=code, ttl=61).see(sent(EHLO), OUT, 0.0)
    assert actions is not None and actions.forward is on_path and actions.to_server == ()
    ((delay, raw),) = actions.to_client
    packet = Packet(raw)
    assert delay == 0.0 and is_correct(raw) and packet.ttl == 61
    assert (packet.src, packet.dst, packet.sport, packet.dport) == (SERVER, CLIENT, 587, 40000)
    assert (packet.seq, packet.ack) == (5000, 1000 + len(EHLO))
    reply, rest = read_reply(packet.payload)
    assert reply is not None and (reply.code, reply.lines, rest) == (code, (MAIL_REPLIES[code],), b"")


def test_only_the_chosen_command_is_answered() -> None:
    censor = deployed(to="starttls")
    assert censor.see(sent(STARTTLS), OUT, 0.0) is not None
    for payload in (EHLO, b"STARTTLS now please and more", b"QUIT\r\n", b""):
        assert censor.see(sent(payload), OUT, 0.0) is None
    assert censor.see(sent(STARTTLS, port=465), OUT, 0.0) is None
    assert censor.see(Packet(tcp_packet(SERVER, CLIENT, 587, 40000, flags=ACK, payload=STARTTLS)), IN, 0.0) is None


def test_flow_with_a_held_command_stays_held_until_it_is_opened_anew() -> None:
    censor = deployed(on_path=False)
    assert censor.see(sent(b"", flags=SYN), OUT, 0.0) is None
    censor.see(sent(EHLO), OUT, 0.0)
    later = censor.see(sent(b"QUIT\r\n"), OUT, 0.1)
    assert later is not None and not later.forward and later.to_client == ()
    assert censor.see(sent(b"", flags=SYN), OUT, 1.0) is None


def test_false_greeting_answers_the_end_of_the_handshake() -> None:
    for on_path in (True, False):
        censor = deployed(on_path=on_path, to="connect", code=0)
        assert censor.see(sent(b"", flags=SYN), OUT, 0.0) is None
        greeting = censor.see(sent(b""), OUT, 0.1)
        assert greeting is not None and greeting.forward and len(greeting.to_client) == 1
        text = Packet(greeting.to_client[0][1]).payload
        assert text[:1] in b"45" and text.endswith(b"\r\n")
        own = Packet(tcp_packet(SERVER, CLIENT, 587, 40000, flags=ACK, payload=b"220 ready\r\n"))
        later = censor.see(own, IN, 0.2)
        assert later is None if on_path else later is not None and not later.forward


def test_wrong_keys_are_errors() -> None:
    for keys in ({"code": 600}, {"to": "data"}):
        with pytest.raises(ValidationError):
            SMTPInjection.model_validate(keys)
