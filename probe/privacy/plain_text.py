"""Decide whether a text consists of known words, product names and few short numbers."""

import re
import unicodedata
from collections.abc import Collection

from probe.privacy.decoding import normalised
from probe.privacy.host_names import is_plain_name
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
