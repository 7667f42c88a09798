"""Test the command line as a whole: quick start, help for every command, no traceback for users."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from probe import __version__, cli
from probe.cli import COMMANDS, GROUPS
from probe.cli.screen import UsageError

ROOT = Path(__file__).parent.parent.parent
HEAVY = {"scapy", "aiohttp", "h11", "duckdb", "aioquic", "OpenSSL", "dns.asyncquery", "rich.markdown", "pydantic"}


def probe(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "probe", *args],
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("statement", ["import probe.cli", "import probe.cli.screen, probe.cli.run.settings"])
def test_importing_the_command_line_is_cheap(statement: str) -> None:
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert HEAVY & set(done.stdout.split()) == set()


def test_judging_loads_no_models_of_files() -> None:
    """Test that no model of pydantic is built. That takes longer than all else of a judging."""
    code = "import sys, probe.cli.results.judge, probe.analysis.verdicts.verdicts; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"pydantic", "probe.formats.entries"} & set(done.stdout.split())


def test_explaining_a_run_loads_nothing_that_measures() -> None:
    """Test it by the modules, since the time depends on the machine. `python -m tests.bench imports` prints it."""
    code = (
        "import sys; sys.argv = ['probe', 'run', '--explain']\n"
        "from probe.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit:\n    print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not {"asyncio", "aiohttp", "dns", "cryptography", "probe.formats.entries", "probe.session.session"} & loaded


def test_cycles_are_rarely_looked_for() -> None:
    """Count the searches. With Python's thresholds, 5000 new objects cause seven."""
    script = (
        "import gc, sys; from probe import cli; found = []; "
        "cli._run = lambda name: (gc.collect(), gc.callbacks.append(lambda *when: found.append(when)), "
        "[[] for _ in range(5000)]); cli.main(); sys.exit(len(found))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_help_loads_no_command() -> None:
    code = (
        "import sys; sys.argv = ['probe', '--help']\n"
        "from probe.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit:\n    print(*sorted(m for m in sys.modules if m.startswith('probe')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "probe probe.cli"


def test_help_names_every_command() -> None:
    done = probe("--help")
    assert done.returncode == 0 and all(done.stdout.count(f"\n  {name} ") == 1 for name in COMMANDS)
    assert all(f"\n{heading}:\n" in done.stdout for heading in GROUPS)
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_helps(name: str) -> None:
    done = probe(name, "--help", COLUMNS="80")
    assert done.returncode == 0, done.stderr
    assert "Usage: " in done.stdout and len(COMMANDS[name][1]) > 10


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_values_of_options_are_words(name: str) -> None:
    group: Any = get_command(cli.app)
    context = group.context_class(group, info_name="probe")
    command = group.get_command(context, name)
    for each in (command, *getattr(command, "commands", {}).values()):
        options = [
            record[0]
            for each in each.params
            if each.param_type_name == "option" and (record := each.get_help_record(context))
        ]
        assert not [option for option in options if re.search(r"<(str|path|int|float|list|text)\b", option)]


def test_version() -> None:
    assert probe("--version").stdout.startswith(f"censorprobe {__version__} ")


def test_unknown_command_gets_the_nearest_name() -> None:
    done = probe("rnu")
    assert done.returncode == 2 and "Did you mean 'run'?" in done.stderr


def test_user_sees_no_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(**_: object) -> None:
        raise RuntimeError("something with /home/mina in it")

    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    err = capsys.readouterr().err
    assert caught.value.code == 1
    assert "bug in probe" in err and "RuntimeError" in err and "Traceback" not in err and "/home" not in err


def test_usage_error_is_one_sentence_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuses(**_: object) -> None:
        raise UsageError("that cannot be; do this", 3)

    monkeypatch.setattr(cli, "app", refuses)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert (caught.value.code, capsys.readouterr().err) == (3, "probe: that cannot be; do this\n")


def settings(tmp_path: Path, text: str) -> str:
    (tmp_path / "censorprobe").mkdir()
    (tmp_path / "censorprobe" / "config.toml").write_text(text)
    return str(tmp_path)


def test_settings_file_then_environment_then_flags(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        run = tmp_path / name / "2026-11-24" / "XX-AS1" / f"130500-{name[0]}a.jsonl"
        run.parent.mkdir(parents=True)
        run.write_text("{}\n")
    home = settings(tmp_path, f'results = "{tmp_path}/one"\n')
    found = [
        probe("list", "--json", XDG_CONFIG_HOME=home),
        probe("list", "--json", XDG_CONFIG_HOME=home, PROBE_RESULTS=f"{tmp_path}/two"),
        probe("list", "--json", "--results", f"{tmp_path}/three", XDG_CONFIG_HOME=home, PROBE_RESULTS="/nowhere"),
    ]
    paths = [Path(json.loads(done.stdout)["path"]) for done in found]
    assert [path.relative_to(tmp_path).parts[0] for path in paths] == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('contrl = "x"', "contrl is an unknown key. Did you mean 'control'?"),
        ("plain = 1", "plain = 1 cannot be used. Expected true or false."),
        ("repeat = true", "repeat = True cannot be used"),
        ("= 3", "cannot be used"),
    ],
)
def test_bad_settings_file_is_named_with_its_key(tmp_path: Path, text: str, said: str) -> None:
    done = probe("run", "--explain", XDG_CONFIG_HOME=settings(tmp_path, text))
    assert done.returncode == 2 and said in done.stderr and "config.toml" in done.stderr


WITHOUT_CRYPTOGRAPHY = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "cryptography":
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Missing())
sys.getandroidapilevel = lambda: 24
sys.argv = ["probe", *sys.argv[1:]]
from probe.cli import main
main()
"""


@pytest.mark.parametrize("words", [["run", "--control", "none"], ["doctor"]])
def test_missing_library_is_named_before_anything_is_asked(words: list[str], tmp_path: Path) -> None:
    """Test it as in Termux, where the library has no package in the Python Package Index."""
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path), "PROBE_LANG": "en"}
    command = [sys.executable, "-c", WITHOUT_CRYPTOGRAPHY, *words]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    first, second = done.stderr.splitlines()
    assert done.returncode == 2 and done.stdout == ""
    assert first == (
        "probe: cryptography is missing, and this command needs it. Install it with: pkg install python-cryptography"
    )
    assert "--system-site-packages" in second
