"""Keep of a host name what stands for no address, and find the domains above it."""

import hashlib
import hmac
import re
from collections.abc import Collection
from functools import lru_cache

from probe.privacy.address_like import holds_address
from probe.privacy.vocabulary import is_pronounceable, words

MOST_DIGITS = 3  # in all labels together that are no part of a known name
_NAME = re.compile(r"(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?\.)+[a-z]{2,18}", re.IGNORECASE)
_PART = re.compile(r"([a-z]*)(\d{0,2})")
_BRAND, _MOST_LABELS = re.compile(r"[a-z]{1,20}\d{0,2}|\d{0,2}[a-z]{1,20}|\d{1,5}"), 4
_BRANDS_DIGITS = 5  # at most in a name. So many hold 17 bits, and an address has 32
_SECOND_LEVELS = frozenset({"ac", "co", "com", "edu", "gov", "net", "org"})  # below which countries give domains
_SHORT = 3  # letters that hold too few bits for an address


def kept_name(name: str, known: Collection[str] = (), key: bytes = b"") -> str:
    """Return the name without the labels that may stand for an address.

    These are replaced by their length and by six digits that are equal for equal labels of one run:
    `203-0-113-7.dsl.example` becomes `[11-4be1f0].dsl.example`. Names in `known`, and names that end with one, keep at
    least that part.
    """
    bare = name.rstrip(".").lower()
    if not bare or bare in known:
        return name
    labels = bare.split(".")
    fixed = _known_labels(labels, known)
    first = len(labels) - fixed
    while first > 0 and _is_plain_tail(tuple(labels[first - 1 : len(labels) - fixed]), under_known=fixed > 0):
        first -= 1
    if first == 0:
        return name
    hidden = ".".join(labels[:first])
    mark = hmac.new(key, hidden.encode(), hashlib.sha256).hexdigest()[:6]
    return ".".join([f"[{len(hidden)}-{mark}]", *labels[first:]])


def is_plain_name(text: str, known: Collection[str] = ()) -> bool:
    """Return whether a text is a host name without labels that may stand for an address."""
    return _NAME.fullmatch(text) is not None and kept_name(text, known) == text


def is_followable(name: str, known: Collection[str] = ()) -> bool:
    """Return whether a redirect to the name may be followed, which writes the name.

    Names of brands are no words. So letters need not be a known word here, but no encoding of an address may fit.
    """
    labels = name.rstrip(".").lower().split(".")
    own = labels[: len(labels) - _known_labels(labels, known)]
    parts = [part for label in own for part in label.split("-")]
    few = sum(map(str.isdigit, "".join(own))) <= _BRANDS_DIGITS and len(own) <= _MOST_LABELS
    return few and all(_BRAND.fullmatch(part) for part in parts) and not (own and holds_address(".".join(own)))


def parents_of(name: str) -> set[str]:
    """Return the name and the domains above it, of at least two labels."""
    labels = name.rstrip(".").lower().split(".")
    return {".".join(labels[at:]) for at in range(max(1, len(labels) - 1))}


def site_of(name: str) -> str:
    """Return the registrable domain of a host name, as far as its last labels show."""
    labels = name.rstrip(".").lower().split(".")
    deep = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVELS
    return ".".join(labels[-3:] if deep else labels[-2:])


def _known_labels(labels: list[str], known: Collection[str]) -> int:
    """Return the number of labels at the end that are a known name."""
    return next((len(labels) - at for at in range(len(labels)) if ".".join(labels[at:]) in known), 0)


@lru_cache(maxsize=4096)
def _is_plain_tail(labels: tuple[str, ...], *, under_known: bool) -> bool:
    """Return whether the labels in front of a known name, or all of a name, are plain."""
    *own, top = labels if not under_known else (*labels, "")
    if top and not re.fullmatch(r"[a-z]{2,18}|xn--[a-z0-9-]+", top):
        return False
    parts = [part for label in own for part in label.lstrip("_").split("-")]
    short = [part for part in parts if len(part) <= _SHORT and part not in words()]
    if sum(map(str.isdigit, "".join(own))) > MOST_DIGITS or len(short) > 2 or not all(map(_is_plain_part, parts)):
        return False
    text = ".".join(labels)
    return not holds_address(text)


def _is_plain_part(part: str) -> bool:
    found = _PART.fullmatch(part)
    if found is None or not found[1]:
        return part == "*"
    return len(found[1]) <= _SHORT or found[1] in words() or is_pronounceable(found[1])
