"""Test the order of the sources of the language, and what does not depend on it."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from probe.cli import language
from probe.cli.language import LanguageChoice, choice, switch
from probe.cli.run.settings import settings_file
from probe.cli.screen import UsageError
from probe.messages import tr
from tests.support.catalogues import add_catalogue, use_catalogues

ROOT = Path(__file__).parents[2]
RECORDED = ROOT / "probe" / "lab" / "recorded" / "great-firewall.jsonl.gz"
NOTHING = "There are no runs in {folder} yet. `probe run` makes one."
CODES = ("fa", "fr", "ru", "zh_CN")


@pytest.fixture(autouse=True)
def four_languages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for code in CODES:
        add_catalogue(tmp_path / "locale", code, {"It works.": code})
    use_catalogues(tmp_path / "locale", monkeypatch)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("LC_ALL", "ru_RU.UTF-8")
    monkeypatch.delenv("PROBE_LANG")


def write_settings(text: str) -> None:
    settings_file().parent.mkdir(parents=True, exist_ok=True)
    settings_file().write_text(text)


def test_flag_wins_over_environment_over_file_over_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choice(None) == LanguageChoice("ru", "DEFAULT")
    write_settings('lang = "zh-Hans"\n')
    assert choice(None) == LanguageChoice("zh_CN", "DEFAULT_MAP")
    monkeypatch.setenv("PROBE_LANG", "fr")
    assert choice(None) == LanguageChoice("fr", "ENVIRONMENT")
    assert choice("fa-IR") == LanguageChoice("fa", "COMMANDLINE")
    switch("fa-IR")
    assert (tr("It works."), choice(None)) == ("fa", LanguageChoice("fa", "COMMANDLINE"))


def test_first_language_of_the_locale_with_a_catalogue_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "de:zh_TW:fr:fa")
    assert choice(None).code == "fr"
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert choice(None) == LanguageChoice("en", "DEFAULT")


@pytest.mark.parametrize("text", ['lang = "xx"', "lang = 3", "= 3", 'repeat = "x"'])
def test_unusable_file_does_not_keep_a_command_from_starting(text: str) -> None:
    write_settings(text)
    assert choice(None) == LanguageChoice("ru", "DEFAULT")


@pytest.mark.parametrize("variable", [False, True])
def test_unknown_language_is_named_with_the_list(variable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if variable:
        monkeypatch.setenv("PROBE_LANG", "xx")
    with pytest.raises(UsageError, match=r"into 'xx'. Use one of en, fa, fr, ru, zh_CN\.") as caught:
        choice(None if variable else "xx")
    assert caught.value.exit_code == 2
    assert caught.value.sentence.startswith("PROBE_LANG:" if variable else "--lang:")


def stream(encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


def test_locale_is_not_followed_where_its_letters_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", stream("cp1252"))
    assert choice(None) == LanguageChoice("en", "DEFAULT")
    monkeypatch.setenv("LC_ALL", "fr_FR")
    assert choice(None).code == "fr"


def test_named_language_is_written_as_utf8(monkeypatch: pytest.MonkeyPatch) -> None:
    written = stream("cp1252")
    monkeypatch.setattr(sys, "stdout", written)
    switch("ru")
    assert written.encoding == "utf-8"


def probe(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LC_ALL": "C.UTF-8", **variables, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "probe", *words], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100
    )


@pytest.mark.parametrize("words", [("--lang", "xx", "list"), ("list", "--lang", "xx"), ("store", "info", "--lang=xx")])
def test_flag_is_understood_before_and_after_the_command(words: tuple[str, ...]) -> None:
    done = probe(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("probe: --lang: There is no translation into 'xx'. Use one of en")


def test_flag_of_the_command_wins(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from probe.cli import app

    with pytest.raises(SystemExit):
        app(["--lang", "fr", "list", "--lang", "ru", "--results", str(tmp_path / "none")])
    assert (language._named, tr("It works.")) == ("ru", "ru")
    assert capsys.readouterr().err.startswith("There are no runs")


@pytest.mark.parametrize("command", [("judge", "--json"), ("judge", "--json", "--by", "app")])
def test_output_for_programs_is_the_same_in_every_language(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    from probe.cli import app

    printed = []
    for code in ("en", "fa"):
        with pytest.raises(SystemExit):
            app(["--lang", code, *command, str(RECORDED)])
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] and len(printed[0].splitlines()) > 10
    if "app" in command:
        assert "It works." in {json.loads(line)["sentence"] for line in printed[1].splitlines()}
