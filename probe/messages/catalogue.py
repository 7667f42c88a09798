"""Look up translations of sentences and fill in their placeholders."""

import gettext
from pathlib import Path

DOMAIN = "censorprobe"
FOLDER = Path(__file__).parent / "locale"  # <language>/LC_MESSAGES/censorprobe.mo, none yet

# The languages come from LANGUAGE, LC_ALL, LC_MESSAGES and LANG, in this order. Without a catalogue it is English.
_translations = gettext.translation(DOMAIN, FOLDER, fallback=True)


def tr(sentence: str, /, **values: object) -> str:
    """Return the sentence in the user's language, with `{name}` replaced by `values["name"]`."""
    return _translations.gettext(sentence).format(**values) if values else _translations.gettext(sentence)


def tr_plural(one: str, many: str, count: int, /, **values: object) -> str:
    """Return the form for `count` in the user's language. `{count}` is filled in, and so are `values`."""
    return _translations.ngettext(one, many, count).format(count=count, **values)


def mark(sentence: str, /) -> str:
    """Return the sentence unchanged. It marks a literal that `tr` translates later, when the language is known."""
    return sentence
