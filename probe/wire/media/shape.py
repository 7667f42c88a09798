"""Define what one shape of a media flow must offer. All shapes have the same sizes, so that only the bytes differ.

A flow begins with a request that carries the token of the helper's HTTP side. The response carries a cookie for the
source address. Once a request has brought the cookie back, the helper reflects this source's packets. Requests with the
cookie also keep the flow open, as consent checks do (RFC 7675).
"""

import hashlib
import secrets
from abc import ABC, abstractmethod
from typing import ClassVar, Literal, NamedTuple

PACKET, SEALED = 160, 112  # bytes of a packet, and of the sealed fields in it
REQUEST, RESPONSE_IPV4, RESPONSE_IPV6 = 100, 64, 76  # bytes
TOKEN, COOKIE, REFERENCE = 12, 20, 12  # bytes

PeerAddress = tuple[str, int]  # address and port
Direction = Literal["forth", "back"]  # "forth" is from the probe to the helper, "back" is reflected


class PacketRequest(NamedTuple):
    """Hold a request: the token, the cookie (random bytes in the first request), and what its response repeats."""

    token: bytes
    cookie: bytes
    reference: bytes


class Shape(ABC):
    """Write the datagrams of one direction of a flow, and read those of the other. Readers return None for others.

    A writer is made with the token of its flow, from which a shape can derive what stays the same in a flow.
    """

    NAME: ClassVar[str]

    @abstractmethod
    def __init__(self, token: bytes, direction: Direction) -> None:
        """Draw what the packets of one direction have in common."""

    @classmethod
    def write_opening(cls, token: bytes) -> bytes:
        """Return the datagram with which the app begins, which the helper does not answer. Return b"" for none."""
        return b""

    @classmethod
    @abstractmethod
    def write_request(cls, request: PacketRequest) -> bytes:
        """Return the datagram of a request, REQUEST bytes long."""

    @classmethod
    @abstractmethod
    def read_request(cls, datagram: bytes) -> PacketRequest | None:
        """Parse a request."""

    @classmethod
    @abstractmethod
    def write_response(cls, request: PacketRequest, cookie: bytes, client: PeerAddress) -> bytes:
        """Return the response to a request. It is shorter than the request."""

    @classmethod
    @abstractmethod
    def read_response(cls, datagram: bytes, reference: bytes) -> bytes | None:
        """Return the cookie of the response to the request with this reference."""

    @abstractmethod
    def write_packet(self, number: int, payload: bytes) -> bytes:
        """Return packet `number` of the flow, PACKET bytes long, around SEALED bytes."""

    @classmethod
    @abstractmethod
    def read_packet(cls, datagram: bytes) -> bytes | None:
        """Return the SEALED bytes of a packet that `write_packet` has put into it, None for other datagrams."""


def filled(begin: bytes, size: int = PACKET) -> bytes:
    """Return `begin` with random bytes behind it, `size` bytes together."""
    return begin + secrets.token_bytes(size - len(begin))


def masked(data: bytes, nonce: bytes) -> bytes:
    """Return the bytes combined with a stream that depends on the nonce, at most 64. A second call reverses it.

    It hides nothing from an observer who knows this program. Bytes that repeat in a flow then look random.
    """
    stream = hashlib.blake2b(nonce, digest_size=len(data), person=b"probe media mask").digest()
    return combined(data, stream)


def combined(one: bytes, other: bytes) -> bytes:
    """Return the exclusive or of two strings of equal length."""
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(len(one), "big")
