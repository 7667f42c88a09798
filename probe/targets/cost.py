"""Estimate the bytes that a measurement of a target moves, and say how long a run may take."""

from collections.abc import Sequence
from typing import Literal

from probe.signatures.kept_connections import LATER, SECONDS
from probe.signatures.parallel_hellos import COOL_DOWN, CROWD
from probe.targets.target import Endpoint, Target

ADDRESSES = 2  # per name. An innocuous hello comes before the first.
LOOKUP_BYTES = 600
STANDARD_SECONDS = 120.0  # of one round with the standard depth, counted from the end of the preflight
MEDIA_SECONDS, MEDIA_BYTES = 12, 380_000  # of one pair of media flows, with the headers of IP and UDP
MEDIA_PAIRS: dict[Literal["standard", "deep"], int] = {"standard": 1, "deep": 3}  # by depth, in each round
CALL_SECONDS = {"sip": 17, "webrtc": 20}  # of one test call in a round of a deep run, by its protocol
CALL_BYTES = {"sip": 62_000, "webrtc": 68_000}  # with the headers of IP and UDP, in both directions
TRANSFER_BYTES = 850_000  # of one pair of transfers, with the headers of IP, TCP and TLS
TRANSFER_PAIRS = 5  # most in each round, so that the names of several services are compared and repeated
UPLOAD_PAIRS = 2  # most in each round of a deep run. A pair moves as many bytes.
KEPT_TOGETHER = 3  # servers to which connections are kept open side by side, since all share a neutral host
KEPT_SECONDS = SECONDS + LATER  # of the connections to one server
KEPT_AGAIN_SECONDS = SECONDS  # of the further connections, if both under the target's name were cut off
KEPT_BYTES = 70_000  # of all connections to one server, with the headers of IP and TCP
COOL_DOWNS = 2  # waits before failed hellos are repeated alone
LARGE_PAGE = 160_000  # bytes of a large front page, compressed


def typical_bytes(target: Target) -> int:
    """Return the bytes of one measurement of the target if everything works."""
    flows = sum(
        endpoint.facts.typical_bytes * (1 if endpoint.is_literal else ADDRESSES + 1)
        for _, endpoint in target.endpoints()
    )
    names = {endpoint.host for _, endpoint in target.endpoints() if not endpoint.is_literal}
    return flows + len(names) * 3 * LOOKUP_BYTES


def most_bytes(target: Target) -> int:
    """Return the bytes of one measurement if everything works and every page is large."""
    pages = sum("http" in endpoint.facts.layers and not endpoint.is_literal for _, endpoint in target.endpoints())
    return typical_bytes(target) + pages * ADDRESSES * LARGE_PAGE


def may_keep_open(endpoint: Endpoint) -> bool:
    """Return whether a deep run may keep connections to the endpoint open: its name answers HTTP over TCP."""
    return endpoint.carrier == "tcp" and "http" in endpoint.facts.layers and not endpoint.is_literal


def may_have_pair(endpoint: Endpoint) -> bool:
    """Return whether a transfer of the helper can be compared under the endpoint's name."""
    return endpoint.dialect in {"https", "tls", "http", "quic"} and not endpoint.is_literal


def kept_servers(targets: Sequence[Target]) -> int:
    """Return to how many servers a deep run keeps connections open: one of each target with such an endpoint."""
    return sum(any(may_keep_open(endpoint) for _, endpoint in target.endpoints()) for target in targets)


def kept_seconds(servers: int, each: float = KEPT_SECONDS) -> float:
    """Return the seconds for all servers, `KEPT_TOGETHER` of them side by side and `each` seconds for one."""
    return -(-servers // KEPT_TOGETHER) * each


def cool_down_seconds(targets: Sequence[Target]) -> float:
    """Return the longest wait before hellos are repeated alone, 0.0 if there are too few to crowd a network."""
    hellos = sum("tls" in endpoint.facts.layers for target in targets for _, endpoint in target.endpoints())
    return COOL_DOWNS * COOL_DOWN if hellos > CROWD else 0.0
