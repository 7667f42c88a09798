"""Connect to a test helper of either kind. Its answers are untrusted and bounded in size, depth and time."""

import json
import math
import socket
import zlib
from collections.abc import Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NoReturn

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from probe.formats import failures as f
from probe.session.classify import NETWORK_ERRORS, classify
from probe.steps.sockets import limit_segments
from probe.steps.tls.certificates import Roots

LONGEST_ANSWER = 4 * 1024 * 1024  # bytes after decompression
# the only compression that is offered. 90 kB without it would fill a narrow access line for six seconds.
PACKED = "gzip"
DEEPEST = 32  # levels of nesting. Our own answers have about ten.

USUAL_SIZES: Mapping[int, int] = MappingProxyType({})  # segment sizes of a run in which large packets arrive

UNTRUSTED = (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch)


class Nonsense(Exception):
    """Report that the helper's answer breaks its protocol. The text says how."""


TROUBLE = (Nonsense, *UNTRUSTED, *NETWORK_ERRORS, aiohttp.ClientError, ValueError)
"""Every exception that a request to a helper may raise."""


def named(error: BaseException) -> str:
    """Return the failure string for one of TROUBLE."""
    if isinstance(error, Nonsense):
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


def open_session(
    roots: Roots, pin: str | None, segment_sizes: Mapping[int, int], resolver: AbstractResolver | None = None
) -> aiohttp.ClientSession:
    """Open a session that verifies https with the public roots, or with the pinned certificate alone. It uses no proxy.

    `pin` is the SHA-256 of the helper's certificate (DER), hexadecimal. `segment_sizes` has the longest TCP
    segment in bytes by family. The preflight may change it.
    """
    ssl = roots.client_context() if pin is None else aiohttp.Fingerprint(bytes.fromhex(pin.replace(":", "")))
    connector = aiohttp.TCPConnector(
        ssl=ssl, resolver=resolver or ThreadedResolver(), socket_factory=partial(_open_socket, segment_sizes)
    )
    asking = {"Accept-Encoding": PACKED}
    return aiohttp.ClientSession(connector=connector, trust_env=False, auto_decompress=False, headers=asking)


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


async def bounded_body(response: aiohttp.ClientResponse) -> bytes:
    """Read and decompress at most 4 MB. Raises Nonsense."""
    packing = response.headers.get("Content-Encoding", "identity").lower()
    if packing not in {PACKED, "identity"}:
        raise Nonsense("the answer is packed otherwise than asked")
    unpack = zlib.decompressobj(16 + zlib.MAX_WBITS) if packing == PACKED else None
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk if unpack is None else _unpacked(unpack, chunk, LONGEST_ANSWER + 1 - len(body))
        if len(body) > LONGEST_ANSWER:
            raise Nonsense(f"the answer is longer than {LONGEST_ANSWER} bytes")
    if unpack is not None and not unpack.eof:
        raise Nonsense("the answer breaks off")
    return bytes(body)


def _unpacked(unpack: "zlib._Decompress", chunk: bytes, most: int) -> bytes:
    """Decompress the next `most` bytes. A few compressed bytes may stand for gigabytes. Raises Nonsense."""
    try:
        unpacked = unpack.decompress(chunk, most)
    except zlib.error:
        raise Nonsense("the answer cannot be unpacked") from None
    if unpack.unused_data:
        raise Nonsense("the answer goes on behind its end")
    return unpacked


def retry_after(value: str) -> float:
    """Return the seconds that a busy helper asks us to wait, within our limit."""
    return min(10.0, float(value)) if value.isascii() and value.isdigit() else 2.0


def read_object(raw: bytes) -> dict[str, Any]:
    """Parse an answer with bounded depth and numbers. Raises Nonsense."""
    try:
        answer = json.loads(raw, parse_constant=_refuse, parse_float=_finite, parse_int=_bounded)
    except (ValueError, RecursionError):
        raise Nonsense("the answer is not JSON") from None
    if not isinstance(answer, dict):
        raise Nonsense("the answer is no object")
    if _deeper_than(answer, DEEPEST):
        raise Nonsense("the answer is nested too deeply")
    return answer


def _deeper_than(document: Any, limit: int) -> bool:
    level = [document]
    for _ in range(limit - 1):
        level = [child for node in level for child in _children(node) if isinstance(child, dict | list)]
    return any(level)  # one that is not empty has children, of which scalars were not looked at


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
