"""List the languages of the sentences, and find the one that a name such as `fa-IR` or `zh_CN.UTF-8` means."""

import re
from collections.abc import Collection

ENGLISH = "en"
NAMES = {
    ENGLISH: "English",
    "ar": "العربية",
    "es": "Español",
    "fa": "فارسی",
    "fr": "Français",
    "my": "မြန်မာ",
    "ru": "Русский",
    "tr": "Türkçe",
    "ur": "اردو",
    "vi": "Tiếng Việt",
    "zh_CN": "简体中文",
}
"""Code of each language that can have a catalogue, and its own name."""

RIGHT_TO_LEFT = frozenset({"ar", "fa", "ur"})
_SIMPLIFIED = "zh_CN"
# CLDR gives traditional Chinese no fallback to simplified Chinese (parentLocale of zh_Hant is root), and neither do we.
_TRADITIONAL = frozenset({"hant", "tw", "hk", "mo"})


def language_of(name: str, among: Collection[str]) -> str | None:
    """Return the code of the language that a name means, None if it is not among these.

    Names are those of locales (`fa_IR.UTF-8`), of BCP 47 (`fa-IR`, `zh-Hans`) and `C`, which is English.
    """
    words = re.split(r"[-_]", re.split(r"[.@]", name.strip())[0].lower())
    if words[0] in {"c", "posix"}:
        return ENGLISH
    if words[0] == "zh" and not _TRADITIONAL & set(words[1:]):
        words[0] = _SIMPLIFIED
    return words[0] if words[0] in among else None


def is_right_to_left(code: str) -> bool:
    """Return whether a language is written from right to left. The code can also be a name of BCP 47."""
    return re.split(r"[-_]", code)[0] in RIGHT_TO_LEFT
