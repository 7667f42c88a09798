"""Hold what the helper offers in an answer: a token, and the UDP ports that accept it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from probe.formats.call_kinds import CallProtocol
from probe.steps.calls.webrtc_call import Signal
from probe.targets.target import family_of

TOKEN_BYTES = 12


@dataclass
class HelperOffer:
    """Hold a token, and the ports that accept it. It stays in memory.

    `addresses` are the helper's, as the control connection resolved them. `until` is a time of the event loop's clock.
    """

    token: bytes
    ports: tuple[int, ...]
    addresses: tuple[str, ...]
    until: float

    def address(self, prefers: Callable[[int], bool]) -> str | None:
        """Return the address to send to, of a preferred address family if there is one. None without an address."""
        preferred = [ip for ip in self.addresses if prefers(family_of(ip))]
        return next(iter(preferred or self.addresses), None)

    def outlives(self, seconds: float) -> bool:
        """Return whether the token is valid for `seconds` more.

        Silence because of an old token would look like a drop.
        """
        return asyncio.get_running_loop().time() + seconds < self.until


@dataclass
class MediaOffer(HelperOffer):
    """Hold the offer of media flows, and the shapes of apps' packets that the helper reflects.

    If a helper does not know a shape, a flow of it gets no answer, as if the network dropped it.
    """

    shapes: tuple[str, ...] = ("rtp",)


@dataclass
class CallOffer(HelperOffer):
    """Hold the offer of calls over one protocol. `renew` asks the helper for new offers, and never raises.

    That of WebRTC has no ports, because the helper names them when `signal` opens a call. Other calls have no `signal`.
    """

    renew: Callable[[], Awaitable["CallOffers"]]
    signal: Signal | None = None


CallOffers = Mapping[CallProtocol, CallOffer]
"""The calls that the helper takes, by their protocol."""


@dataclass
class TransferOffer(HelperOffer):
    """Hold the offer of transfers: the certificate's SHA-256, and how many pairs the token is good for.

    `http_port` sends transfers without TLS. A helper without it compares no Host headers. `renew` asks the helper for a
    new token, and never raises.
    """

    sha256: str = ""
    pairs_left: int = 2
    http_port: int | None = None
    upload: bytes | None = None  # the token of uploads, None if the helper takes none
    upload_pairs_left: int = 2
    fast: bytes | None = None  # the token of one pair at the higher pace, None if the helper sends none or it is spent
    renew: Callable[[], Awaitable["TransferOffer | None"]] | None = None


@dataclass(frozen=True)
class FlowOffers:
    """Hold what one answer of a helper offers to a whole run. A helper without an option offers nothing of its kind."""

    media: MediaOffer | None = None
    calls: CallOffers = field(default_factory=dict)
    transfers: TransferOffer | None = None


PAIRS_PER_TOKEN = 3  # so few that the echo's limit is not reached. Its silence would look like dropped datagrams


@dataclass
class EchoOffer(HelperOffer):
    """Hold the offer of the helper's UDP echo, and how many echo pairs its token is good for."""

    pairs_left: int = PAIRS_PER_TOKEN

    def place(self, family: int, port: int) -> tuple[str, int] | None:
        """Return the (address, port) to send to, None without an address.

        The failed family and port are preferred, if the helper has them.
        """
        ip = self.address(lambda each: each == family)
        return (ip, port if port in self.ports else self.ports[0]) if ip else None
