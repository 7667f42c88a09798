"""Read an answer to a question. English words are understood in every language, beside those of the language."""

import sys
import unicodedata
from typing import Literal

from probe.messages import mark, tr

Answer = Literal["yes", "no", "more"]
WORDS: dict[Answer, str] = {"yes": mark("yes|y"), "no": mark("no|n"), "more": mark("more|m")}
"""The words of each answer, with | between them."""

YES_OR_NO = mark("[yes/no]")


def answer_in(text: str) -> Answer | None:
    """Return the answer that a text means, None if it means none. Wide letters of Chinese keyboards count as usual."""
    typed = _plain(text)
    for answer, words in WORDS.items():
        if typed in {_plain(word) for word in (*words.split("|"), *tr(words).split("|"))}:
            return answer
    return None


def is_yes() -> bool:
    """Return whether the next line of standard input is a yes."""
    return answer_in(sys.stdin.readline()) == "yes"


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()
