"""Test that sentences for users are collected, translated and filled in."""

import ast
import re
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from probe.analysis.rules.rule import Rule
from probe.analysis.rules.variant import VARIANT
from probe.analysis.ruleset.tables import RULES
from probe.analysis.verdicts.plain_sentences import plain_sentence
from probe.messages import catalogue, mark, tr, tr_plural
from tests.messages.template import ROOT, TEMPLATE, extract

SENTENCES = {"tr": 1, "mark": 1, "tr_plural": 2}  # functions, and how many of their first arguments are sentences
FORMS = ("one", "few", "many")  # of Polish, for 1, 2 and 5


def template() -> Catalog:
    with TEMPLATE.open(encoding="utf-8") as file:
        return read_po(file)


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


@pytest.fixture(scope="module")
def bracketed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Catalog]:
    """Translate every sentence into itself in brackets, and plurals with the name of the form before them."""
    made = Catalog(locale="pl", domain=catalogue.DOMAIN)
    for message in template():
        if not message.id:
            continue
        if isinstance(message.id, tuple):
            made.add(message.id, tuple(f"[{form}] {message.id[1]}" for form in FORMS))
        else:
            made.add(message.id, f"[{message.id}]")
    root = tmp_path_factory.mktemp("locale")
    folder = root / "pl" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / f"{catalogue.DOMAIN}.mo").open("wb") as file:
        write_mo(file, made)
    return root, made


@pytest.fixture
def pseudo_polish(bracketed: tuple[Path, Catalog], monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """Let users read Polish, in which every sentence is itself in brackets."""
    root, made = bracketed
    monkeypatch.setattr(catalogue, "_translations", catalogue.load_translations(root, ["pl"]))
    return made


def test_template_is_current(tmp_path: Path) -> None:
    extract(tmp_path / "new.pot")
    assert TEMPLATE.read_text() == (tmp_path / "new.pot").read_text(), "run: make messages"


def literals() -> set[str | tuple[str, ...]]:
    """Return the literal arguments of `tr`, `mark` and `tr_plural` in the code."""
    found: set[str | tuple[str, ...]] = set()
    for path in (ROOT / "probe").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SENTENCES:
                values = [arg.value for arg in node.args[: SENTENCES[node.func.id]] if isinstance(arg, ast.Constant)]
                if values:
                    found.add(tuple(values) if len(values) > 1 else values[0])
    return found


def test_template_has_the_literals_and_nothing_else() -> None:
    """Check what Babel does not see: a call inside an f-string, and what it takes for a sentence without being one."""
    collected = {tuple(message.id) if isinstance(message.id, tuple) else message.id for message in template()}
    assert collected - {""} == literals()


def test_lists_in_sentences_have_the_commas_of_the_language() -> None:
    for path in (ROOT / "probe").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SENTENCES:
                values = "\n".join(ast.unparse(value) for value in node.keywords)
                assert "', '.join" not in values, f"{path}: use listed() for {values}"


def test_every_sentence_is_translated(pseudo_polish: Catalog) -> None:
    sentences = [message.id for message in pseudo_polish if message.id and not isinstance(message.id, tuple)]
    assert len(sentences) > 300
    assert all(tr(sentence) == f"[{sentence}]" for sentence in sentences)


def test_every_plural_has_the_three_polish_forms(pseudo_polish: Catalog) -> None:
    plurals = [message.id for message in pseudo_polish if isinstance(message.id, tuple)]
    assert plurals
    for one, many in plurals:
        values = dict.fromkeys(placeholders(many) - {"count"}, "x")
        for form, count in zip(FORMS, (1, 2, 5), strict=True):
            filled = tr_plural(one, many, count, **values)
            assert filled.startswith(f"[{form}] ") and ("{count}" not in many or str(count) in filled)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_plain_sentence_of_every_rule_is_translated(rule: Rule, pseudo_polish: Catalog) -> None:
    """Translate the words that vary within a kind too, except for the names of protocols."""
    variant = {name: getattr(rule, name) for name in VARIANT}
    record = {"target": "x", "service": "x/web", **variant, "endpoints": [{"endpoint": "https://x.example/"}]}
    text = plain_sentence(record, {"title": "X"})
    assert text.startswith("[") and text.endswith("]") and "{" not in text
    assert all(f"[{words}]" in text for name, words in rule.words if name != "protocol")


def test_plural_sentences_keep_their_placeholders() -> None:
    for message in template():
        if isinstance(message.id, tuple):
            one, many = map(placeholders, message.id)
            assert one == many


def test_placeholders_have_names() -> None:
    for message in template():
        for sentence in message.id if isinstance(message.id, tuple) else (message.id,):
            assert all(re.fullmatch(r"[a-z_]+", name) for name in placeholders(sentence)), sentence


def test_translation_with_an_unknown_placeholder_falls_back_to_english(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Catalog(locale="pl", domain=catalogue.DOMAIN)
    made.add("Saved {path}.", "Zapisano {plik}.")
    folder = tmp_path / "pl" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / f"{catalogue.DOMAIN}.mo").open("wb") as file:
        write_mo(file, made)
    monkeypatch.setattr(catalogue, "_translations", catalogue.load_translations(tmp_path, ["pl"]))
    assert tr("Saved {path}.", path="a") == "Saved a."


def test_without_a_catalogue_the_sentence_is_english(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "_translations", catalogue.load_translations(tmp_path, ["pl"]))
    assert tr("Saved {path}.", path="{a}") == "Saved {a}."
    assert tr("Use {braces} as they are.") == "Use {braces} as they are."
    assert (tr_plural("{count} file", "{count} files", 1), tr_plural("{count} file", "{count} files", 2)) == (
        "1 file",
        "2 files",
    )
    assert mark("As it is.") == "As it is."


def test_rules_mark_their_plain_sentences() -> None:
    """Find the sentence of each rule among the literals that the template collects, and the words that vary."""
    marked = {message.id for message in template()}
    for rule in RULES.values():
        assert rule.plain in marked, rule.key
        assert {words for name, words in rule.words if name != "protocol"} <= marked, rule.key
