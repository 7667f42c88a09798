"""Isolate Latin names, addresses and commands in sentences that are written from right to left (UAX 9)."""

import re

LEFT_TO_RIGHT, RIGHT_TO_LEFT, END = "\u2066", "\u2067", "\u2069"  # isolates
_LETTER = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")  # Hebrew to Arabic
_LATIN = re.compile(r"[!-~]*[A-Za-z][!-~]*(?: +[!-~]*[A-Za-z0-9][!-~]*)*")  # words of ASCII with a letter


def has_right_to_left(text: str) -> bool:
    """Return whether a letter of the text belongs to a script that is written from right to left."""
    return _LETTER.search(text) is not None


def latin_isolated(text: str) -> str:
    """Return the text with marks around each Latin run in it."""
    return _LATIN.sub(_isolated_run, text)


def _isolated_run(found: re.Match[str]) -> str:
    """Return a Latin run between marks. Punctuation at its ends belongs to the sentence around it."""
    run = found.group()
    core = run.rstrip(".,:;!?").lstrip("\"'")
    if core.count("(") < core.count(")"):
        core = core.rstrip(")")
    elif core.count("(") > core.count(")"):
        core = core.lstrip("(")
    begin = run.index(core)
    return f"{run[:begin]}{LEFT_TO_RIGHT}{core}{END}{run[begin + len(core) :]}"
