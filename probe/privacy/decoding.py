"""Decode text to a fixpoint: undo encodings, alone and one inside the other, within fixed limits of work.

A server may write an address in any encoding, and encode the result again. Every decoder returns the texts that a form
may stand for. The search ends when no new text appears. If it reaches a limit first, `complete` is False.
"""

import base64
import binascii
import bz2
import html
import lzma
import quopri
import re
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

Codec = Callable[[bytes], bytes]

MOST_FORMS = 400
DEEPEST = 8
LONGEST = 4096  # characters of one form
MOST_CHARACTERS = 200_000  # of all forms together

_TOKEN = re.compile(r"[^\s\"'<>()\[\]{},;]{5,}")
_ALPHABETIC = re.compile(r"[A-Za-z0-9+/_=-]{5,}")
_ESCAPE = re.compile(
    r"\\u\{([0-9a-fA-F]{1,6})\}|\\x([0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})|\\([0-7]{3})|\\(\d{3})"
    r"|%u([0-9a-fA-F]{4})|U\+([0-9a-fA-F]{4,6})"
)
_SEPARATORS = re.compile(r"[\s.,:;|/_\\-]+")
_HEX, _BASE32 = re.compile(r"(?:0x)?([0-9a-fA-F]{8,})"), re.compile(r"([A-Za-z2-7]{7,})=*")
_HEX32 = re.compile(r"([0-9A-Va-v]{7,})=*")
_BASE64 = re.compile(r"([A-Za-z0-9+/_-]{6,})=*")
_DIGITS = str.maketrans("〇零一二三四五六七八九", "00123456789")
_URL_SAFE = str.maketrans("-_", "+/")
_DOTS = str.maketrans(dict.fromkeys("。．｡․‧∙⋅·•", "."))


@dataclass
class Decoded:
    """Hold every form of a text, and the tokens in it that stand for as many bytes as an address has."""

    texts: dict[str, int] = field(default_factory=dict)  # with the number of decodings that lead there
    packed: set[str] = field(default_factory=set)  # tokens that stand for 4 or 16 bytes
    complete: bool = True


def decode(text: str) -> Decoded:
    """Return everything that `text` may stand for."""
    found = Decoded()
    waiting = [(text[:LONGEST], 0)]
    found.complete = len(text) <= LONGEST
    budget = MOST_CHARACTERS
    while waiting:
        form, depth = waiting.pop(0)
        if form in found.texts:
            continue
        budget -= len(form)
        if len(found.texts) >= MOST_FORMS or depth > DEEPEST or budget < 0:
            found.complete = False
            break
        found.texts[form] = depth
        waiting += [(one[:LONGEST], depth + 1) for one in _once(form, found) if one not in found.texts]
    return found


def normalised(text: str) -> str:
    """Return the text in NFKC, without characters that have no width, and with ASCII digits and dots."""
    text = unicodedata.normalize("NFKC", text).translate(_DOTS)
    kept = (c for c in text if unicodedata.category(c) not in {"Cf", "Mn", "Me"} or c in "\n\t")
    return "".join(map(_ascii_digit, kept)).translate(_DIGITS)


def _ascii_digit(character: str) -> str:
    if character.isascii():
        return character
    value = unicodedata.digit(character, None)
    return character if value is None else str(value)


def _once(text: str, found: Decoded) -> Iterator[str]:
    """Yield the texts after one decoding of the whole text or of one token in it."""
    yield normalised(text)
    if "&" in text:
        yield html.unescape(text)
    if "%" in text:
        raw = unquote_to_bytes(text.encode("utf-8", "replace"))
        found.packed |= _binary(raw, text)
        yield from _readable(raw)
    if "+" in text:
        yield text.replace("+", " ")
    if "=" in text:
        raw = quopri.decodestring(text.encode("utf-8", "replace"))
        found.packed |= _binary(raw, text)
        yield from _readable(raw)
        yield re.sub(r"=([0-9A-Fa-f]{2})", lambda pair: chr(int(pair[1], 16)), text)
    if "\\" in text or "%u" in text or "U+" in text:
        plain = _ESCAPE.sub(_escaped, text)
        found.packed |= set() if _is_text(plain) else {text}
        yield plain
        yield text.replace("\\", "")
    yield from _other_width(text)
    for token in _tokens(text):
        for raw in _bytes_of(token):
            is_word_in_base85 = token.isalpha() and len(token) in {5, 20}
            if len(raw) in {4, 16} and "." not in token and not is_word_in_base85:
                found.packed.add(token)
            yield from _meaning(raw)


def _binary(raw: bytes, text: str) -> set[str]:
    """Return the text if it stands for bytes that are no text, which may be an address."""
    return set() if any(True for _ in _readable(raw)) else {text}


def _escaped(match: re.Match[str]) -> str:
    number = next((int(group, 8 if at == 5 else 10 if at == 6 else 16) for at, group in _groups(match)), 0)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else ""


def _groups(match: re.Match[str]) -> Iterator[tuple[int, str]]:
    return ((at, group) for at, group in enumerate(match.groups(), start=1) if group)


def _tokens(text: str) -> set[str]:
    """Return the parts of the text that may be encoded: its words, and the text without its separators."""
    joined = _SEPARATORS.sub("", text)
    bare = re.sub(r"\s+", "", text)
    inner = {part for token in _TOKEN.findall(text) for part in re.split(r"[=:]+", token)[1:] if len(part) >= 5}
    labels = {part.strip("._-") for part in re.split(r"[\s./:@|]+", text)}
    named = {part for label in labels for part in (label, label.replace("-", ""), label.partition("-")[2])}
    found = {*_TOKEN.findall(text), *_ALPHABETIC.findall(text), joined, bare, text, text.strip(), *inner, *named}
    return {token for token in found if 5 <= len(token) <= LONGEST}


def _bytes_of(token: str) -> Iterator[bytes]:
    """Yield the bytes for which a token may stand, in each base."""
    if match := _HEX.fullmatch(token):
        yield bytes.fromhex(match[1][: len(match[1]) // 2 * 2])
    if match := _BASE32.fullmatch(token):
        yield from _attempt(base64.b32decode, base64.b32encode, _padded(match[1].upper(), 8))
    if match := _HEX32.fullmatch(token):
        yield from _attempt(base64.b32hexdecode, base64.b32hexencode, _padded(match[1].upper(), 8))
    if match := _BASE64.fullmatch(token):
        bare = match[1].translate(_URL_SAFE)
        yield from _attempt(base64.b64decode, base64.b64encode, _padded(bare, 4))
        yield from _attempt(base64.b64decode, base64.b64encode, bare[: len(bare) // 4 * 4])
    if len(token) >= 5 and token.isascii():
        yield from _attempt(base64.b85decode, base64.b85encode, token)
        yield from _attempt(base64.a85decode, base64.a85encode, token.removeprefix("<~").removesuffix("~>"))
    with suppress(UnicodeEncodeError):
        if _is_packed(raw := token.encode("latin-1")):
            yield raw


def _padded(text: str, block: int) -> str:
    return text + "=" * (-len(text) % block)


def _attempt(decoder: Codec, encoder: Codec, text: str) -> Iterator[bytes]:
    """Yield the decoded bytes if encoding them gives the same text. A word often has unused bits that are not zero."""
    with suppress(ValueError, binascii.Error, IndexError, OverflowError):
        raw = decoder(text.encode())
        if encoder(raw) == text.encode():
            yield raw


def _is_packed(raw: bytes) -> bool:
    return raw[:2] in {b"\x1f\x8b", b"BZ", b"\xfd7"} or (len(raw) > 5 and raw[0] in {0x78, 0x5D})


def _meaning(raw: bytes) -> Iterator[str]:
    """Yield the text in bytes, decompressed if they are compressed."""
    yield from _readable(raw)
    for opened in _decompressed(raw):
        yield from _readable(opened)


def _decompressed(raw: bytes) -> Iterator[bytes]:
    for window in (47, 15, -15):  # gzip or zlib by its head, zlib, and raw deflate
        with suppress(zlib.error):
            opener = zlib.decompressobj(window)
            if opened := opener.decompress(raw, LONGEST):
                yield opened
    with suppress(OSError, ValueError):
        yield bz2.BZ2Decompressor().decompress(raw, LONGEST)
    with suppress(lzma.LZMAError, EOFError, ValueError):
        yield lzma.LZMADecompressor(memlimit=2**26).decompress(raw, LONGEST)


def _readable(raw: bytes) -> Iterator[str]:
    """Yield the text of bytes that are text: ASCII, UTF-8 or UTF-16. Other bytes stand for no text."""
    if not raw:
        return
    with suppress(UnicodeDecodeError):
        text = raw.decode("utf-8")
        if _is_text(text):
            yield text
    if len(raw) >= 4 and 0 in raw:
        for codec in ("utf-16-le", "utf-16-be", "utf-16", "utf-32-le", "utf-32-be"):
            with suppress(UnicodeDecodeError):
                text = raw.decode(codec).lstrip("\ufeff")
                if text.isascii() and _is_text(text):
                    yield text


def _is_text(text: str) -> bool:
    return all(c.isprintable() or c in "\r\n\t" or unicodedata.category(c) == "Cf" for c in text)


def _other_width(text: str) -> Iterator[str]:
    """Yield the text of two-byte characters that were read as one byte each, and the other way round."""
    if "\0" in text:
        yield text.replace("\0", "")
    if not text.isascii():
        for codec in ("utf-16-be", "utf-16-le", "latin-1"):
            with suppress(UnicodeError):
                raw = text.encode(codec)
                with suppress(UnicodeError):
                    other = raw.decode("ascii" if codec != "latin-1" else "utf-8")
                    if _is_text(other):
                        yield other
