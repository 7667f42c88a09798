"""Test that no UDP port sends more bytes to an address than came from it, before it has proved that it receives.

Every port gets every codec's messages, with valid tokens, from sources that never read an answer. What is counted are
the datagrams that would leave through the socket.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aioice import stun
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.helper.calls.ice_sources import MOST_SOURCES, CallSources
from probe.helper.calls.sip_ports import SIPPorts
from probe.helper.calls.sip_user_agent import UserAgent
from probe.helper.dtls_port import DTLSResponder
from probe.helper.media.media_reflector import Reflector
from probe.helper.reply_budget import ReplyBudget, ReplyBudgets
from probe.helper.udp_echo import EchoResponder
from probe.helper.udp_port import _Responder
from probe.steps.calls.webrtc_transport import Transport, closed
from probe.wire.dtls.client_hello import SHAPES as HELLO_SHAPES
from probe.wire.dtls.client_hello import HelloWriter
from probe.wire.media.rtp import write_header
from probe.wire.media.shape import PacketRequest, PeerAddress
from probe.wire.media.shapes import SHAPES
from probe.wire.sip.call import Call
from probe.wire.sip.sdp import OPUS, write_offer
from probe.wire.sip.sip_options import Options
from probe.wire.stun import binding_request
from tests.fuzz.codecs import CODECS

SOURCES: list[PeerAddress] = [("192.0.2.1", 4000), ("192.0.2.1", 4001), ("198.51.100.2", 53), ("2001:db8::1", 4000)]
SEEDS = sorted({seed[:1500] for codec in CODECS for seed in codec.seeds if isinstance(seed, bytes) and seed})


class Wire:
    """Stand for a socket, and count the bytes of both directions by source."""

    def __init__(self) -> None:
        self.received, self.sent = Counter[PeerAddress](), Counter[PeerAddress]()

    def sendto(self, data: bytes, address: Any) -> None:
        self.sent[address[:2]] += len(data)
        assert self.sent[address[:2]] <= self.received[address[:2]], (len(data), data[:40])

    def close(self) -> None:
        """Do nothing."""


class Served:
    """Hold a port without a socket. `tokens` are valid there, and `later` lets it send what is due."""

    def __init__(self, answer: Any, tokens: Any = None, budgets: ReplyBudgets | None = None) -> None:
        self.wire, self.tokens = Wire(), tokens
        self.token = bytes.fromhex(tokens.issue()) if tokens is not None else bytes(12)
        self.responder = _Responder(answer, budgets or ReplyBudgets())
        self.responder._transport = self.wire  # type: ignore[assignment]
        self.later: Callable[[], None] = lambda: None

    def take(self, datagram: bytes, source: PeerAddress) -> None:
        self.wire.received[source] += len(datagram)
        self.responder.datagram_received(datagram, source)


def echo(now: list[float]) -> Served:
    responder = EchoResponder([0])
    return Served(responder._answer, responder.tokens)


def media(now: list[float]) -> Served:
    reflector = Reflector(lambda: now[0])
    return Served(reflector.answer, reflector.tokens)


def sip(now: list[float]) -> Served:
    ports = SIPPorts(5060, UserAgent(lambda: now[0], 5062))
    ports._wait = lambda: None  # type: ignore[method-assign]
    served = Served(ports._answer, ports.agent.tokens, ports.agent.budgets)
    ports._sip, served.later = served.wire, ports._send_due  # type: ignore[assignment]
    return served


def rtp(now: list[float]) -> Served:
    ports = SIPPorts(5060)
    return Served(ports.agent.reflect, ports.agent.tokens)


def dtls(now: list[float]) -> Served:
    return Served(DTLSResponder(lambda: now[0]).answer)


PORTS = {"echo": echo, "media": media, "sip": sip, "rtp": rtp, "dtls": dtls}


def messages(token: bytes) -> Iterator[bytes]:
    """Yield what a client could send with a token, and the seeds of all codecs."""
    call = Call("203.0.113.5", "udp", callee=token.hex(), port=5060)
    offer = write_offer("192.0.2.1", 40002, 4711)
    yield from (call.invite(offer), call.invite(b""), call.cancel(), call.build("BYE"), call.build("ACK"))
    yield f"INVITE sip:{token.hex()}@h SIP/2.0\ni:1\nt:x\nf:y\n\nm=audio 6 RTP/AVP 0\n".encode()
    yield Options("203.0.113.5", "udp", branch=f"z9hG4bK{token.hex()}").written()
    yield from (binding_request(token), token, token.hex().encode(), write_header(OPUS, 1, 1, 1) + token)
    for shape in SHAPES.values():
        yield shape.write_request(PacketRequest(token, secrets.token_bytes(20), secrets.token_bytes(12)))
        yield shape(token, "forth").write_packet(0, bytes(112))
        yield shape.write_opening(token)
    yield from (HelloWriter.new(shape).first() for shape in HELLO_SHAPES)
    yield from SEEDS


STEPS = st.lists(
    st.tuples(st.integers(0, 1000), st.integers(0, len(SOURCES) - 1), st.sampled_from([0.0, 0.1, 0.6, 5.0])),
    max_size=40,
)


@pytest.mark.parametrize("name", PORTS)
@settings(max_examples=60, deadline=None)
@given(steps=STEPS, noise=st.binary(max_size=200))
def test_no_port_sends_more_than_it_received(name: str, steps: list[tuple[int, int, float]], noise: bytes) -> None:
    """Send messages of drawn sources in a drawn order, with pauses. `Wire` counts each datagram."""
    now = [1000.0]
    port = PORTS[name](now)
    known = [*messages(port.token), noise]
    for number, source, pause in steps:
        port.take(known[number % len(known)], SOURCES[source])
        now[0] += pause
        port.later()


def test_ports_answer_at_all() -> None:
    """Check that the messages above are answered, so that a silent port does not pass."""
    for name, make in PORTS.items():
        now = [1000.0]
        port = make(now)
        for message in messages(port.token):
            port.take(message, SOURCES[0])
            now[0] += 0.3
            port.later()
        assert port.wire.sent[SOURCES[0]] > 0 or name == "rtp", name


def test_budget_of_a_source_is_kept_by_its_holder_alone() -> None:
    budgets = ReplyBudgets()
    held = budgets.of(SOURCES[0])
    held.left += 10
    for number in range(1000):
        budgets.answered(lambda datagram, _: datagram, b"x", (f"10.0.0.{number % 250}", number))
    assert budgets.of(SOURCES[0]) is held and len(budgets._held) == 1
    assert budgets.may_send(bytes(10), SOURCES[0]) and not budgets.may_send(b"x", SOURCES[0])


def test_proved_source_gets_any_number_of_bytes() -> None:
    budget = ReplyBudget(proved=True)
    assert budget.spend(10_000) and budget.left == 0


# -- WebRTC ------------------------------------------------------------------------------------------------------------

PASSWORD = "p" * 22


def check(ufrag: str, pwd: str, *, kind: stun.Class = stun.Class.REQUEST, more: int = 0) -> bytes:
    """Return a check of ICE as a caller that knows the call's password can send it from any source."""
    message = stun.Message(message_method=stun.Method.BINDING, message_class=kind)
    message.attributes["USERNAME"] = f"{ufrag}:abcd"
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 7
    if more:
        message.attributes["SOFTWARE"] = "x" * more
    message.add_message_integrity(pwd.encode())
    message.add_fingerprint()
    return bytes(message)


async def attacked(datagrams: list[tuple[int, int]], sources: list[PeerAddress], seconds: float = 0.3) -> Wire:
    """Send checks and other bytes to a call from sources that answer nothing. Return what left."""
    wire, guard = Wire(), CallSources()
    transport = Transport(lambda raw: raw, controlling=False, guard=guard)
    ours = transport.description()
    guard.ufrag = ours["ufrag"].encode()
    await transport.gather()
    for protocol in transport._gatherer._connection._protocols:
        protocol.transport.close()
        protocol.transport._transport = wire
    protocol = transport._gatherer._connection._protocols[0]
    theirs = {"ufrag": "abcd", "pwd": PASSWORD, "fingerprint": ":".join(["AB"] * 32)}
    connecting = asyncio.create_task(transport.connect(theirs))
    kinds = [
        check(ours["ufrag"], ours["pwd"]),
        check(ours["ufrag"], "wrong"),
        check(ours["ufrag"], ours["pwd"], more=300),
        check(ours["ufrag"], ours["pwd"], kind=stun.Class.RESPONSE),
        *SEEDS,
    ]
    for number, source in datagrams:
        datagram, place = kinds[number % len(kinds)], sources[source % len(sources)]
        wire.received[place] += len(datagram)
        protocol.datagram_received(datagram, place)
        await asyncio.sleep(0)
    await asyncio.sleep(seconds)
    connecting.cancel()
    for protocol in transport._gatherer._connection._protocols:
        protocol._StunProtocol__closed.set_result(True) if not protocol._StunProtocol__closed.done() else None
    await closed(transport)
    assert not any(budget.proved for budget in guard._budgets.values())
    return wire


@settings(max_examples=15, deadline=None)
@given(datagrams=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3)), max_size=30))
def test_call_sends_no_more_to_a_source_than_it_received(datagrams: list[tuple[int, int]]) -> None:
    asyncio.run(attacked(datagrams, SOURCES[:3], 0.05))


async def test_checks_from_400_forged_sources_reach_few() -> None:
    """Let the caller send checks in the name of 400 sources. Each gets at most as many bytes, and few get any."""
    sources: list[PeerAddress] = [(f"198.51.100.{number % 250}", number) for number in range(400)]
    wire = await attacked([(0, number) for number in range(400)], sources, 2.0)
    assert 0 < wire.sent.total() <= MOST_SOURCES * 100 and len(wire.sent) <= MOST_SOURCES
