"""Test `probe config`, the precedence of settings, and the page that lists the keys."""

import json
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.main import get_command

from probe.cli import app as whole
from probe.cli import config, language
from probe.cli.run.run import app as run
from probe.cli.run.settings import ALL_KEYS, KEYS, SUBMIT_KEYS, defaults, settings_file
from probe.cli.screen import UsageError
from probe.cli.sharing.submit import app as submit

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
VARIABLES = [f"PROBE_{key.upper().replace('-', '_')}" for key in ALL_KEYS]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in (*VARIABLES, "VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(language, "_named", None)
    return tmp_path


@pytest.fixture
def editor(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that makes an editor, which writes a text and ends with a code."""

    def make(text: str, code: int = 0, variable: str = "EDITOR") -> None:
        program = home / "an editor.py"
        program.write_text(
            f"import pathlib, sys\npath = pathlib.Path(sys.argv[1])\n"
            f"pathlib.Path({str(home / 'seen')!r}).write_text(path.read_text())\n"
            f"path.write_text({text!r})\nsys.exit({code})\n"
        )
        monkeypatch.setenv(variable, f"'{sys.executable}' '{program}'")

    return make


def written(text: str) -> Path:
    file = settings_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def shown(*options: str) -> dict[str, tuple[object, str]]:
    return {found.key: (found.value, found.source) for found in config.effective(list(options), defaults())}


SAMPLES: dict[str, tuple[object, object, object]] = {  # of each key: in the file, as a variable, as an option
    "targets": ("/one", "/two", "/three"),
    "results": ("/one", "/two", "/three"),
    "control": ("https://one.example", "https://two.example", "https://three.example"),
    "control-pin": ("1" * 64, "2" * 64, "3" * 64),
    "repeat": (2, 3, 4),
    "depth": ("deep", "standard", "deep"),
    "max-time": (2.0, 3.0, 4.0),
    "cc": ("IR", "RU", "CN"),
    "asn": ("AS1", "AS2", "AS3"),
    "plain": (True, False, True),
    "verbose": (True, False, True),
    "ipv4": (True, False, True),
    "ipv6": (True, False, True),
    "no-followups": (True, False, True),
    "exit-code": (True, False, True),
    "pack": (True, False, True),
    "contributor-token": (True, False, True),
    "keep": ("1d", "2d", "3d"),
    "max-disk": ("1M", "2M", "3M"),
    "lang": ("en", "en", "en"),
}


def test_every_key_has_a_sample() -> None:
    assert list(SAMPLES) == list(KEYS)


@pytest.mark.parametrize(
    ("key", "default", "in_file", "variable"),
    [
        ("server", "https://api.ooni.io", "https://one.example", "https://two.example"),
        ("proxy", None, "http://one.example:8080", "http://two.example:8080"),
    ],
)
def test_settings_of_submit_have_a_file_and_a_variable_too(
    key: str, default: str | None, in_file: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(SUBMIT_KEYS) == {"server", "proxy"} and shown()[key] == (default, "default")
    written(f"{key} = {json.dumps(in_file)}\n")
    assert shown()[key] == (in_file, "file")
    monkeypatch.setenv(f"PROBE_{key.upper()}", variable)
    assert shown()[key] == (variable, "environment")


@pytest.mark.parametrize("key", KEYS)
def test_flag_wins_over_environment_over_file_over_default(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    in_file, variable, option = SAMPLES[key]
    assert shown()[key][1] == "default"
    written(f"{key} = {json.dumps(in_file)}\n")
    assert (str(shown()[key][0]), shown()[key][1]) == (str(in_file), "file")
    monkeypatch.setenv(f"PROBE_{key.upper().replace('-', '_')}", str(variable))
    assert (str(shown()[key][0]), shown()[key][1]) == (str(variable), "environment")
    words = [f"--{key}"] if option is True else [f"--{key}", str(option)]
    assert (str(shown(*words)[key][0]), shown(*words)[key][1]) == (str(option), "flag")


def test_show_names_each_value_with_its_source(capsys: pytest.CaptureFixture[str]) -> None:
    written('plain = true\nkeep = "30d"\n')
    config.show(["--max-time", "60"])
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "plain = true (file)" in lines and "keep = 30d (file)" in lines
    assert "max-time = 60.0 (flag)" in lines and "control = not set (default)" in lines
    assert len(lines) == len(ALL_KEYS)


def test_show_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    written("repeat = 3\n")
    config.show(json=True)
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"key": "repeat", "value": 3, "source": "file"} in found and len(found) == len(ALL_KEYS)


def test_command_prints_the_path(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "probe", "config", "path"], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == f"{home}/config/censorprobe/config.toml\n"


@pytest.mark.parametrize("variable", ["VISUAL", "EDITOR"])
def test_edited_file_replaces_the_old_one(variable: str, home: Path, editor: Callable[..., None]) -> None:
    file = written("repeat = 2\n")
    editor("repeat = 3\n", variable=variable)
    config.edit()
    assert file.read_text() == "repeat = 3\n" and (home / "seen").read_text() == "repeat = 2\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and list(file.parent.iterdir()) == [file]


def test_visual_wins_over_editor(editor: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    editor("repeat = 3\n", variable="VISUAL")
    monkeypatch.setenv("EDITOR", "false")
    config.edit()
    assert defaults() == {"repeat": 3}


def test_new_file_begins_with_a_comment_per_key(home: Path, editor: Callable[..., None]) -> None:
    editor('keep = "30d"\n')
    config.edit()
    seen = (home / "seen").read_text()
    assert defaults() == {"keep": "30d"} and all(f"\n# {key} = " in seen for key in ALL_KEYS)


def test_template_sets_nothing() -> None:
    written(config.template())
    assert defaults() == {}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("= 3\n", "cannot be used"),
        ('contrl = "x"\n', "Did you mean 'control'?"),
        ("repeat = true\n", "Expected a whole number"),
        ("repeat = 0\n", "--repeat"),
        ('depth = "x"\n', "--depth"),
        ('control = "ftp://x"\n', "is no URL of a test helper"),
        ('cc = "Iran"\n', "is no country code"),
        ('asn = "x"\n', "is no network number"),
        ('keep = "30"\n', "is no age"),
        ('max-disk = "lots"\n', "is no size"),
        ('server = "http://ooni.example"\n', "Use the form https://HOST/"),
        ('proxy = "tor"\n', "--proxy: 'tor' cannot be used"),
    ],
)
def test_file_that_cannot_be_used_is_refused_and_the_old_one_stays(
    text: str, sentence: str, editor: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    file = written("repeat = 2\n")
    editor(text)
    with pytest.raises(UsageError, match="The settings were not changed"):
        config.edit()
    assert file.read_text() == "repeat = 2\n"
    assert file.with_name(config.REJECTED).read_text() == text
    assert sentence in " ".join(capsys.readouterr().err.split())
    assert {path.name for path in file.parent.iterdir()} == {"config.toml", config.REJECTED}


def test_editor_that_fails_changes_nothing(editor: Callable[..., None]) -> None:
    file = written("repeat = 2\n")
    editor("repeat = 3\n", code=3)
    with pytest.raises(UsageError, match="ended with 3"):
        config.edit()
    assert file.read_text() == "repeat = 2\n" and list(file.parent.iterdir()) == [file]


def test_missing_editor_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "/nowhere/nano")
    with pytest.raises(UsageError, match="/nowhere/nano cannot be started"):
        config.edit()
    monkeypatch.delenv("EDITOR")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UsageError, match="No editor was found"):
        config.edit()


def test_link_to_the_settings_stays_a_link(home: Path, editor: Callable[..., None]) -> None:
    real = home / "dotfiles.toml"
    real.write_text("repeat = 2\n")
    settings_file().parent.mkdir(parents=True)
    settings_file().symlink_to(real)
    editor("repeat = 3\n")
    config.edit()
    assert settings_file().is_symlink() and real.read_text() == "repeat = 3\n"


# -- the page ----------------------------------------------------------------------------------------------------------


OF_SHARE = {
    "recipient": "Encrypt shared files for this public key of age.",
    "hand-over": "Shown when a file is ready, so that you know where to hand it over.",
}
"""Keys that are no options, and what the page says about them."""


def rows() -> list[str]:
    """Return the rows of the table of keys, from the code."""
    commands = (whole, submit, run)
    parameters = {parameter.name: parameter for command in commands for parameter in get_command(command).params}
    return [
        f"| `{key}` | {expected} | {OF_SHARE.get(key) or getattr(parameters[parameter], 'help', '')} |"
        for key, (parameter, _, expected) in ALL_KEYS.items()
    ]


def test_page_lists_every_key() -> None:
    table = PAGE.read_text().partition("\n## Keys\n")[2].partition("\n## ")[0]
    assert [line for line in table.splitlines() if line.startswith("| `")] == rows()
