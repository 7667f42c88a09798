"""Test each translation: nothing is missing or English, placeholders and plural forms are right, no mark is inside."""

import gettext
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from babel import Locale
from babel.messages.catalog import Message
from babel.messages.plurals import PLURALS
from babel.messages.pofile import read_po
from rich.cells import cell_len

from hatch_build import REVIEWED_BY, compile_catalogues, read_catalogue
from probe.cli.run.consent_text import first_screen
from probe.cli.screen import wrapped
from probe.messages import ENGLISH, NAMES, available, catalogue, use
from probe.messages.review_notice import review_notice
from probe.targets.target_files import bundled_targets
from tests.messages.catalogues import PLURAL_FORMS, languages, new_catalogue, path_of, updated, write
from tests.messages.template import TEMPLATE
from tests.support.catalogues import use_catalogues

LANGUAGES = languages()
CATEGORIES = {
    "ar": ("zero", "one", "two", "few", "many", "other"),
    "es": ("one", "other"),
    "fa": ("one", "other"),
    "fr": ("one", "other"),
    "my": ("other",),
    "ru": ("one", "few", "many"),
    "tr": ("one", "other"),
    "ur": ("one", "other"),
    "vi": ("other",),
    "zh_CN": ("other",),
}
"""CLDR's categories of whole numbers, in the order of the forms."""

OTHER_SCRIPTS = {
    "ar": "\u0600-\u06ff",
    "fa": "\u0600-\u06ff",
    "ur": "\u0600-\u06ff",
    "my": "\u1000-\u109f",
    "ru": "\u0400-\u04ff",
    "zh_CN": "\u4e00-\u9fff",
}
# Two words of English in a row, in small letters, are no name.
ENGLISH_WORDS = re.compile(r"(?<![\w./:-])[a-z]{3,} [a-z]{3,}(?![\w./:-])")
MARKS = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")


def messages(code: str) -> list[Message]:
    return [message for message in read_catalogue(path_of(code)) if message.id]


def texts(message: Message) -> tuple[str, ...]:
    return message.string if isinstance(message.string, tuple) else (message.string,)


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def bare(sentence: str) -> str:
    """Return a sentence without what stays Latin: placeholders, code, options, capitals, addresses, commands."""
    without = re.sub(r"\{\w+\}|`[^`]*`|\[[^\]]*\]|'[^']*'|\"[^\"]*\"", " ", sentence)
    return re.sub(r"\bprobe( [a-z]+)*|pip install|--?[a-z][\w-]*( [A-Za-z]+)?|\S*[./=:@_]\S*|[A-Z]\w*", " ", without)


def test_all_eleven_languages_are_there() -> None:
    assert {ENGLISH, *LANGUAGES} == set(NAMES) == {ENGLISH, *PLURAL_FORMS}


def test_every_file_is_compiled() -> None:
    assert compile_catalogues() == [] and set(LANGUAGES) <= set(available())


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_message_is_translated(code: str) -> None:
    with TEMPLATE.open(encoding="utf-8") as file:
        wanted = {message.id for message in read_po(file) if message.id}
    found = messages(code)
    assert {message.id for message in found} == wanted, "run: make messages"
    assert not [message.id for message in found if message.fuzzy or not all(texts(message))]


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_form_has_the_same_placeholders(code: str) -> None:
    for message in messages(code):
        english = message.id[1] if isinstance(message.id, tuple) else message.id
        assert all(placeholders(text) == placeholders(english) for text in texts(message)), message.id
        assert {text.count("\n") for text in texts(message)} == {english.count("\n")}, message.id
        code_in_text = sorted(re.findall("`[^`]*`", english))
        assert all(sorted(re.findall("`[^`]*`", text)) == code_in_text for text in texts(message)), message.id


@pytest.mark.parametrize("code", LANGUAGES)
def test_forms_are_those_of_cldr(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "_translations", None)
    monkeypatch.setenv(catalogue.OF_PARENT, "")
    use(code)
    choose, categories = Locale.parse(code).plural_form, CATEGORIES[code]
    assert len(categories) == PLURAL_FORMS[code][0]
    for number in (*range(201), 1000, 999_999):
        assert categories[form_of(number)] == choose(number), number


def form_of(number: int) -> int:
    """Return the number of the plural form that the compiled catalogue in use gives to a number."""
    found: int = catalogue._current().plural(number)  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_text_has_a_mark_for_directions(code: str) -> None:
    assert not [message.id for message in messages(code) if any(map(MARKS.search, texts(message)))]


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code in OTHER_SCRIPTS])
def test_no_english_is_left_where_the_script_is_another(code: str) -> None:
    """Test that each sentence has letters of the script, and that few of its words are Latin."""
    own, latin, words = re.compile(f"[{OTHER_SCRIPTS[code]}]"), 0, 0
    for message in messages(code):
        english = message.id[1] if isinstance(message.id, tuple) else message.id
        for text in texts(message):
            if len(re.findall(r"[a-z]{3,}", bare(english))) > 2:
                assert own.search(text), text
            latin += len(re.findall(r"[A-Za-z]{2,}", bare(text)))
            words += len(text.split())
            assert len(ENGLISH_WORDS.findall(bare(text))) < 3, text
    assert latin < words * 0.03


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code not in OTHER_SCRIPTS])
def test_no_sentence_is_the_english_one(code: str) -> None:
    same = [message.id for message in messages(code) if message.id in texts(message) and len(bare(message.id)) > 30]
    assert not same


# -- the tools ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a .po file of Russian in a folder of its own, whose compiled catalogues are used."""
    path = tmp_path / "ru" / "LC_MESSAGES" / "censorprobe.po"
    made = updated(new_catalogue("ru"))
    made["It works."].string = "Работает."
    write(made, path)
    use_catalogues(tmp_path, monkeypatch)
    yield path


def test_updating_keeps_texts_and_guesses_nothing(folder: Path) -> None:
    before = folder.read_bytes()
    write(updated(read_catalogue(folder)), folder)
    assert folder.read_bytes() == before
    folder.write_text(folder.read_text().replace('msgid "It works."', 'msgid "It works now."'))
    changed = updated(read_catalogue(folder))
    assert changed["It works."].string == "" and not changed["It works."].fuzzy
    assert "This translation is unreviewed by a native speaker." in folder.read_text()


def test_changed_file_is_compiled_once(folder: Path) -> None:
    assert compile_catalogues(folder.parents[2]) == [folder]
    assert compile_catalogues(folder.parents[2]) == []
    assert (
        list(folder.parent.iterdir()) == [folder, folder.with_suffix(".mo")] or len(list(folder.parent.iterdir())) == 2
    )


@pytest.mark.parametrize("code", [ENGLISH, *LANGUAGES])
def test_consent_fits_one_screen_with_its_notice_and_a_question(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(catalogue, "_translations", None)
    monkeypatch.setenv(catalogue.OF_PARENT, "")
    use(code)
    shown = "\n".join([*map(wrapped, review_notice()[:1]), *first_screen(bundled_targets())]).split("\n")
    assert len(shown) + 1 <= 24 and max(map(cell_len, shown)) < 80


def test_reviewed_translation_has_no_notice(folder: Path) -> None:
    compile_catalogues(folder.parents[2])
    use("ru")
    assert len(review_notice()) == 2
    made = read_catalogue(folder)
    made.reviewed_by = "Anna"
    write(updated(made), folder)
    assert f'"{REVIEWED_BY}: Anna' in folder.read_text() and "# Reviewed by Anna." in folder.read_text()
    folder.with_suffix(".mo").unlink()
    compile_catalogues(folder.parents[2])
    gettext._translations.clear()  # type: ignore[attr-defined]  # what Python has read once
    use("ru")
    assert review_notice() == []
    use("en")
    assert review_notice() == []


def test_babel_has_other_plural_forms() -> None:
    """Test that the own table is needed: Babel's has one form for Persian."""
    assert PLURALS["fa"][0] == 1
