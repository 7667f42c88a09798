"""Open a media flow at the lab's helper, as another user behind the same home router would."""

import secrets
import socket

from probe.wire.media.opaque import OpaqueShape
from probe.wire.media.shape import COOKIE, REFERENCE, Request

WAIT, ATTEMPTS = 0.5, 8  # seconds for one response, and requests of each exchange


def take_media_flow(address: str, port: int, token: bytes) -> None:
    """Open a flow, which the helper keeps for half a minute. Raises TimeoutError if it does not answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flow:
        flow.settimeout(WAIT)
        flow.connect((address, port))
        _exchange(flow, token, _exchange(flow, token, secrets.token_bytes(COOKIE)))


def _exchange(flow: socket.socket, token: bytes, cookie: bytes) -> bytes:
    """Send requests with a cookie until a response comes, and return its cookie."""
    for _ in range(ATTEMPTS):
        reference = secrets.token_bytes(REFERENCE)
        flow.send(OpaqueShape.write_request(Request(token, cookie, reference)))
        try:
            answer = OpaqueShape.read_response(flow.recv(2048), reference)
        except TimeoutError:
            continue
        if answer is not None:
            return answer
    raise TimeoutError("the lab's helper opens no media flow")
