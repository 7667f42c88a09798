"""Find an address in a written record by decoding every string to a fixpoint. Independent of `probe.privacy`."""

import base64
import binascii
import bz2
import gzip
import html
import ipaddress
import lzma
import quopri
import re
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import unquote_to_bytes

DEEPEST, MOST = 6, 400


def strings_in(value: Any) -> Iterator[str]:
    """Yield all strings and keys of a document, numbers as text, and base64 fields as Latin-1."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            if key in {"data", "raw_response"} and isinstance(inner, str):
                yield from (raw := base64.b64decode(inner).decode("latin-1"), *re.findall(r"[ -~]{4,}", raw))
            yield from strings_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings_in(inner)
    elif isinstance(value, str):
        yield value
    elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= 2**24:
        yield str(value)


class Needles:
    """Hold what must not be in a decoded text."""

    def __init__(self, address: str) -> None:
        ip = ipaddress.ip_address(address)
        packed, number = ip.packed, int(ip)
        self.raw = {packed, packed[::-1]}
        self.numbers = {
            str(number),
            str(int.from_bytes(packed, "little")),
            f"{number:o}",
            packed.hex(),
            packed[::-1].hex(),
        }
        self.octets: list[re.Pattern[str]] = []
        if ip.version == 4:
            a, b, c, d = (str(octet) for octet in packed)
            for order in ((a, b, c, d), (d, c, b, a)):
                self.octets.append(re.compile(r"\D{1,5}0*".join(order)))
            hexes = [f"0*{octet:x}" for octet in packed]
            self.octets.append(re.compile(r"(?<![0-9a-f])(?:0x)?" + r"[^0-9a-f](?:0x)?".join(hexes) + r"(?![0-9a-f])"))
            octal = [f"0+{octet:o}" for octet in packed]
            self.octets.append(re.compile(r"(?<!\d)" + r"\.".join(octal) + r"(?!\d)"))
            self.numbers |= {f"{a}.{b}.{packed[2] << 8 | packed[3]}", f"{a}.{number & 0xFFFFFF}"}
        else:
            groups = [f"0*{int(group, 16):x}" for group in ip.exploded.split(":")]
            self.octets.append(re.compile(r"(?<![0-9a-f])" + r"[^0-9a-f]".join(groups[:4])))
            self.octets.append(re.compile(r"(?<![0-9a-f])" + r"[^0-9a-f]".join(groups[4:]) + r"(?![0-9a-f])"))
            self.octets.append(re.compile(r"[^0-9a-f]".join(reversed(packed[:8].hex()))))

    def are_in(self, text: str) -> bool:
        """Return whether the text contains the address in any spelling."""
        lower = text.lower()
        if any(number in lower for number in self.numbers) or any(pattern.search(lower) for pattern in self.octets):
            return True
        bare = re.sub(r"[^0-9a-z]", "", lower)
        if any(number in bare for number in self.numbers if len(number) >= 7 and "." not in number):
            return True
        with suppress(UnicodeEncodeError):
            return any(raw in text.encode("latin-1") for raw in self.raw)
        return False


def finds(document: Any, address: str, known: frozenset[str] = frozenset()) -> list[str]:
    """Return the strings of a document that contain the address, decoded. Strings in `known` are left out."""
    needles = Needles(address)
    return [text for text in set(strings_in(document)) - known if any(map(needles.are_in, _decodings(text)))]


def _decodings(text: str) -> Iterator[str]:
    seen, waiting = set(), [(text, 0)]
    while waiting and len(seen) < MOST:
        one, depth = waiting.pop(0)
        if one in seen:
            continue
        seen.add(one)
        yield one
        if "\0" in one:
            waiting.append((one.replace("\0", ""), depth + 1))
        if depth < DEEPEST and _is_text(one):
            waiting += [(form, depth + 1) for form in _steps(one) if form and form not in seen]


def _steps(text: str) -> Iterator[str]:
    yield "".join(_digit(c) for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    yield html.unescape(text)
    for decoded in (unquote_to_bytes(text), quopri.decodestring(text.encode("utf-8", "replace"))):
        yield from (decoded.decode("latin-1"), decoded.decode("utf-8", "replace"))
    yield re.sub(r"(?:\\x|\\u\{?|%u)([0-9a-fA-F]{2,6})\}?", lambda found: chr(min(int(found[1], 16), 0x10FFFF)), text)
    yield re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
    yield re.sub(r"[\s-]", "", text)
    for token in {
        text,
        re.sub(r"\s", "", text),
        re.sub(r"[^0-9A-Za-z+/=]", "", text),
        *re.findall(r"[^\s\"'<>\[\]]+", text),
    }:
        for raw in _from_bases(token):
            yield from _texts_of(raw)


def _is_text(text: str) -> bool:
    """Return False for bytes that were read as Latin-1. They are searched, and not decoded further."""
    return all(c.isprintable() or c.isspace() or unicodedata.category(c) == "Cf" for c in text)


def _digit(character: str) -> str:
    value = unicodedata.digit(character, None)
    return character if value is None else str(value)


def _from_bases(token: str) -> Iterator[bytes]:
    for part in {token, token.rstrip("="), token.strip("()[]<>~.,:;\"'")}:
        if len(part) < 4:
            continue
        for decoder, block in _DECODERS:
            padded = part + "=" * (-len(part) % block) if block else part
            with suppress(ValueError, binascii.Error, OverflowError, UnicodeError):
                yield decoder(padded)


_DECODERS: list[tuple[Callable[[str], bytes], int]] = [
    (bytes.fromhex, 0),
    (lambda text: base64.b32decode(text, casefold=True), 8),
    (lambda text: base64.b32hexdecode(text, casefold=True), 8),
    (lambda text: base64.b64decode(text, validate=True), 4),
    (lambda text: base64.b64decode(text, altchars=b"-_", validate=True), 4),
    (base64.b85decode, 0),
    (base64.a85decode, 0),
    (lambda text: base64.a85decode(f"<~{text}~>", adobe=True), 0),
]


def _texts_of(raw: bytes) -> Iterator[str]:
    for opened in (raw, *_decompressed(raw)):
        yield opened.decode("latin-1")
        with suppress(UnicodeDecodeError):
            yield opened.decode("utf-8")
        if 0 in opened:
            for codec in ("utf-16", "utf-16-be", "utf-16-le"):
                with suppress(UnicodeError):
                    yield opened.decode(codec)


def _decompressed(raw: bytes) -> Iterator[bytes]:
    for opener in (
        zlib.decompress,
        gzip.decompress,
        bz2.decompress,
        lzma.decompress,
        lambda data: zlib.decompress(data, -15),
    ):
        with suppress(zlib.error, OSError, EOFError, ValueError, lzma.LZMAError):
            yield opener(raw)
