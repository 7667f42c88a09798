"""Test the SIP user agent: it sends no more than it received, its state is bounded, and only a caller gets RTP back."""

import secrets
import socket
from typing import Any

import pytest

from probe.helper.calls.sip_user_agent import (
    BURST,
    CALL_SECONDS,
    CALLS_A_TOKEN,
    MOST_PACKETS,
    RINGING_SECONDS,
    UNCONFIRMED_SECONDS,
    UserAgent,
)
from probe.helper.helper_limits import SIP_CALLS, TOKEN_SECONDS
from probe.wire.media.rtp import write_header
from probe.wire.media.shape import PeerAddress
from probe.wire.sip.call import Call
from probe.wire.sip.sdp import OPUS, audio_of, write_offer
from probe.wire.sip.sip_message import SIPMessage, read_message
from tests.attack.helper_process import helper_process

CLIENT = ("192.0.2.7", 40000)
MEDIA = ("192.0.2.7", 40002)
OFFER = write_offer("192.0.2.1", 40002, 4711)


class Caller:
    """Call a user agent from one place, and count the bytes of both directions."""

    def __init__(self, now: list[float], agent: UserAgent, token: str, place: PeerAddress = CLIENT) -> None:
        self.now, self.agent, self.place = now, agent, place
        self.call = Call("203.0.113.5", "udp", callee=token, port=5070)
        self.sent = self.received = 0

    def send(self, datagram: bytes, place: PeerAddress | None = None) -> SIPMessage | None:
        self.sent += len(datagram)
        return self.take(self.agent.budgets.answered(self.agent.answer, datagram, place or self.place))

    def take(self, response: bytes | None) -> SIPMessage | None:
        self.received += len(response or b"")
        assert self.received <= self.sent
        return None if response is None else read_message(response)

    def invite(self, offer: bytes = OFFER, place: PeerAddress | None = None) -> SIPMessage | None:
        return self.send(self.call.invite(offer), place)

    def due(self, seconds: float = RINGING_SECONDS) -> list[SIPMessage]:
        """Return what the user agent sends by itself after some seconds. All of it goes to this place."""
        self.now[0] += seconds
        found = [response for response, place in self.agent.due() if self.agent.budgets.may_send(response, place)]
        return [message for response in found if (message := self.take(response))]

    def answered(self) -> SIPMessage:
        """Call until 200."""
        assert (ringing := self.invite()) is not None and ringing.code == 180
        (final,) = self.due()
        return final

    def established(self) -> SIPMessage:
        """Call until the ACK."""
        final = self.answered()
        assert self.send(self.call.ack(final)) is None
        return final


def packet(number: int, payload_type: int = OPUS) -> bytes:
    return write_header(payload_type, number, 960 * number, 7) + secrets.token_bytes(148)


@pytest.fixture
def now() -> list[float]:
    return [1000.0]


@pytest.fixture
def agent(now: list[float]) -> UserAgent:
    return UserAgent(lambda: now[0], 5072)


@pytest.fixture
def caller(now: list[float], agent: UserAgent) -> Caller:
    return Caller(now, agent, agent.tokens.issue())


def test_call_rings_is_answered_and_ends(caller: Caller) -> None:
    final = caller.established()
    sound = audio_of(final.body)
    assert final.code == 200 and final.receiver.tag and sound is not None
    assert (sound.host, sound.port, sound.choose()) == ("203.0.113.5", 5072, OPUS)
    assert [contact.uri for contact in final.contacts] == ["sip:203.0.113.5:5070"]
    assert caller.agent.reflect(sent := packet(1), MEDIA) == sent
    ended = caller.send(caller.call.bye(final))
    assert ended is not None and (ended.code, ended.cseq) == (200, (2, "BYE"))
    assert caller.agent.reflect(packet(2), MEDIA) is None
    repeated = caller.send(caller.call.bye(final))
    assert repeated is not None and repeated.code == 200 and caller.due(5.0) == []


def test_answer_holds_no_address_of_the_caller(caller: Caller) -> None:
    assert b"192.0.2.7" not in caller.answered().raw


# -- what a spoofed source gets ----------------------------------------------------------------------------------------


def test_spoofed_source_gets_no_more_bytes_than_were_sent_in_its_name(caller: Caller) -> None:
    """Send the INVITE once and never the ACK, as a sender that cannot receive. `take` counts the bytes."""
    caller.invite()
    for _ in range(100):
        caller.due(0.1)
    assert caller.received < caller.sent == len(caller.call.invite(OFFER)) and len(caller.agent.calls) == 0


def test_repeated_invite_pays_for_repeated_answers(caller: Caller) -> None:
    caller.answered()
    assert caller.due(0.6) == [], "nothing is left of the first INVITE's bytes"
    again = caller.invite()
    assert again is not None and again.code == 200


def test_short_invite_gets_the_answer_without_ringing(now: list[float], agent: UserAgent) -> None:
    caller = Caller(now, agent, agent.tokens.issue())
    assert caller.invite(b"v=0\r\nm=audio 6 RTP/AVP 0\r\n" + b"a=x\r\n" * 24) is None
    assert [message.code for message in caller.due()] == [200]


def test_tiny_invite_gets_nothing(now: list[float], agent: UserAgent) -> None:
    caller = Caller(now, agent, agent.tokens.issue())
    raw = f"INVITE sip:{caller.call.callee}@h SIP/2.0\ni:1\nt:x\nf:y\n\nm=audio 6 RTP/AVP 0\n".encode()
    assert caller.send(raw) is None and caller.due() == []


def test_ack_of_another_source_confirms_nothing(caller: Caller) -> None:
    final = caller.answered()
    assert caller.send(caller.call.ack(final), ("198.51.100.9", 40000)) is None
    assert caller.send(caller.call.ack(final), ("192.0.2.7", 40001)) is None
    assert caller.agent.reflect(packet(1), MEDIA) is None


def test_ack_without_the_answers_tag_confirms_nothing(caller: Caller) -> None:
    ack = caller.call.ack(caller.answered())
    tag = read_message(ack).receiver.tag.encode()
    assert caller.send(ack.replace(tag, b"0" * 16)) is None
    assert caller.agent.reflect(packet(1), MEDIA) is None
    assert caller.send(ack) is None and caller.agent.reflect(packet(1), MEDIA) is not None


def test_ack_while_it_rings_confirms_nothing(caller: Caller) -> None:
    ringing = caller.invite()
    assert ringing is not None and caller.send(caller.call.ack(ringing)) is None
    assert caller.agent.reflect(packet(1), MEDIA) is None


def test_rtp_of_another_address_is_not_reflected(caller: Caller) -> None:
    caller.established()
    for other in (("198.51.100.9", 40002), ("2001:db8::7", 40002)):
        assert caller.agent.reflect(packet(1), other) is None
    assert caller.agent.reflect(packet(1), MEDIA) is not None
    assert caller.agent.reflect(packet(2), ("192.0.2.7", 40004)) is None, "the first packet chose the port"


def test_replayed_packets_and_foreign_bytes_are_not_reflected(caller: Caller) -> None:
    caller.established()
    sent = packet(65530)
    assert [caller.agent.reflect(sent, MEDIA) is None for _ in range(50)] == [False] + [True] * 49
    for wrong in (b"", bytes(12), secrets.token_bytes(160)[:11], packet(65531, 0), packet(65531) + bytes(1500)):
        assert caller.agent.reflect(wrong, MEDIA) is None
    numbers = (65529, 65535, 0, 1)  # numbers begin again at 0, and an earlier one may come late
    assert all(caller.agent.reflect(packet(number), MEDIA) for number in numbers)
    assert caller.agent.reflect(packet(65530 + MOST_PACKETS & 0xFFFF), MEDIA) is None


def test_rtp_has_a_rate(caller: Caller) -> None:
    caller.established()
    assert sum(caller.agent.reflect(packet(number), MEDIA) is not None for number in range(200)) == BURST


def test_replayed_invite_of_another_source_opens_no_call(caller: Caller) -> None:
    caller.established()
    budgets, invite = caller.agent.budgets, caller.call.invite(OFFER)
    refused = budgets.answered(caller.agent.answer, invite, ("198.51.100.9", 1))
    assert refused is not None and read_message(refused).code == 486 and len(refused) < len(invite)
    assert len(caller.agent.calls) == 1


# -- bounds ------------------------------------------------------------------------------------------------------------


def test_unknown_and_old_tokens_get_silence(now: list[float], agent: UserAgent) -> None:
    assert Caller(now, agent, secrets.token_hex(12)).invite() is None
    old = Caller(now, agent, agent.tokens.issue())
    now[0] += TOKEN_SECONDS + 1
    assert old.invite() is None and len(agent.calls) == 0


def test_requests_outside_a_call_get_silence(caller: Caller) -> None:
    for method in ("OPTIONS", "BYE", "CANCEL", "ACK", "REGISTER", "MESSAGE"):
        assert caller.send(caller.call.build(method)) is None
    for other in (b"", b"SIP/2.0 200 OK\r\n\r\n", secrets.token_bytes(900), caller.call.invite(OFFER) + bytes(1500)):
        assert caller.send(other) is None
    assert len(caller.agent.calls) == 0


def test_token_is_good_for_few_calls(now: list[float], agent: UserAgent) -> None:
    token = agent.tokens.issue()
    calls = [Caller(now, agent, token, (f"192.0.2.{number}", 1)).invite() for number in range(20)]
    assert sum(call is not None for call in calls) == CALLS_A_TOKEN == len(agent.calls)


def test_flood_of_invites_is_bounded_per_peer_and_in_all(now: list[float], agent: UserAgent) -> None:
    """Open calls with valid tokens until nothing fits. The places become free without an ACK after seconds."""

    def codes(places: list[PeerAddress]) -> list[int]:
        answers = (Caller(now, agent, agent.tokens.issue(), place).invite() for place in places)
        return [answer.code if answer else 0 for answer in answers]

    assert codes([("192.0.2.7", port) for port in range(6)]) == [180] * SIP_CALLS.of_a_client + [486] * 2
    others: list[PeerAddress] = [(f"10.{number}.0.1", 1) for number in range(SIP_CALLS.places)]
    assert codes(others).count(180) == SIP_CALLS.places - SIP_CALLS.of_a_client
    assert len(agent.calls) == SIP_CALLS.places
    now[0] += UNCONFIRMED_SECONDS + 0.1
    assert codes([("192.0.2.7", 1)]) == [180] and len(agent.calls) == 1


def test_call_ends_after_seconds_without_bye(caller: Caller) -> None:
    final = caller.established()
    caller.now[0] += CALL_SECONDS - 1
    assert caller.agent.reflect(packet(1), MEDIA) is not None
    caller.now[0] += 1
    assert caller.agent.reflect(packet(2), MEDIA) is None and caller.send(caller.call.bye(final)) is None
    assert len(caller.agent.calls) == 0


@pytest.mark.parametrize(
    "body", [b"", b"m=video 6 RTP/AVP 31\r\n", b"m=audio 6 RTP/SAVP 0\r\n", b"m=audio 6 RTP/AVP 18\r\n"]
)
def test_offer_that_cannot_be_accepted_is_refused(caller: Caller, body: bytes) -> None:
    refused = caller.invite(body)
    assert refused is not None and refused.code == 488 and len(caller.agent.calls) == 0


def test_cancelled_call_ends_with_487(caller: Caller) -> None:
    assert caller.invite() is not None
    accepted = caller.send(caller.call.cancel())
    assert accepted is not None and (accepted.code, accepted.cseq) == (200, (1, "CANCEL"))
    (final,) = caller.due()
    assert final.code == 487 and final.cseq == (1, "INVITE") and not final.body
    assert caller.send(caller.call.ack(final)) is None and caller.due(0.6) == []
    assert caller.agent.reflect(packet(1), MEDIA) is None


def test_unknown_request_within_a_call_is_refused(caller: Caller) -> None:
    final = caller.established()
    refused = caller.send(caller.call.build("INFO", number=3, to=final.first("to")))
    assert refused is not None and refused.code == 405


# -- the real command --------------------------------------------------------------------------------------------------


def test_flood_does_not_grow_the_memory_of_the_real_command() -> None:
    """Send 20,000 datagrams from 200 ports, and compare the memory after the first quarter with that after the last."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1] & 0xFFFE
    junk: list[Any] = [secrets.token_bytes(900), packet(1), b"INVITE " + bytes(1200)]
    with helper_process("--lab", "--sip", str(port)) as helper:
        memory = []
        for number in range(200):
            invite = Call("127.0.0.1", "udp", callee=secrets.token_hex(12)).invite(OFFER)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                for each in [invite, *junk] * 25:
                    sock.sendto(each, ("127.0.0.1", port + (2 if number % 2 else 0)))
            memory.append(helper.memory())
        assert helper.written() == b""
    assert memory[-1] - memory[50] < 5.0  # MB
