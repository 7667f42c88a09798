"""Decide whether anything in a text may be an address, in any form, after all decodings."""

import re
from functools import lru_cache

from probe.privacy.decoding import decode
from probe.privacy.vocabulary import is_known_word

_SEP = r"(?:[^0-9a-z]{1,4}|[^0-9a-z]?(?:dot|point)[^0-9a-z]?)"
_COLON = r"(?:[:_-]|\[:\])"
_HEX = r"[0-9a-f]"
_OCTET = r"(?:0{0,4}(?:25[0-5]|2[0-4]\d|1\d\d|\d{1,2})|0[0-3]?[0-7]{1,2}|0x[0-9a-f]{1,2})"
_LIKE = re.compile(
    "|".join(
        (
            rf"(?<!\d){_OCTET}(?:{_SEP}{_OCTET}){{3}}(?!\d)",  # four numbers, in either order
            r"(?<![\d.])\d{1,3}\.\d{1,3}\.(?:\d{1,5}|x+|\*)(?![\d])",  # three parts: inet_aton's form, or a network
            r"(?<![\d.])(?:\d{1,3}|0x[0-9a-f]{1,2})\.(?:\d{5,8}|0x[0-9a-f]{4,6})(?!\d)",  # inet_aton's two parts
            r"\d{8,}",  # one number, decimal or octal, or octets with leading zeros
            rf"0x{_HEX}{{6,}}",
            rf"(?<![0-9a-z]){_HEX}{{8,}}(?![0-9a-z])",  # four bytes and more
            rf"(?=[0-9a-f]*\d[0-9a-f]*\d){_HEX}{{8,}}",  # the same inside a word, if it has digits
            rf"(?<!{_HEX}){_HEX}{{1,2}}(?:[^0-9a-z]{_HEX}{{1,2}}){{3,}}(?!{_HEX})",  # bytes, also MAC and arpa
            rf"(?<!{_HEX}){_HEX}{{4}}(?:[^0-9a-z]{_HEX}{{4}})+(?!{_HEX})",  # groups of a MAC or of IPv6
            rf"(?<!{_HEX})(?:{_HEX}{{1,4}}{_COLON}){{2,7}}{_HEX}{{1,4}}(?!{_HEX})",
            rf"{_HEX}{{1,4}}::|::{_HEX}{{1,4}}",
            r"\.(?:in-addr|ip6)\b",
            r"\.ipv6-literal\b",
        )
    )
)
_TIME = re.compile(r"(?<![\d:.])[0-2]?\d:[0-5]\d(?::[0-5]\d)?(?![\d:.])")


def looks_like_address(text: str) -> bool:
    """Return whether the text as it stands contains something like an address, a network or a hardware address."""
    return _LIKE.search(_TIME.sub(" ", text.lower())) is not None


@lru_cache(maxsize=4096)
def holds_address(text: str) -> bool:
    """Return whether anything like an address is in the text, encoded up to any depth.

    A text that cannot be decoded within the limits holds one. So does a text with a token that stands for exactly four
    or sixteen bytes, unless the token is a word.
    """
    return spells_address(text) or not all(map(is_known_word, decode(text).packed))


@lru_cache(maxsize=4096)
def spells_address(text: str) -> bool:
    """Return whether an address is written in the text, encoded up to any depth.

    For texts of known words. Other texts need `holds_address`, which also finds packed addresses.
    """
    decoded = decode(text)
    return not decoded.complete or any(map(looks_like_address, decoded.texts))


@lru_cache(maxsize=4096)
def encodes_address(text: str) -> bool:
    """Return whether an address is encoded in a text of hexadecimal digits, which itself looks like one."""
    decoded = decode(text)
    return not decoded.complete or any(looks_like_address(form) for form in decoded.texts if form != text)
