"""Asks a test helper to run the same nettest on the same target; whatever comes back, the answer is a plain object."""

import asyncio
import ipaddress
import json
import math
import re
import socket
from collections.abc import Callable, Mapping
from typing import Any, NoReturn
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from probe.classify import NETWORK_ERRORS, classify
from probe.formats import failures as f
from probe.steps.certificates import Roots
from probe.targets import Target, is_address
from probe.twins import FRESH_SECONDS, TOKEN_BYTES, EchoOffer

TOTAL_SECONDS = 40.0  # the helper answers within 30
LONGEST_ANSWER = 4 * 1024 * 1024  # bytes
DEEPEST = 32  # levels of nesting; our own answers have about ten
MOST_ADDRESSES = 16  # per name, as the helper accepts
KEPT = ("software_version", "targets_digest", "preflight", "test_keys")
KINDS: dict[str, type] = {"software_version": str, "targets_digest": str, "preflight": dict, "test_keys": dict}

MOST_ECHO_PORTS = 16

UNTRUSTED = (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch)


Offered = Callable[[EchoOffer], None]


class Nonsense(Exception):
    """The helper answered, but not as `POST /v1/measure` is defined; the text says what was wrong."""


async def ask(
    base_url: str,
    target: Target,
    addresses: Mapping[str, list[str]],
    *,
    roots: Roots,
    pin: str | None = None,
    learned: Callable[[str], None] = lambda address: None,
    offered: Offered = lambda offer: None,
    seconds: float = TOTAL_SECONDS,
) -> dict[str, Any]:
    """Ask the helper at `base_url` about `target`; returns an x_control object, its `failure` null or a df-007 string.

    `addresses` are those that the probe resolved, per name; `learned` hears the address that the helper saw us come
    from, `offered` what its echo takes; both go nowhere else. `pin` is the SHA-256 of the helper's certificate (DER),
    hexadecimal. Never raises.
    """
    question = {"target": target.name, "addresses": sendable(addresses)}
    names = _Remembering()
    try:
        async with asyncio.timeout(seconds):
            async with _session(roots, pin, names) as session:
                answer = parse(await _post(session, base_url.rstrip("/") + "/v1/measure", question))
    except Nonsense as error:
        return {"failure": f"{f.UNKNOWN}: helper: {error}"}
    except UNTRUSTED:
        return {"failure": f"{f.UNKNOWN}: helper: its certificate is not trusted"}
    except NETWORK_ERRORS as error:
        return {"failure": classify(error)}
    except (aiohttp.ClientError, ValueError) as error:
        return {"failure": f"{f.UNKNOWN}: helper: {type(error).__name__}"}
    tell(answer, learned)
    offer = echo_offer(answer, base_url, names.addresses)
    if offer is not None:
        offered(offer)
    written = {"echo": {"ports": list(offer.ports)}} if offer else {}
    return {"failure": None, **{key: answer[key] for key in KEPT}, **written}


async def health(base_url: str, *, roots: Roots, pin: str | None = None, seconds: float = 10.0) -> str | None:
    """Ask whether a helper is there; returns None when it says so, else a failure string. Never raises."""
    try:
        async with (
            asyncio.timeout(seconds),
            _session(roots, pin) as session,
            session.get(base_url.rstrip("/") + "/health", allow_redirects=False) as response,
        ):
            said = json.loads(await _bounded_body(response))
            fine = response.status == 200 and isinstance(said, dict) and said.get("status") == "ok"
            return None if fine else f"{f.UNKNOWN}: this is no helper"
    except UNTRUSTED:
        return f"{f.UNKNOWN}: helper: its certificate is not trusted"
    except NETWORK_ERRORS as error:
        return classify(error)
    except (aiohttp.ClientError, ValueError, RecursionError, Nonsense) as error:
        return f"{f.UNKNOWN}: helper: {type(error).__name__}"


def sendable(addresses: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The addresses that a helper accepts: public ones, at most 16 per name. A bogon is no use to it."""
    public = {name: [ip for ip in ips if _is_public(ip)][:MOST_ADDRESSES] for name, ips in addresses.items()}
    return {name: ips for name, ips in public.items() if ips}


def parse(raw: bytes) -> dict[str, Any]:
    """Read a helper's answer, bounded in depth and in numbers, and check its fields. Raises Nonsense."""
    try:
        answer = json.loads(raw, parse_constant=_refuse, parse_float=_finite, parse_int=_bounded)
    except (ValueError, RecursionError):
        raise Nonsense("the answer is not JSON") from None
    if not isinstance(answer, dict):
        raise Nonsense("the answer is no object")
    if _deeper_than(answer, DEEPEST):
        raise Nonsense("the answer is nested too deeply")
    for key, kind in KINDS.items():
        if not isinstance(answer.get(key), kind):
            raise Nonsense(f"the answer has no usable {key}")
    return answer


def tell(answer: Mapping[str, Any], learned: Callable[[str], None]) -> None:
    """Pass on where the helper saw us come from, if it says so in an address."""
    address = answer.get("your_address")
    if isinstance(address, str) and _parsed(address) is not None:
        learned(address)


def echo_offer(answer: Mapping[str, Any], base_url: str, resolved: list[str]) -> EchoOffer | None:
    """What the answer offers of an echo, checked; None where it offers none or what it says is not as defined."""
    echo = answer.get("echo")
    token, ports = (echo.get("token"), echo.get("ports")) if isinstance(echo, dict) else (None, None)
    if not isinstance(token, str) or re.fullmatch(f"[0-9a-f]{{{2 * TOKEN_BYTES}}}", token) is None:
        return None
    if not isinstance(ports, list) or not 0 < len(ports) <= MOST_ECHO_PORTS or not all(map(_is_port, ports)):
        return None
    host = urlsplit(base_url).hostname or ""
    addresses = (host,) if is_address(host) else tuple(ip for ip in resolved if is_address(ip))
    until = asyncio.get_running_loop().time() + FRESH_SECONDS
    return EchoOffer(bytes.fromhex(token), tuple(ports), addresses, until)


def _is_port(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65536


class _Remembering(ThreadedResolver):
    """The system's resolver; it remembers where the helper is, so that the echo is looked for nowhere else."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        self.addresses += [one["host"] for one in found]
        return found


async def _post(session: aiohttp.ClientSession, url: str, question: dict[str, Any]) -> bytes:
    """POST and read at most 4 MB; a helper that is busy is asked once more when it says so."""
    for attempt in (1, 2):
        async with session.post(url, json=question, allow_redirects=False) as response:
            if response.status == 503 and attempt == 1:
                await asyncio.sleep(_retry_after(response.headers.get("Retry-After", "")))
                continue
            if response.status != 200:
                raise Nonsense(f"status {response.status}")
            return await _bounded_body(response)
    raise Nonsense("status 503")


async def _bounded_body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > LONGEST_ANSWER:
            raise Nonsense(f"the answer is longer than {LONGEST_ANSWER} bytes")
    return bytes(body)


def _session(roots: Roots, pin: str | None, resolver: AbstractResolver | None = None) -> aiohttp.ClientSession:
    """A session that verifies https with the public roots, or by the pinned certificate alone; no proxy, no gzip."""
    ssl = roots.client_context() if pin is None else aiohttp.Fingerprint(bytes.fromhex(pin.replace(":", "")))
    connector = aiohttp.TCPConnector(ssl=ssl, resolver=resolver or ThreadedResolver())
    return aiohttp.ClientSession(connector=connector, trust_env=False, auto_decompress=False)


def _retry_after(value: str) -> float:
    return min(10.0, float(value)) if value.isdigit() else 2.0


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None


def _is_public(address: str) -> bool:
    parsed = _parsed(address)
    return parsed is not None and parsed.is_global and not parsed.is_multicast


def _deeper_than(document: Any, limit: int) -> bool:
    level = [document]
    for _ in range(limit):
        level = [child for node in level for child in _children(node)]
    return bool(level)


def _children(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []


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
