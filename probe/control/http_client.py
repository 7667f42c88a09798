"""Connect to a test helper of either kind. Its answers are untrusted and bounded in size, depth and time."""

import json
import math
import socket
from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import MappingProxyType
from typing import Any, NoReturn

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from probe.formats import failures as f
from probe.http_client.foreign_servers import GZIP, ForeignServers, UnusableAnswer, open_foreign
from probe.session.classify import NETWORK_ERRORS, classify
from probe.steps.sockets import limit_segments
from probe.steps.tls.certificate_checks import Roots

LONGEST_ANSWER = 4 * 1024 * 1024  # bytes after decompression
DEEPEST = 32  # levels of nesting. Our own answers have about ten.

USUAL_SIZES: Mapping[int, int] = MappingProxyType({})  # segment sizes of a run in which large packets arrive

UNTRUSTED = (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch)


TROUBLE = (UnusableAnswer, *UNTRUSTED, *NETWORK_ERRORS, aiohttp.ClientError, ValueError)
"""Every exception that a request to a helper may raise."""


def named(error: BaseException) -> str:
    if isinstance(error, UnusableAnswer):
        return f"{f.UNKNOWN}: helper: {error}"
    if isinstance(error, UNTRUSTED):
        return f"{f.UNKNOWN}: helper: its certificate is not trusted"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return classify(error.os_error)
    if isinstance(error, NETWORK_ERRORS):
        return classify(error)
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError):
        return f.EOF
    return f"{f.UNKNOWN}: helper: {type(error).__name__}"


def open_helper(
    roots: Roots, pin: str | None, segment_sizes: Mapping[int, int], resolver: AbstractResolver | None = None
) -> AbstractAsyncContextManager[ForeignServers]:
    """Open a client that verifies https with the public roots, or with the pinned certificate alone. It uses no proxy.

    `pin` is the SHA-256 of the helper's certificate (DER), hexadecimal. `segment_sizes` has the longest TCP
    segment in bytes by family. The preflight may change it. Answers come packed: 90 kB would fill a narrow access line
    for six seconds.
    """
    ssl = roots.client_context() if pin is None else aiohttp.Fingerprint(bytes.fromhex(pin.replace(":", "")))
    connector = aiohttp.TCPConnector(
        ssl=ssl, resolver=resolver or ThreadedResolver(), socket_factory=partial(_open_socket, segment_sizes)
    )
    return open_foreign(connector, packing=GZIP)


def _open_socket(segment_sizes: Mapping[int, int], address: aiohttp.AddrInfoType) -> socket.socket:
    """Return a socket with the segment size that the run uses over the family of the address."""
    family, kind, protocol, _, _ = address
    sock = socket.socket(family, kind, protocol)
    if size := segment_sizes.get(6 if family == socket.AF_INET6 else 4):
        limit_segments(sock, size)
    return sock


class Remembering(ThreadedResolver):
    """Resolve names with the system's resolver and keep the helper's addresses. The echo is sent only there."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        self.addresses += [one["host"] for one in found]
        return found


def retry_after(value: str) -> float:
    """Return the seconds that a busy helper asks us to wait, within our limit."""
    return min(10.0, float(value)) if value.isascii() and value.isdigit() else 2.0


def read_object(raw: bytes) -> dict[str, Any]:
    """Parse an answer with bounded depth and numbers. Raises UnusableAnswer."""
    try:
        answer = json.loads(raw, parse_constant=_refuse, parse_float=_finite, parse_int=_bounded)
    except (ValueError, RecursionError):
        raise UnusableAnswer("the answer is not JSON") from None
    if not isinstance(answer, dict):
        raise UnusableAnswer("the answer is no object")
    if _deeper_than(answer, DEEPEST):
        raise UnusableAnswer("the answer is nested too deeply")
    return answer


def _deeper_than(document: Any, limit: int) -> bool:
    level = [document]
    for _ in range(limit - 1):
        level = [child for node in level for child in _children(node) if isinstance(child, dict | list)]
    return any(level)  # a node that is not empty has values one level deeper than `limit`


def _children(node: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return node.values() if isinstance(node, dict) else node


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def _bounded(text: str) -> int:
    value = int(text)
    if abs(value) >= 2**63:
        raise ValueError("a number is too large")
    return value
