"""Decide whether a certificate may contain an address. Valid ones of the run are public, others are searched."""

import hashlib
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from probe.privacy.binary_fields.der import content_of, is_for, issuer_and_subject
from probe.privacy.host_names import kept_name
from probe.privacy.server_text import kept_text, keyed

_CONSTRUCTED, _CONTEXT = 0x20, 0x80
_INTEGER, _OCTETS = 2, 4
_STRINGS = {
    12: "utf-8",
    19: "ascii",
    20: "latin-1",
    22: "ascii",
    26: "ascii",
    27: "latin-1",
    28: "utf-32-be",
    30: "utf-16-be",
}
_NAMES = {0x80 | 1: "ascii", 0x80 | 2: "ascii", 0x80 | 6: "ascii"}  # of GeneralName: mail, DNS name, URI
_IP_ADDRESS = 0x80 | 7
_PACKED = 4  # bytes of an address
_SHORTEST = 4  # characters: a country's code is shorter
_MOST_ELEMENTS = 4000


@dataclass(frozen=True)
class CertificateContext:
    """Hold what is public in a run: names that the probe knows, and addresses that it contacted."""

    names: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()


@dataclass(frozen=True)
class LeafFacts:
    """Hold what rules need of a leaf that is not written. Its digests are under the key of the run."""

    digest: str
    issuer: str
    self_signed: bool
    bears_name: bool


@lru_cache(maxsize=1024)
def is_plain_certificate(der: bytes, context: CertificateContext) -> bool:
    """Return whether no text, address or short number in a certificate may be the user's address."""
    try:
        return all(_is_plain(tag, raw, context) for tag, raw in _elements(der))
    except (ValueError, IndexError, RecursionError):
        return False


def withheld_leaf(der: bytes, name: str, key: bytes, context: CertificateContext) -> LeafFacts:
    """Return the facts of a leaf that is not written. `name` is the requested one."""
    try:
        issuer, subject = issuer_and_subject(der)
    except (ValueError, IndexError):
        return LeafFacts(keyed(der.hex(), key), "", self_signed=False, bears_name=is_for(der, name))
    digest = hashlib.sha256(issuer).hexdigest()
    plain = is_plain_certificate(issuer, context)
    return LeafFacts(
        keyed(der.hex(), key), digest if plain else keyed(digest, key), issuer == subject, is_for(der, name)
    )


def _is_plain(tag: int, raw: bytes, context: CertificateContext) -> bool:
    if tag == _IP_ADDRESS:
        return _is_public(raw, context)
    if tag == _INTEGER:
        return len(raw.lstrip(b"\0")) != _PACKED
    if tag == _OCTETS:
        return len(raw) != _PACKED and not (raw.isascii() and raw.decode().isprintable() and len(raw) >= _SHORTEST)
    text = raw.decode(_NAMES.get(tag) or _STRINGS[tag])
    return len(text) < _SHORTEST or _is_plain_text(text, context)


def _is_public(raw: bytes, context: CertificateContext) -> bool:
    address = ipaddress.ip_address(raw)
    return not address.is_global or str(address) in context.addresses


def _is_plain_text(text: str, context: CertificateContext) -> bool:
    if "://" in text:
        parts = urlsplit(text)
        words = " ".join(part for part in parts.path.replace(".", "/").split("/") if part)
        return kept_name(parts.hostname or "", context.names) == parts.hostname and kept_text(words) == words
    if "." in text and " " not in text:
        return kept_name(text.removeprefix("*."), context.names).lower() == text.removeprefix("*.").lower()
    return kept_text(text, context.names) == text


def _elements(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield every element with contents that a server chooses: texts, names, addresses, numbers and plain octets."""
    waiting, seen = [der], 0
    while waiting:
        data, at = waiting.pop(), 0
        while at < len(data):
            seen += 1
            if seen > _MOST_ELEMENTS:
                raise ValueError("too many elements")
            tag, (start, end) = data[at], content_of(data, at)
            content, at = data[start:end], end
            if tag & _CONSTRUCTED or (tag == _OCTETS and _is_der(content)):
                waiting.append(content)
            elif tag in {*_STRINGS, *_NAMES, _IP_ADDRESS, _INTEGER, _OCTETS}:
                yield tag, content


def _is_der(raw: bytes) -> bool:
    """Return whether an octet string contains one element, as the values of extensions do (RFC 5280, 4.1)."""
    try:
        return len(raw) > 1 and raw[0] in {0x30, 0x02, 0x03, 0x04, 0x05, 0x01} and content_of(raw, 0)[1] == len(raw)
    except (ValueError, IndexError):
        return False
