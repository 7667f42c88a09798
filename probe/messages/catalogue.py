"""Look up translations of sentences and fill in their placeholders.

Join names with the comma of the user's language, such as the Arabic or the Chinese one.
"""

import gettext
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from probe.messages.languages import ENGLISH, language_of
from probe.messages.printable import printable


def listed(names: Iterable[str]) -> str:
    """Return the names with commas between them."""
    return tr(", ").join(names)


DOMAIN = "censorprobe"
FOLDER = Path(__file__).parent / "locale"  # <language>/LC_MESSAGES/censorprobe.mo, compiled from the .po beside it
VARIABLE = "PROBE_LANG"
OF_PARENT = "_PROBE_LANG"  # language of the command that started this worker process


def load_translations(folder: Path = FOLDER, languages: list[str] | None = None) -> gettext.NullTranslations:
    """Load the first catalogue of the languages, or English if there is none."""
    return gettext.translation(DOMAIN, folder, languages or [ENGLISH], fallback=True)


_translations: gettext.NullTranslations | None = None  # loaded with the first sentence
_here: ContextVar[gettext.NullTranslations | None] = ContextVar("_here", default=None)


def available() -> list[str]:
    """Return the codes of the languages that have a catalogue, English first."""
    return [ENGLISH, *sorted(path.parts[-3] for path in FOLDER.glob(f"*/LC_MESSAGES/{DOMAIN}.mo"))]


def use(code: str) -> None:
    """Use a language from now on. Worker processes that this one starts use it too."""
    global _translations  # noqa: PLW0603 (one language per process)
    _translations = _loaded(code)
    os.environ[OF_PARENT] = code


@contextmanager
def in_english() -> Iterator[None]:
    """Give English sentences inside a block, for output that programs read."""
    token = _here.set(gettext.NullTranslations())
    try:
        yield
    finally:
        _here.reset(token)


def tr(sentence: str, /, **values: object) -> str:
    """Return the sentence in the user's language, with `{name}` replaced by `values["name"]`.

    Control characters in values are written as escapes, because a value can come from a file.
    """
    return _filled(_current().gettext(sentence), sentence, values)


def tr_plural(one: str, many: str, count: int, /, **values: object) -> str:
    """Return the form for `count` in the user's language. `{count}` is filled in, and so are `values`."""
    english = one if count == 1 else many
    return _filled(_current().ngettext(one, many, count), english, {"count": count, **values})


def language() -> str:
    """Return the language of the catalogue as HTML names it, such as `zh-CN`. English has no catalogue."""
    return _current().info().get("language", ENGLISH).replace("_", "-")


def reviewer() -> str:
    """Return the native speaker who reviewed the catalogue, "" if there was none."""
    return _current().info().get("x-reviewed-by", "")


def mark(sentence: str, /) -> str:
    """Return the sentence unchanged. It marks a literal that `tr` translates later, when the language is known."""
    return sentence


def _current() -> gettext.NullTranslations:
    """Return the translations of the block, else those in use. Without a choice the variables decide."""
    global _translations  # noqa: PLW0603 (one language per process)
    if (here := _here.get()) is not None:
        return here
    if _translations is None:
        named = os.environ.get(OF_PARENT) or os.environ.get(VARIABLE, "")
        _translations = _loaded(language_of(named, available()) or ENGLISH)
    return _translations


def _loaded(code: str) -> gettext.NullTranslations:
    return gettext.NullTranslations() if code == ENGLISH else load_translations(FOLDER, [code])


def _filled(sentence: str, english: str, values: dict[str, object]) -> str:
    """Fill in the placeholders. Use the English sentence if the translation has an unknown placeholder."""
    if not values:
        return sentence
    shown = {name: value if isinstance(value, int | float) else printable(value) for name, value in values.items()}
    try:
        return sentence.format(**shown)
    except (KeyError, IndexError, ValueError):
        return english.format(**shown)
