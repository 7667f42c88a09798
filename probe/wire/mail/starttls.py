"""Was STARTTLS offered, masked or left out? The same question for the lists of SMTP and of IMAP."""

from collections.abc import Iterable
from typing import Literal

STARTTLS = "STARTTLS"
FILLERS = frozenset("X*#?.-_")
_ALTERED = 2  # letters that a masked keyword may keep away from the original: "STARTTLX", "STXRTTLX"

Offer = Literal["offered", "masked", "missing"]


def offer_in(keywords: Iterable[str]) -> tuple[Offer, str]:
    """Say how a list of keywords treats STARTTLS, and which keyword stands in its place if it is masked.

    A mask keeps the length, so that no sequence number changes: a filler but for the last letter, as Cisco's inspection
    writes (`XXXXXXXA`), or the keyword itself with a letter or two spoiled. Case does not matter (RFC 5321, 2.4).
    """
    words = [word.upper() for word in keywords]
    if STARTTLS in words:
        return "offered", ""
    masked = next((word for word in words if is_mask(word)), None)
    return ("missing", "") if masked is None else ("masked", masked)


def is_mask(word: str) -> bool:
    """Say whether a keyword, in capitals, looks like what is left of STARTTLS after somebody overwrote it."""
    if len(word) != len(STARTTLS) or word == STARTTLS:
        return False
    filled = word[0] in FILLERS and set(word[:-1]) == {word[0]}
    return filled or sum(a != b for a, b in zip(word, STARTTLS, strict=True)) <= _ALTERED
