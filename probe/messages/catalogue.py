"""Look up translations of sentences and fill in their placeholders."""

import gettext
from pathlib import Path

from probe.messages.printable import printable

DOMAIN = "censorprobe"
FOLDER = Path(__file__).parent / "locale"  # <language>/LC_MESSAGES/censorprobe.mo, none yet


def load_translations(folder: Path = FOLDER, languages: list[str] | None = None) -> gettext.NullTranslations:
    """Load the first catalogue of the languages, or English if there is none.

    By default the languages come from LANGUAGE, LC_ALL, LC_MESSAGES and LANG, in this order.
    """
    return gettext.translation(DOMAIN, folder, languages, fallback=True)


_translations = load_translations()


def tr(sentence: str, /, **values: object) -> str:
    """Return the sentence in the user's language, with `{name}` replaced by `values["name"]`.

    Control characters in values are written as escapes, because a value can come from a file.
    """
    return _filled(_translations.gettext(sentence), sentence, values)


def tr_plural(one: str, many: str, count: int, /, **values: object) -> str:
    """Return the form for `count` in the user's language. `{count}` is filled in, and so are `values`."""
    english = one if count == 1 else many
    return _filled(_translations.ngettext(one, many, count), english, {"count": count, **values})


def language() -> str:
    """Return the language of the catalogue as HTML names it, such as `zh-CN`. English has no catalogue."""
    return _translations.info().get("language", "en").replace("_", "-")


def mark(sentence: str, /) -> str:
    """Return the sentence unchanged. It marks a literal that `tr` translates later, when the language is known."""
    return sentence


def _filled(sentence: str, english: str, values: dict[str, object]) -> str:
    """Fill in the placeholders. Use the English sentence if the translation has an unknown placeholder."""
    if not values:
        return sentence
    shown = {name: value if isinstance(value, int | float) else printable(value) for name, value in values.items()}
    try:
        return sentence.format(**shown)
    except (KeyError, IndexError, ValueError):
        return english.format(**shown)
