"""Translate sentences for users with gettext.

Every sentence that a user reads is a literal argument of `tr`, `tr_plural` or `mark`. `make messages` collects these
literals in `censorprobe.pot`, from which translators start. Values go into named placeholders, and no sentence is
joined from pieces.
"""

from probe.messages.catalogue import language, mark, tr, tr_plural
from probe.messages.printable import printable, printable_lines

__all__ = ["language", "mark", "printable", "printable_lines", "tr", "tr_plural"]
