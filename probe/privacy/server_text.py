"""Keep what a server wrote only if it can be no address. Of everything else keep the length and the class.

A text is kept if all its words are known and no decoding of it contains an address. The encodings that a server may
use cannot all be listed, so an unknown word counts as an encoded address.

Decide whether a text consists of known words, product names and few short numbers.
"""

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Collection
from functools import cache

from probe.formats import failures
from probe.privacy.address_like import spells_address
from probe.privacy.decoding import normalised
from probe.privacy.host_names import is_plain_name
from probe.privacy.scrub import exact_base64
from probe.privacy.vocabulary import is_foreign_word, is_known_word, product_pattern

MOST_NUMBERS, MOST_DIGITS, LONGEST_NUMBER = 2, 7, 4
"""Four bytes need three numbers, or eight digits."""

_MARKS = ".,:;!?()[]\"'“”‘’«»<>|*•·…、。，！？：；（）【】「」؟،–—-™®©"
_JOINTS = re.compile(r"[-/’',;:+&=]|\.(?=\s|$)")
_SHORTENED = re.compile(r"(?<=[a-z])['’](?:s|t|d|m|ll|re|ve)\b", re.IGNORECASE)
_REPLY = re.compile(r"^[245]\.\d{1,2}\.\d{1,2} (?![^A-Za-z]*\d)")  # an enhanced status code (RFC 3463)
_STATUS_LINE = re.compile(r"^(?:HTTP/1\.[01]|SIP/2\.0) [1-6]\d\d(?![^A-Za-z]*\d)")
_OURS = re.compile(r"\[(?:scrubbed|id)\]")


def is_plain(text: str, known: Collection[str] = ()) -> bool:
    """Return whether nothing in the text could be an encoded address.

    Every word in Latin letters is in the list of known words. Letters of other scripts are words. At most two numbers
    remain beside the versions of known products. `known` has host names.
    """
    text = without_known_shapes(text)
    if any(
        unicodedata.category(character) in {"Cc", "Co", "Cn", "Cs"} for character in text if character not in "\t\n\r"
    ):
        return False
    chunks = [chunk for chunk in text.split() if not is_plain_name(chunk.strip(_MARKS), known)]
    parts = [part for chunk in chunks for part in _JOINTS.split(chunk.strip(_MARKS)) if part]
    numbers = [part for part in parts if part.isdigit()]
    if len(numbers) > MOST_NUMBERS or sum(map(len, numbers)) > MOST_DIGITS:
        return False
    return all(_is_plain_part(part.strip(_MARKS)) for part in parts)


def without_known_shapes(text: str) -> str:
    """Return the normalised text without products and their versions, status lines and enhanced status codes."""
    text = normalised(_OURS.sub(" ", text))
    for shape in (_STATUS_LINE, _REPLY, _SHORTENED, product_pattern()):
        text = shape.sub(" ", text)
    return text


def _is_plain_part(part: str) -> bool:
    if part.isdigit():
        return len(part) <= LONGEST_NUMBER and part.isascii()
    return not part or is_known_word(part) or is_foreign_word(part)


ADDRESS, OPAQUE = "address-like", "opaque"
KEPT_WORDS = ("OK", "PREAUTH", "BYE", "NO", "BAD")  # of IMAP (RFC 9051, 7.1), on which a rule depends

_CODE = re.compile(r"(\D*(?:^|[ (]))(?:0x[0-9a-f]{1,4}|\d{1,7})(\)?(?: \D*)?)|errno E[A-Z0-9]{2,15}")
"""A failure with one code, and no other digit."""

_EXCEPTION = re.compile(r"(?:[A-Z][a-z]+){1,5}(?:Error|Exception|Timeout|Disconnected|Interrupt)")  # of Python

Json = dict[str, object]


def kept_text(text: str, known: Collection[str] = ()) -> str:
    """Return the text, or its class and length: `[address-like, 37 characters]`. `known` has host names."""
    folded = " ".join(text.split())
    if not folded or (is_plain(folded, known) and not spells_address(without_known_shapes(folded))):
        return text
    return f"[{_class_of_text(folded)}, {len(text)} characters]"


def _class_of_text(text: str) -> str:
    return ADDRESS if spells_address(text) else OPAQUE


def kept_answer(text: str, known: Collection[str] = ()) -> str:
    """Return the text of a mail server's answer. IMAP's word for the kind of answer always remains."""
    word, _, rest = text.partition(" ")
    if word not in KEPT_WORDS or not rest:
        return kept_text(text, known)
    return f"{word} {kept_text(rest, known)}"


def kept_product(text: str, known: Collection[str] = ()) -> str:
    """Return the text of a `Server` header or the like. If it is not plain, the names of known products remain."""
    kept = kept_text(text, known)
    found = [match[0] for match in product_pattern().finditer(normalised(text)) if any(map(str.isalpha, match[0]))]
    return kept if kept == text or not found else " ".join([*dict.fromkeys(found), kept])


def kept_failure(text: str) -> str:
    """Return a failure string up to the part that a peer may have chosen.

    Codes of at most four hexadecimal digits and numbers of at most seven digits remain.
    """
    if text in _constants():
        return text
    parts = text.split(": ")
    plain = next((at for at, part in enumerate(parts) if not _is_plain_reason(part)), len(parts))
    return text if plain == len(parts) else ": ".join([*parts[:plain], f"[{_class_of_text(' '.join(parts[plain:]))}]"])


@cache
def _constants() -> frozenset[str]:
    """Return the failure strings that our code writes as they stand."""
    texts = (value for value in vars(failures).values() if isinstance(value, str))
    return frozenset({*texts, *failures.ALERT_TEXTS.values()})


def _is_plain_reason(part: str) -> bool:
    code = _CODE.fullmatch(part)
    bare = part if code is None else f"{code[1] or ''} {code[2] or ''}"
    words = "" if _EXCEPTION.fullmatch(part) else bare.replace("_", " ")
    return kept_text(words) == words


def kept_bytes(data: Json) -> Json:
    """Return an object of BinaryData, or the same without its bytes, with their class and length."""
    raw = exact_base64(str(data.get("data") or ""))
    if raw is None:
        return {"format": "base64", "data": "", "x_class": "binary", "x_length": 0}
    text = raw.decode("latin-1")
    if raw.isascii() and kept_text(text) == text:
        return {"format": "base64", "data": data["data"]}
    return {"format": "base64", "data": "", "x_class": class_of(raw), "x_length": len(raw)}


def class_of(raw: bytes) -> str:
    """Return the protocol that bytes belong to, else `text` or `binary`."""
    start = raw[:16].lstrip().lower()
    if len(raw) > 2 and raw[0] in {20, 21, 22, 23} and raw[1] == 3:
        return "tls"
    for kind, prefixes in _STARTS.items():
        if start.startswith(prefixes):
            return kind
    if len(raw) >= 8 and raw[0] < 0x40 and (raw[4:8] == b"\x21\x12\xa4\x42" or raw[1] in {0, 1, 3, 17, 19}):
        return "stun"
    return "text" if raw.isascii() and raw.decode().replace("\n", "").replace("\r", "").isprintable() else "binary"


_STARTS = {
    "http": (b"http/", b"get ", b"post ", b"head "),
    "html": (b"<!doctype", b"<html", b"<head", b"<body", b"<?xml"),
    "ssh": (b"ssh-",),
    "sip": (b"sip/", b"options sip", b"invite sip"),
    "smtp": (b"220 ", b"220-", b"250 ", b"250-", b"421 ", b"554 ", b"5"),
    "imap": (b"* ok", b"* bye", b"* preauth", b"* capability"),
}


def keyed(digest: str, key: bytes) -> str:
    """Return the digest under a key of the run, which is never written. Equal bodies stay equal in one run.

    A plain digest of a page that contains an address could be searched for over all addresses.
    """
    return hmac.new(key, digest.encode(), hashlib.sha256).hexdigest() if digest else digest
