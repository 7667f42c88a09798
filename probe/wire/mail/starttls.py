"""Decide whether a list of SMTP or IMAP capabilities offers STARTTLS, masks it or lacks it."""

from collections.abc import Iterable
from typing import Literal

STARTTLS = "STARTTLS"
FILLERS = frozenset("X*#?.-_")
_ALTERED = 2  # letters in which a masked keyword may differ from the original: "STARTTLX", "STXRTTLX"

Offer = Literal["offered", "masked", "missing"]


def offer_in(keywords: Iterable[str]) -> tuple[Offer, str]:
    """Return how a list of keywords treats STARTTLS, and the keyword in its place if it is masked.

    A mask keeps the length, so that no sequence number changes. It consists of a filler up to the last letter, as in
    Cisco's inspection (`XXXXXXXA`), or of the keyword with one or two changed letters. Case is ignored (RFC 5321, 2.4).
    """
    words = [word.upper() for word in keywords]
    if STARTTLS in words:
        return "offered", ""
    masked = next((word for word in words if is_mask(word)), None)
    return ("missing", "") if masked is None else ("masked", masked)


def is_mask(word: str) -> bool:
    """Return whether a keyword, in capitals, looks like an overwritten STARTTLS."""
    if len(word) != len(STARTTLS) or word == STARTTLS:
        return False
    filled = word[0] in FILLERS and set(word[:-1]) == {word[0]}
    return filled or sum(a != b for a, b in zip(word, STARTTLS, strict=True)) <= _ALTERED
