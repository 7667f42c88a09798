"""Bring the translations up to date with the template, and compile them.

Run: `make messages`, or `python -m tests.messages.catalogues`. With the code of a language as argument it begins one.
"""

import sys
from pathlib import Path

from babel.messages.pofile import read_po, write_po

from hatch_build import FOLDER, ReviewedCatalog, compile_catalogues, read_catalogue
from tests.messages.template import TEMPLATE

PLURAL_FORMS = {
    "ar": (6, "n == 0 ? 0 : n == 1 ? 1 : n == 2 ? 2 : n%100 >= 3 && n%100 <= 10 ? 3 : n%100 >= 11 ? 4 : 5"),
    "es": (2, "n != 1"),
    "fa": (2, "n > 1"),
    "fr": (2, "n > 1"),
    "my": (1, "0"),
    "ru": (
        3,
        "n%10 == 1 && n%100 != 11 ? 0 : n%10 >= 2 && n%10 <= 4 && (n%100 < 12 || n%100 > 14) ? 1 : 2",
    ),
    "tr": (2, "n != 1"),
    "ur": (2, "n != 1"),
    "vi": (1, "0"),
    "zh_CN": (1, "0"),
}
"""Number of forms and the expression for whole numbers, from CLDR's rules. Babel's own table is older.

CLDR's form of Spanish and French for millions is left out. No count of the program is a whole number of millions.
"""

HEADER = """\
{name} ({code}) translation of censorprobe.
Licence: MIT, as the program.
{review}
docs/translating.md says how to correct and review it."""
UNREVIEWED = "This translation is unreviewed by a native speaker."


def path_of(code: str) -> Path:
    """Return the .po file of a language."""
    return FOLDER / code / "LC_MESSAGES" / "censorprobe.po"


def languages() -> list[str]:
    """Return the codes of the languages that have a .po file."""
    return sorted(path.parts[-3] for path in FOLDER.glob("*/LC_MESSAGES/censorprobe.po"))


def new_catalogue(code: str) -> ReviewedCatalog:
    return ReviewedCatalog(locale=code, domain="censorprobe", charset="utf-8")


def updated(catalogue: ReviewedCatalog) -> ReviewedCatalog:
    """Return a catalogue with the messages of the template. Nothing is guessed from similar messages."""
    with TEMPLATE.open(encoding="utf-8") as file:
        catalogue.update(read_po(file), no_fuzzy_matching=True)
    code = str(catalogue.locale_identifier)
    catalogue._num_plurals, catalogue._plural_expr = PLURAL_FORMS[code]
    assert catalogue.locale is not None
    review = f"Reviewed by {catalogue.reviewed_by}." if catalogue.reviewed_by else UNREVIEWED
    lines = HEADER.format(name=catalogue.locale.english_name, code=code, review=review).splitlines()
    catalogue.header_comment = "\n".join(f"# {line}" for line in lines)
    catalogue.fuzzy = False
    return catalogue


def write(catalogue: ReviewedCatalog, path: Path) -> None:
    """Write a .po file. Messages that the template lost are left out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalogue, width=120, ignore_obsolete=True, include_lineno=False)


if __name__ == "__main__":
    for new in sys.argv[1:]:
        write(updated(new_catalogue(new)), path_of(new))
    for language in languages():
        write(updated(read_catalogue(path_of(language))), path_of(language))
    compile_catalogues()
