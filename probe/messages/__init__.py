"""Translate sentences for users with gettext.

Every sentence that a user reads is a literal argument of `tr`, `tr_plural` or `mark`. `make messages` collects these
literals in `censorprobe.pot`, from which translators start. Values go into named placeholders, and no sentence is
joined from pieces.
"""

from probe.messages.catalogue import available, in_english, language, listed, mark, tr, tr_plural, use
from probe.messages.languages import ENGLISH, NAMES, is_right_to_left, language_of
from probe.messages.printable import printable, printable_lines
from probe.messages.review_notice import review_notice

__all__ = [
    "ENGLISH",
    "NAMES",
    "available",
    "in_english",
    "is_right_to_left",
    "language",
    "language_of",
    "listed",
    "mark",
    "printable",
    "printable_lines",
    "review_notice",
    "tr",
    "tr_plural",
    "use",
]
