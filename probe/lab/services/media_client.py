"""Open media flows and calls at the lab's helper, as another user behind the same home router would."""

import secrets
import socket

from probe.wire.media.opaque import OpaqueShape
from probe.wire.media.shape import COOKIE, REFERENCE, PacketRequest
from probe.wire.sip.call import Call
from probe.wire.sip.sdp import write_offer
from probe.wire.sip.sip_message import SIPMessage, read_message

WAIT, ATTEMPTS = 0.5, 8  # seconds for one response, and requests of each exchange
DOCUMENTATION = "192.0.2.1"  # RFC 5737. The helper sends voice to the source of the ACK.


def take_media_flow(address: str, port: int, token: bytes) -> None:
    """Open a flow, which the helper keeps for half a minute. Raises TimeoutError if it does not answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flow:
        flow.settimeout(WAIT)
        flow.connect((address, port))
        _exchange(flow, token, _exchange(flow, token, secrets.token_bytes(COOKIE)))


def take_call(address: str, port: int, token: str) -> None:
    """Make a call over SIP, which the helper keeps for 15 s. Raises TimeoutError if it does not answer."""
    call = Call(address, "udp", callee=token, port=port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(WAIT)
        line.connect((address, port))
        line.send(call.ack(_accepted(line, call)))


def _accepted(line: socket.socket, call: Call) -> SIPMessage:
    """Invite until the final response comes, and return it."""
    invite = call.invite(write_offer(DOCUMENTATION, line.getsockname()[1], 1))
    for _ in range(ATTEMPTS):
        line.send(invite)
        try:
            while (message := read_message(line.recv(2048))).code < 200:
                continue
        except TimeoutError:
            continue  # the packet was lost, so the next attempt repeats it
        return message
    raise TimeoutError("the lab's helper takes no call")


def _exchange(flow: socket.socket, token: bytes, cookie: bytes) -> bytes:
    """Send requests with a cookie until a response comes, and return its cookie."""
    for _ in range(ATTEMPTS):
        reference = secrets.token_bytes(REFERENCE)
        flow.send(OpaqueShape.write_request(PacketRequest(token, cookie, reference)))
        try:
            answer = OpaqueShape.read_response(flow.recv(2048), reference)
        except TimeoutError:
            continue  # the packet was lost, so the next attempt sends another one
        if answer is not None:
            return answer
    raise TimeoutError("the lab's helper opens no media flow")
