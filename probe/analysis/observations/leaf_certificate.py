"""Read from a leaf certificate what rules need: its digest, its issuer, and if it contains a name."""

import base64
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from probe.analysis.observations.lenient_json import flag, table, tables, text

_LONGEST = 8192  # characters of certificate and name that are cached, since invalid input can have any length


@dataclass(frozen=True)
class Leaf:
    """Hold the SHA-256 digests of a leaf and of its issuer's name, hexadecimal, "" if unknown.

    `bears_name` is True if the leaf contains the requested name or its wildcard.
    """

    digest: str = ""
    issuer: str = ""
    self_signed: bool = False
    bears_name: bool = False


def leaf_of(chain: Any, name: str, withheld: Any = None) -> Leaf:
    """Read the first certificate of `peer_certificates`. Fields that cannot be parsed stay empty.

    `withheld` has the facts of a leaf that is not written (`x_withheld_leaf`).
    """
    if facts := table(withheld):
        same = flag(facts.get("self_signed")), flag(facts.get("bears_name"))
        return Leaf(text(facts.get("digest")), text(facts.get("issuer")), *same)
    encoded = text(table(next(iter(tables(chain)), None)).get("data"))
    return _cached(encoded, name) if len(encoded) + len(name) <= _LONGEST else _read(encoded, name)


@lru_cache(maxsize=2048)  # a server presents the same certificate for weeks
def _cached(encoded: str, name: str) -> Leaf:
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
    """Return True if the certificate contains the name or its wildcard, as ASCII bytes (RFC 5280, 4.2.1.6)."""
    wildcard = "*." + name.partition(".")[2]
    return "." in name and any(text.encode("ascii", "replace") in der for text in (name, wildcard))


def _issuer_and_subject(der: bytes) -> tuple[bytes, bytes]:
    """Return issuer and subject as DER.

    tbsCertificate is [0] version, serial, algorithm, issuer, validity, subject (RFC 5280, 4.1).
    """
    fields = _children(_children(der)[0])
    if fields[0][0] == 0xA0:
        fields = fields[1:]
    return fields[2], fields[4]


def _children(der: bytes) -> list[bytes]:
    """Return the elements of a constructed element, each with its tag and length."""
    start, end = _content(der, 0)
    found = []
    while start < end:
        _, after = _content(der, start)
        found.append(der[start:after])
        start = after
    return found


def _content(der: bytes, offset: int) -> tuple[int, int]:
    """Return start and end of the content of the element at `offset`. Raises ValueError or IndexError."""
    length, start = der[offset + 1], offset + 2
    if length & 0x80:
        size = length & 0x7F
        length, start = int.from_bytes(der[start : start + size], "big"), start + size
    if start + length > len(der):
        raise ValueError("the element is longer than its container")
    return start, start + length
