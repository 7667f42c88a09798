"""Describe exchanges that show on the wire what a censor does. `tests/lab/censors/test_on_the_wire.py` runs them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Protocol = Literal[
    "dns", "tls", "quic", "http", "smtp", "stun/udp", "stun/tcp", "dtls", "sip/udp", "sip/tcp", "random/tcp"
]
End = Literal["answered", "silent", "reset", "refused", "icmp"]

RESOLVER = "192.88.99.53"  # the provider's resolver in the lab


@dataclass(frozen=True)
class Exchange:
    """Describe one exchange of a client at the user's position.

    The client sends the first message of `protocol` to an address of `host` and waits for the answer. The client knows
    nothing of the probe: it uses raw sockets or OpenSSL. `contains` and `lacks` are texts in the answer. The answer of
    DNS is "rcode N" with the addresses, and that of TLS is "self-signed" or "signed".
    """

    protocol: Protocol
    host: str  # a name in the target files, or an address
    port: int
    name: str = ""  # the name that the message carries, or the form of a DTLS hello
    end: End = "answered"
    contains: str = ""
    lacks: str = ""


@dataclass(frozen=True)
class WireTest:
    """Describe a censor with these scenario keys, and exchanges that it blocks or changes, and others that pass.

    All wire tests share one lab, so each needs names and hosts of its own.
    """

    keys: Mapping[str, Any]
    exchanges: tuple[Exchange, ...]
