"""Test the functions that the interface gets: the command of a run, saved settings, and schedules."""

import sys
from pathlib import Path

import pytest

from probe.cli.run.consent_text import VERSION, text
from probe.cli.run.settings import defaults, settings_file
from probe.cli.ui.functions import Functions
from probe.cli.ui.saved_settings import save
from probe.cli.ui.schedules import schedules
from probe.targets.target_files import bundled_targets
from probe.ui.commands import Refused, Wanted


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("PROBE_RESULTS", "PROBE_CONTROL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def functions() -> Functions:
    return Functions(None, bundled_targets())


def test_command_is_probe_run_with_the_consent(functions: Functions, tmp_path: Path) -> None:
    save({"results": str(tmp_path / "here")})
    command = functions.run_command(Wanted(("telegram",), "deep", "https://h.example"), tmp_path / "events")
    assert command[:5] == [sys.executable, "-P", "-m", "probe", "run"] and "telegram" in command
    pairs = dict(
        zip(command[command.index("--consent") :: 2], command[command.index("--consent") + 1 :: 2], strict=True)
    )
    assert pairs["--consent"] == VERSION and pairs["--depth"] == "deep" and pairs["--control"] == "https://h.example"
    assert pairs["--results"] == str(tmp_path / "here") and pairs["--events"] == str(tmp_path / "events")


def test_helper_that_is_no_url_is_refused(functions: Functions, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="is no URL of a test helper"):
        functions.run_command(Wanted((), "standard", "helper"), tmp_path)


def test_consent_text_is_whole(functions: Functions) -> None:
    shown = functions.consent_text()
    words = " ".join(f"{title} {body}" for title, body in shown.sections).split()
    on_command_line = " ".join(text(bundled_targets())[1:]).split()
    assert words == on_command_line and len(words) > 200
    assert [question.right for question in shown.questions] == [True, False]


def test_consent_is_that_of_the_command_line(functions: Functions, home: Path) -> None:
    assert not functions.has_consent()
    assert VERSION in functions.keep_consent() and functions.has_consent()
    assert (home / "censorprobe" / "consent").read_text().strip() == VERSION


def test_settings_keep_other_lines(home: Path) -> None:
    file = settings_file()
    file.parent.mkdir()
    file.write_text('# mine\nrepeat = 2\n control="https://old.example"\n')
    save({"control": 'https://new.example/"', "results": ""})
    assert file.read_text() == '# mine\nrepeat = 2\ncontrol = "https://new.example/\\""\n'
    save({"control": "", "results": "/x"})
    assert defaults() == {"repeat": 2, "results": "/x"}
    assert file.stat().st_mode & 0o777 == 0o600


def test_settings_that_cannot_be_used_change_nothing(functions: Functions, home: Path) -> None:
    file = settings_file()
    file.parent.mkdir()
    file.write_text("repeat = 2\n")
    for helper, results in (("helper", ""), ("", "relative")):
        with pytest.raises(Refused):
            functions.change_settings(helper, results, "")
    file.write_text("repeat = \n")
    with pytest.raises(Refused, match=r"config\.toml cannot be used"):
        functions.change_settings("https://h.example", "", "")
    assert file.read_text() == "repeat = \n" and [path.name for path in file.parent.iterdir()] == ["config.toml"]


def test_schedules_quote_the_command() -> None:
    texts = [lines for _, lines in schedules(["/a b/python", "-m", "probe"])]
    assert texts[0] == "17 9 * * *  '/a b/python' -m probe" and "ExecStart='/a b/python' -m probe\n" in texts[1]
    assert texts[2].endswith('/TR "\\"/a b/python\\" -m probe"')
