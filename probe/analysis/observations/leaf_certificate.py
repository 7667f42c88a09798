"""A certificate's leaf, as far as the judge needs it: is it the same one, who issued it, does it bear a name."""

import base64
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from probe.analysis.observations.lenient_json import table, tables, text

_LONGEST = 8192  # characters of a certificate and a name that are remembered: junk may be of any length


@dataclass(frozen=True)
class Leaf:
    """Digests of a leaf and of its issuer (SHA-256, hexadecimal), "" where unknown; whether it bears the name asked."""

    digest: str = ""
    issuer: str = ""
    self_signed: bool = False
    bears_name: bool = False


def leaf_of(chain: Any, name: str) -> Leaf:
    """Read the first certificate of `peer_certificates`; what cannot be parsed leaves its fields empty."""
    encoded = text(table(next(iter(tables(chain)), None)).get("data"))
    return _remembered(encoded, name) if len(encoded) + len(name) <= _LONGEST else _read(encoded, name)


@lru_cache(maxsize=2048)
def _remembered(encoded: str, name: str) -> Leaf:
    """A server shows the same certificate to everybody, for weeks."""
    return _read(encoded, name)


def _read(encoded: str, name: str) -> Leaf:
    try:
        der = base64.b64decode(encoded, validate=True)
    except ValueError:
        return Leaf()
    if not der:
        return Leaf()
    digest, bears_name = hashlib.sha256(der).hexdigest(), _bears(der, name)
    try:
        issuer, subject = _issuer_and_subject(der)
    except (IndexError, ValueError):
        return Leaf(digest, bears_name=bears_name)
    return Leaf(digest, hashlib.sha256(issuer).hexdigest(), issuer == subject, bears_name)


def _bears(der: bytes, name: str) -> bool:
    """Whether the name, or the wildcard above it, is written in the certificate: as plain ASCII (RFC 5280, 4.2.1.6)."""
    wildcard = "*." + name.partition(".")[2]
    return "." in name and any(text.encode("ascii", "replace") in der for text in (name, wildcard))


def _issuer_and_subject(der: bytes) -> tuple[bytes, bytes]:
    """RFC 5280, 4.1: tbsCertificate is [0] version, serial, algorithm, issuer, validity, subject …"""
    fields = _children(_children(der)[0])
    if fields[0][0] == 0xA0:
        fields = fields[1:]
    return fields[2], fields[4]


def _children(der: bytes) -> list[bytes]:
    """The elements inside a constructed element, each whole."""
    start, end = _content(der, 0)
    found = []
    while start < end:
        _, after = _content(der, start)
        found.append(der[start:after])
        start = after
    return found


def _content(der: bytes, offset: int) -> tuple[int, int]:
    """Where the content of the element at `offset` starts and ends. Raises ValueError or IndexError."""
    length, start = der[offset + 1], offset + 2
    if length & 0x80:
        size = length & 0x7F
        length, start = int.from_bytes(der[start : start + size], "big"), start + size
    if start + length > len(der):
        raise ValueError("the element is longer than what holds it")
    return start, start + length
