"""Hold the limits of the helper's ports: places of each kind, tokens of the HTTP side, and allowances of packets.

Divide the file descriptors of the helper between its clients and its measurements.
"""

import hashlib
import math
import secrets
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from probe.helper.client_admission import AT_ONCE, FLOWS
from probe.http_server.client_shares import Clock, PortKind
from probe.http_server.connections import ACCEPTED_AT_ONCE
from probe.http_server.peers import UNKNOWN, Client
from probe.platforms.descriptors import raise_descriptor_limit

DESCRIPTORS_WANTED, DESCRIPTORS_KEPT = 8192, 64
FEWEST_FLOWS = 32  # at once for one measurement. With fewer descriptors there are fewer measurements.


@dataclass(frozen=True)
class Capacity:
    """Hold what the file descriptors allow at once. `flows` are those of one measurement."""

    connections: int
    measurements: int
    flows: int


def capacity(descriptors: int) -> Capacity:
    """Divide file descriptors between clients and measurements, so that neither takes those of the other."""
    connections = max(8, descriptors * 3 // 8)
    left = max(1, descriptors - connections - ACCEPTED_AT_ONCE - DESCRIPTORS_KEPT)
    measurements = max(1, min(AT_ONCE, left // FEWEST_FLOWS))
    return Capacity(connections, measurements, min(FLOWS, max(1, left // measurements)))


def raise_descriptors() -> int:
    """Raise this process's soft limit of file descriptors as far as needed and allowed. Return the limit."""
    return raise_descriptor_limit(DESCRIPTORS_WANTED)


# Table of the kinds of ports. A client is an IPv4 address or an IPv6 /64. Its /24 or /56 may have four times as much.
MEDIA_FLOWS = PortKind(192, 8, silent=3.0)  # a flow of 10 s is remembered for 35 s
SIP_CALLS = PortKind(48, 4, silent=3.0)
WEBRTC_CALLS = PortKind(32, 2, silent=3.0)  # silent until the caller has answered a check of ICE
TRANSFERS = PortKind(32, 4)  # 16 Mbit/s for all, two pairs of a client
TRANSFER_CONNECTIONS = PortKind(128, 16, silent=1.0)  # silent until a token came

RATE_OF_ALL, BURST_OF_ALL = 5000.0, 1000.0  # packets per second to all clients of a port, and after a pause at once

TOKEN_BYTES = 12  # the size of a STUN transaction id (RFC 8489, 5)
TOKEN_SECONDS = 60.0
MOST_USED_TOKENS = 8192  # of which the uses are counted. A token that is forgotten can be used as often again.
_UNIT = 0.5  # seconds. A token says in one byte when it was issued.
_PERIOD = 64.0  # seconds in which all tokens begin with the same bytes
_MARK, _HEAD, _HALF = 3, 6, 3  # bytes: the common ones, those before the MACs, and each of the two MACs
_CANDIDATES = 4  # places of a datagram that are looked at. A datagram of our probe has its token once or twice.


class Allowance:
    """Allow `rate` events per second, and `burst` at once after a pause (a token bucket)."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate, self._burst, self._left, self._at = rate, burst, burst, now

    def take(self, now: float) -> bool:
        """Take one event. Return False if none is left."""
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


def stranger(source: Client) -> Client:
    """Return the client at an address that has proved nothing, and may be forged. It has a share with all such ones."""
    return (*(b"?" + prefix for prefix in source[:-1]), b"strangers")


class Tokens:
    """Issue tokens that are valid for a minute and a number of uses. Nothing is stored of a token before its first use.

    A token holds its time, a MAC with a secret key, and a MAC over the client's address too. A client may use it from
    another address, because its HTTP and its UDP may take different versions of IP or addresses of a NAT.
    A token is issued in another thread than the one that takes it.
    """

    def __init__(self, clock: Clock, uses: int) -> None:
        self._clock, self._uses, self._secret = clock, uses, secrets.token_bytes(32)
        self._used: OrderedDict[bytes, int] = OrderedDict()  # uses of tokens, the first one that was used first

    def __len__(self) -> int:
        return len(self._used)

    def issue(self, client: Client = UNKNOWN) -> str:
        """Return a new token in hexadecimal digits."""
        now = math.ceil(self._clock() / _UNIT)
        head = self._mark(now) + bytes((now % 256,)) + secrets.token_bytes(_HEAD - _MARK - 1)
        return (head + self._mac(head, now) + self._mac(head, now, client)).hex()

    def take(self, token: bytes, source: Client = UNKNOWN, seconds: float = TOKEN_SECONDS) -> Client | None:
        """Count a use of the token. Return the client that it counts for. None if it is invalid, too old or used up.

        It counts for the source if this address asked for the token, or if the helper does not know which one asked.
        """
        since = self._issued(token)
        if since is None or self._clock() / _UNIT - since >= seconds / _UNIT:
            return None
        used = self._used.setdefault(token, 0)
        if used >= self._uses:
            return None
        self._used[token] = used + 1
        if len(self._used) > MOST_USED_TOKENS:
            self._used.popitem(last=False)
        asked = (self._mac(token[:_HEAD], since, client) for client in (source, UNKNOWN))
        return source if token[-_HALF:] in asked else stranger(source)

    def found_in(self, datagram: bytes) -> bytes | None:
        """Return the first token in a datagram, raw or in hexadecimal digits, at any position. None without one."""
        now = math.ceil(self._clock() / _UNIT)
        marks = (self._mark(now), self._mark(now - round(_PERIOD / _UNIT)))
        digits = datagram.lower()
        for mark in marks:
            raw = (datagram[at : at + TOKEN_BYTES] for at in _places(datagram, mark))
            spelled = (_bytes_of(digits[at : at + 2 * TOKEN_BYTES]) for at in _places(digits, mark.hex().encode()))
            for token in (*raw, *spelled):
                if self._issued(token) is not None:
                    return token
        return None

    def _issued(self, token: bytes) -> int | None:
        """Return when a token was issued, None for other bytes."""
        if len(token) != TOKEN_BYTES:
            return None
        now = math.ceil(self._clock() / _UNIT)
        since = now - (now - token[_MARK]) % 256
        head = token[:_HEAD]
        made = head[:_MARK] == self._mark(since) and self._mac(head, since) == token[_HEAD:-_HALF]
        return since if made else None

    def _mark(self, units: int) -> bytes:
        return self._hash(b"mark%d" % (units * _UNIT // _PERIOD), _MARK)

    def _mac(self, head: bytes, units: int, client: Client | None = None) -> bytes:
        return self._hash(b"%d " % units + head + (b"" if client is None else b"of " + client[0]), _HALF)

    def _hash(self, about: bytes, size: int) -> bytes:
        return hashlib.blake2b(about, digest_size=size, key=self._secret).digest()


def _places(data: bytes, mark: bytes) -> Iterator[int]:
    """Yield the first positions of a mark."""
    at = data.find(mark)
    for _ in range(_CANDIDATES):
        if at < 0:
            return
        yield at
        at = data.find(mark, at + 1)


def _bytes_of(digits: bytes) -> bytes:
    try:
        return bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        return b""
