"""Test the requests of a call against the flows of RFC 3665, and that they do not identify the user."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.sip.call import Call
from probe.wire.sip.response import build_response
from probe.wire.sip.sdp import audio_of, write_answer, write_offer
from probe.wire.sip.sip_message import SIPMessage, read_message
from probe.wire.sip.sip_options import Options
from tests.support.sip_torture import MESSAGES

OFFER = write_offer("192.0.2.1", 40000, 4711)

# RFC 3665, section 3.1, F1 and F3
ALICE_INVITES = b"""INVITE sip:bob@biloxi.example.com SIP/2.0
Via: SIP/2.0/TCP client.atlanta.example.com:5060;branch=z9hG4bK74bf9
Max-Forwards: 70
From: Alice <sip:alice@atlanta.example.com>;tag=9fxced76sl
To: Bob <sip:bob@biloxi.example.com>
Call-ID: 3848276298220188511@atlanta.example.com
CSeq: 1 INVITE
Contact: <sip:alice@client.atlanta.example.com;transport=tcp>
Content-Type: application/sdp
Content-Length: 151

v=0
o=alice 2890844526 2890844526 IN IP4 client.atlanta.example.com
s=-
c=IN IP4 192.0.2.101
t=0 0
m=audio 49172 RTP/AVP 0
a=rtpmap:0 PCMU/8000
""".replace(b"\n", b"\r\n")
BOB_ANSWERS = b"""SIP/2.0 200 OK
Via: SIP/2.0/TCP client.atlanta.example.com:5060;branch=z9hG4bK74bf9
 ;received=192.0.2.101
From: Alice <sip:alice@atlanta.example.com>;tag=9fxced76sl
To: Bob <sip:bob@biloxi.example.com>;tag=8321234356
Call-ID: 3848276298220188511@atlanta.example.com
CSeq: 1 INVITE
Contact: <sip:bob@client.biloxi.example.com;transport=tcp>
Content-Type: application/sdp
Content-Length: 147

v=0
o=bob 2890844527 2890844527 IN IP4 client.biloxi.example.com
s=-
c=IN IP4 192.0.2.201
t=0 0
m=audio 3456 RTP/AVP 0
a=rtpmap:0 PCMU/8000
""".replace(b"\n", b"\r\n")
ALICE = Call(
    "biloxi.example.com",
    "tcp",
    branch="z9hG4bK74bf9",
    tag="9fxced76sl",
    call_id="3848276298220188511@atlanta.example.com",
    callee="bob",
)


def answered(call: Call, *, code: int = 200, more: tuple[str, ...] = ()) -> SIPMessage:
    return read_message(build_response(read_message(call.invite(OFFER)), code, "OK", tag="theirs", more=more))


def test_flow_of_rfc_3665_goes_on_with_ack_and_bye() -> None:
    """Compare with F4 and F5 of section 3.1: the URI is the Contact of the response, and To has its tag."""
    final = read_message(BOB_ANSWERS)
    assert ALICE.answers(final, "INVITE") and not ALICE.answers(final, "BYE")
    for written, method, number in ((ALICE.ack(final), "ACK", 1), (ALICE.bye(final), "BYE", 2)):
        message = read_message(written)
        assert (message.method, message.uri) == (method, "sip:bob@client.biloxi.example.com;transport=tcp")
        assert message.first("to") == "Bob <sip:bob@biloxi.example.com>;tag=8321234356"
        assert (message.sender.tag, message.call_id) == (ALICE.tag, ALICE.call_id)
        assert message.cseq == (number, method) and message.vias[0].branch != ALICE.branch


def test_server_of_rfc_3665_answers_as_bob_does() -> None:
    request, theirs = read_message(ALICE_INVITES), read_message(BOB_ANSWERS)
    ours = read_message(build_response(request, 200, "OK", tag="8321234356"))
    assert len(request.body) == request.content_length and len(theirs.body) == theirs.content_length
    for name in ("from", "to", "call-id", "cseq"):
        assert ours.first(name) == theirs.first(name)
    assert [via.branch for via in ours.vias] == [via.branch for via in theirs.vias]
    sound = audio_of(theirs.body)
    assert sound is not None and (sound.host, sound.port, sound.choose()) == ("192.0.2.201", 3456, 0)


def test_ack_of_a_refusal_belongs_to_the_invite() -> None:
    """Check section 17.1.1.3: the same branch and URI, and the To of the response."""
    call = Call("sip.example", "udp", callee="them")
    final = answered(call, code=486, more=("Contact: <sip:other@192.0.2.9>",))
    ack, invite = read_message(call.ack(final)), read_message(call.invite(OFFER))
    assert ack.uri == invite.uri and ack.vias[0].branch == invite.vias[0].branch
    assert ack.receiver.tag == "theirs" and ack.cseq == (1, "ACK")


def test_cancel_has_the_branch_of_the_invite_and_no_tag() -> None:
    call = Call("sip.example", "udp", callee="them")
    cancel, invite = read_message(call.cancel()), read_message(call.invite(OFFER))
    assert (cancel.uri, cancel.vias, cancel.call_id) == (invite.uri, invite.vias, invite.call_id)
    assert cancel.receiver.tag == "" and cancel.cseq == (1, "CANCEL")


def test_requests_follow_the_recorded_route_backwards() -> None:
    call = Call("sip.example", "udp", callee="them")
    final = answered(call, more=("Record-Route: <sip:far.example;lr>, <sip:near.example;lr>",))
    assert read_message(call.bye(final)).lines("route") == ["<sip:near.example;lr>", "<sip:far.example;lr>"]


@pytest.mark.parametrize("contact", ["", "<tel:+1>", "<sip:a b>", "<sip:a\x01b>", "<>", "*"])
def test_unusable_contact_is_not_called(contact: str) -> None:
    call = Call("sip.example", "udp", callee="them")
    assert read_message(call.bye(answered(call, more=(f"Contact: {contact}",)))).uri == call.uri


@pytest.mark.parametrize(("host", "port"), [("192.0.2.7", 5060), ("192.0.2.7", 50600), ("2001:db8::7", 50600)])
def test_invite_holds_no_address_but_the_callees(host: str, port: int) -> None:
    written = Call(host, "udp", callee="ab" * 12, port=port).invite(OFFER).decode()
    others = written.replace(host, "").replace("192.0.2.1", "").replace("127.0.0.1", "")
    assert not re.search(r"\d+\.\d+\.\d+\.\d+|::", others) and written.count("anonymous.invalid") == 3


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:0db8:1111:2222:3333:4444:5555:6666"])
def test_invite_is_longer_than_ringing_and_answer_together(host: str) -> None:
    """Check the sizes, because the helper sends no more bytes than it received."""
    invite = Call(host, "udp", callee="ab" * 12, port=50600).invite(OFFER)
    request, contact = read_message(invite), f"Contact: <sip:{host}:50600>"
    body = write_answer(request.body, 111, host, 50602, 4711)
    more = (contact, "Content-Type: application/sdp")
    ringing = build_response(request, 180, "Ringing", tag="a" * 16)
    answer = build_response(request, 200, "OK", tag="a" * 16, more=more, body=body)
    assert len(ringing) + len(answer) < len(invite) < 1300  # RFC 3261, section 18.1.1


def test_only_a_request_of_this_call_is_within_it() -> None:
    call = Call("sip.example", "udp")
    bye = Options("sip.example", "udp", call_id=call.call_id).build("BYE", to=f"<sip:us>;tag={call.tag}")
    assert call.is_within(read_message(bye)) and not call.is_within(
        read_message(bye.replace(b"tag=" + call.tag.encode(), b"tag=1"))
    )
    assert not Call("sip.example", "udp").is_within(read_message(bye)) and not call.is_within(answered(call))


@pytest.mark.parametrize("name", [name for name, raw in MESSAGES.items() if not raw.startswith(b"SIP/2.0 ")])
def test_torture_message_is_answered_in_whole_lines(name: str) -> None:
    message = read_message(MESSAGES[name])
    response = read_message(build_response(message, 200, "OK", tag="t"))
    assert response.code == 200 and response.call_id == message.call_id.strip()
    assert len(response.vias) == len(message.vias)


def test_lone_carriage_return_of_a_server_ends_no_line() -> None:
    """Write no lone carriage return, because some parsers take it as the end of a line."""
    call = Call("sip.example", "udp", callee="them")
    final = read_message(b"SIP/2.0 200 OK\r\nTo: <sip:a>\rX: 1\r\nRecord-Route: <sip:b>\rX: 1\r\n\r\n")
    for written in (call.ack(final), call.bye(final), build_response(final, 200, "OK")):
        assert b"\r" not in written.replace(b"\r\n", b"")


@given(st.text(max_size=60), st.text(max_size=60))
def test_foreign_text_adds_no_line(to: str, contact: str) -> None:
    call = Call("sip.example", "udp", callee="them")
    raw = f"SIP/2.0 200 OK\r\nTo: {to}\r\nContact: <{contact}>\r\nRecord-Route: {contact}\r\n\r\n".encode()
    for written in (call.ack(read_message(raw)), call.bye(read_message(raw))):
        names = [line.partition(b":")[0] for line in written.split(b"\r\n")[1:-2]]
        assert set(names) <= {b"Via", b"Max-Forwards", b"From", b"To", b"Call-ID", b"CSeq", b"Route", b"Content-Length"}
        assert b"\r" not in written.replace(b"\r\n", b"") and b"\n" not in written.replace(b"\r\n", b"")
