"""Test which language a name means, how one is chosen, and that no sentence is translated before that."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.messages import NAMES, available, in_english, is_right_to_left, language, language_of, listed, tr, use
from probe.messages.catalogue import OF_PARENT
from tests.support.catalogues import add_catalogue, use_catalogues

ROOT = Path(__file__).parents[2]
TRANSLATING = {"tr", "tr_plural", "listed", "language", "answer_in"}
SENTENCE = "It works."


@pytest.fixture
def persian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_catalogue(tmp_path, "fa", {SENTENCE: "کار می‌کند.", ", ": "، "})
    use_catalogues(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("fa", "fa"),
        ("fa-IR", "fa"),
        ("fa_IR.UTF-8", "fa"),
        ("FA_ir@calendar=persian", "fa"),
        ("ar-EG", "ar"),
        ("es-419", "es"),
        ("my_MM.UTF-8", "my"),
        ("zh", "zh_CN"),
        ("zh_CN.UTF-8", "zh_CN"),
        ("zh-Hans", "zh_CN"),
        ("zh-Hans-SG", "zh_CN"),
        ("zh-TW", None),
        ("zh_HK.UTF-8", None),
        ("zh-Hant-MO", None),
        ("en-GB", "en"),
        ("C", "en"),
        ("C.UTF-8", "en"),
        ("POSIX", "en"),
        ("de_DE", None),
        ("", None),
        ("-", None),
        ("../fa", None),
    ],
)
def test_name_means_a_language(name: str, code: str | None) -> None:
    assert language_of(name, NAMES) == code


def test_language_without_a_catalogue_is_unknown() -> None:
    assert language_of("fa", {"en", "ru"}) is None


def test_three_languages_are_written_from_right_to_left() -> None:
    assert {code for code in NAMES if is_right_to_left(code)} == {"ar", "fa", "ur"}
    assert is_right_to_left("fa-IR")


@pytest.mark.usefixtures("persian")
def test_chosen_language_is_used_until_another_is_chosen() -> None:
    assert (available(), tr(SENTENCE), language()) == (["en", "fa"], SENTENCE, "en")
    use("fa")
    assert (tr(SENTENCE), language(), listed("ab")) == ("کار می‌کند.", "fa", "a، b")
    with in_english():
        assert (tr(SENTENCE), language(), listed("ab")) == (SENTENCE, "en", "a, b")
    assert tr(SENTENCE) == "کار می‌کند."
    use("en")
    assert tr(SENTENCE) == SENTENCE


@pytest.mark.usefixtures("persian")
@pytest.mark.parametrize(("variable", "value"), [("PROBE_LANG", "fa-IR"), (OF_PARENT, "fa")])
def test_variable_decides_without_a_choice(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    assert tr(SENTENCE) == "کار می‌کند."


@pytest.mark.usefixtures("persian")
def test_worker_process_gets_the_chosen_language() -> None:
    use("fa")
    assert os.environ[OF_PARENT] == "fa"


def test_english_reads_no_file_and_no_program_needs_babel() -> None:
    code = (
        "import sys\nopened = []\n"
        "sys.addaudithook(lambda event, args: event == 'open' and opened.append(str(args[0])))\n"
        "from probe.messages import tr\nassert tr('It works.') == 'It works.'\n"
        "print([path for path in opened if path.endswith('.mo')], 'babel' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[] False\n"


def when_imported(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls that happen when a module is imported: outside of functions, or in their defaults."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            outside = [
                *child.args.defaults,
                *filter(None, child.args.kw_defaults),
                *getattr(child, "decorator_list", []),
            ]
            for node in outside:
                yield from when_imported(ast.Expression(node))
            continue
        if isinstance(child, ast.Call):
            yield child
        yield from when_imported(child)


def translated_too_early(text: str) -> list[int]:
    """Return the lines of a module in which a sentence is translated while the module is imported."""
    calls = when_imported(ast.parse(text))
    return [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id in TRANSLATING]


def test_no_sentence_is_translated_when_a_module_is_imported() -> None:
    """Test that --lang comes before all sentences. A constant is given with `mark`."""
    found = {path: translated_too_early(path.read_text()) for path in (ROOT / "probe").rglob("*.py")}
    assert len(found) > 300 and not {path: lines for path, lines in found.items() if lines}


def test_early_translations_are_found() -> None:
    early = "A = tr('x')\ndef f(a=tr('y')): return tr('z')\nclass C:\n    b = {1: [tr('u')]}\n    c = lambda: tr('v')\n"
    assert translated_too_early(early) == [1, 2, 4]
