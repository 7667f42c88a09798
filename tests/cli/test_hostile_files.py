"""Test every command that reads files, on files that were made to break it.

No command ends in a traceback or a bug report, or takes more memory or time than its bound. None sends a control
character to the terminal. A bad line costs that line only.
"""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.cli.results.unusable_lines import MOST_NAMED
from tests.support.hostile.forks import Forks, Outcome, forks
from tests.support.hostile.measurements import (
    CASES,
    GOOD,
    KEYS,
    STRANGE_NAMES,
    Case,
    as_line,
    good,
    mixed,
    mutated,
    mutated_keys,
)

MEGABYTES = 300
STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\udc80-\udcff]")


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Start the process that forks commands which need no store."""
    with forks(tmp_path_factory.mktemp("light")) as server:
        yield server


@pytest.fixture(scope="module")
def heavy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Start the process that forks commands of a store."""
    with forks(tmp_path_factory.mktemp("heavy"), heavy=True) as server:
        yield server


def check(done: Outcome, *codes: int, cpu: float = 10) -> None:
    """Check what holds for every command and every file."""
    said = done.errors[-2000:]
    assert not done.signal, f"signal {done.signal} after {done.cpu} s: {said}"
    assert not re.search("Traceback|bug in (the )?probe|showed a bug", done.errors), said
    assert done.code in codes, f"{done.code}: {said}"
    assert done.code == 0 or done.errors.strip() or "validate" in done.words, "a failure without a sentence"
    for shown in (done.errors, done.text):
        assert not (found := STEERS.search(shown)), ascii(shown[max(0, found.start() - 60) :][:120])
    assert done.megabytes <= MEGABYTES
    assert done.cpu <= cpu


# -- measurements --------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """Return a folder that is removed after the test, because some files are large."""
    yield tmp_path
    shutil.rmtree(tmp_path)


def judged_lines(done: Outcome) -> list[int]:
    return [json.loads(line)["measurement_line"] for line in done.out.splitlines()]


@pytest.mark.parametrize("name", CASES)
def test_bad_line_costs_that_line_only(name: str, path: Path, light: Forks) -> None:
    case = CASES[name]
    case.make(path / (case.name or "folder"))
    done = light.run("judge", "--json", case.name or "folder", cwd=path)
    check(done, 6 if case.problems else 0, cpu=case.cpu)
    assert sorted(set(judged_lines(done))) == sorted(set(case.good)), done.errors[:1000]
    beyond = case.problems > MOST_NAMED
    assert done.errors.count("\n") == min(case.problems, MOST_NAMED) + bool(case.problems) + beyond
    if case.problems:
        noun = "line" if case.problems == 1 else "lines"
        assert f"probe: {case.problems} {noun} could not be used." in done.errors
    if beyond:
        assert f"and {case.problems - MOST_NAMED} more unusable lines, which are not listed" in done.errors


WORST: dict[str, Case] = {
    "mixed": Case(lambda path: path.write_bytes(mixed())),
    **{
        name: CASES[name]
        for name in ("million-lines-of-one-byte", "gzip-bomb", "folder-of-strange-files", "folder-of-strange-names")
    },
}
COMMANDS = {
    "judge": ("judge",),
    "judge why": ("judge", "--why"),
    "judge by app": ("judge", "--json", "--by", "app"),
    "judge by network": ("judge", "--json", "--by", "network"),
    "show": ("show",),
    "show why": ("show", "--why"),
    "show html": ("show", "--html", "page.html"),
    "validate": ("validate",),
    "validate json": ("validate", "--json"),
    "compare": ("compare",),
    "compare json": ("compare", "--json"),
    "compare html": ("compare", "--html", "page.html"),
    "series": ("series",),
    "events": ("events",),
    "list": ("list", "--results"),
    "list json": ("list", "--json", "--results"),
    "ingest": ("ingest", "--jobs", "1", "--store", "store"),
}
OF_A_STORE = {"ingest"}


@pytest.fixture(scope="module")
def worst(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a folder with the worst files and folders."""
    root = tmp_path_factory.mktemp("worst")
    for name, case in WORST.items():
        (root / name).mkdir()
        case.make(root / name / (case.name or "folder"))
    yield root
    shutil.rmtree(root)


# The commands that read a million lines in a way of their own. The others use the reader of `judge`.
PAIRS = [
    (command, file)
    for command in COMMANDS
    for file in WORST
    if "million" not in file or command in {"validate", "list", "ingest"}
]


@pytest.mark.parametrize(("command", "file"), PAIRS)
def test_every_command_survives_the_worst_files(
    command: str, file: str, worst: Path, light: Forks, heavy: Forks, path: Path
) -> None:
    words, case = COMMANDS[command], WORST[file]
    folder = command.startswith("list") or not case.name
    source = worst / file if folder else worst / file / case.name
    done = (heavy if command in OF_A_STORE else light).run(*words, str(source), cwd=path)
    check(done, 0 if command.startswith(("list", "ingest")) else 6, cpu=90)
    if words[0] in {"judge", "show", "compare", "series"} and "--html" not in words:
        found = ("OK", '"ok"', "TESTED") if words == ("show",) else ("OK", '"ok"')
        found = ('"unknown"',) if "network" in words else found
        assert any(word in done.text for word in found), done.text[:1000]
    assert len(done.errors) < 20_000


def test_wrong_type_at_any_key_costs_at_most_that_line(path: Path, light: Forks) -> None:
    lines = list(mutated())
    (path / "a.jsonl").write_bytes(b"".join(line + GOOD for line in lines))
    (path / "b.jsonl").write_bytes(b"".join(lines[::11] + lines[4::11]))  # null and a text, since --why takes long
    for words in (
        ("judge", "--json"),
        ("judge", "--json", "--by", "network"),
        ("judge", "--why"),
        ("validate",),
        ("compare",),
    ):
        done = light.run(*words, "b.jsonl" if "--why" in words else "a.jsonl", cwd=path)
        check(done, 0, 6, cpu=120)
        if words == ("judge", "--json"):
            assert {2 * number for number in range(1, len(lines) + 1)} <= set(judged_lines(done))


@pytest.mark.parametrize("group", KEYS)
@pytest.mark.parametrize("command", [name for name in COMMANDS if not name.startswith("list") and "why" not in name])
def test_wrong_value_among_what_is_measured_costs_at_most_that_line(
    command: str, group: str, path: Path, light: Forks, heavy: Forks
) -> None:
    """Draw other places and values for each command. `--why` judges a measurement many times, so it gets none here."""
    lines = list(mutated_keys(group, command))
    (path / "a.jsonl").write_bytes(b"".join(line + as_line(good(number)) for number, line in enumerate(lines)))
    done = (heavy if command in OF_A_STORE else light).run(*COMMANDS[command], "a.jsonl", cwd=path)
    check(done, 0, 6, cpu=90)
    if command == "ingest":
        asked = heavy.run("sql", "--store", "store", "SELECT count(*) FROM measurements", cwd=path)
        check(asked, 0)
        assert int(re.findall(r"\d+", asked.text)[-1]) >= len(lines)
        check(heavy.run("compare", "store", cwd=path), 0, 6, cpu=90)
    if command == "judge":
        judged = light.run("judge", "--json", "a.jsonl", cwd=path)
        assert {2 * number for number in range(1, len(lines) + 1)} <= set(judged_lines(judged))


@pytest.mark.parametrize("name", STRANGE_NAMES, ids=ascii)
def test_strange_name_of_a_file_and_a_store_is_a_name(name: str, path: Path, light: Forks, heavy: Forks) -> None:
    (path / f"{name}.jsonl").write_bytes(GOOD)
    for words in (("judge", "--json"), ("show",)):
        check(light.run(*words, "--", f"{name}.jsonl", cwd=path), 0)
    check(heavy.run("ingest", "--store", name, "--", f"{name}.jsonl", cwd=path), 0)
    asked = heavy.run("sql", "--store", name, "SELECT count(*) FROM measurements", cwd=path)
    check(asked, 0)
    assert re.findall(r"\d+", asked.text)[-1] == "1"
    for words in (("compare",), ("store", "check")):
        check(heavy.run(*words, "--", name, cwd=path), 0)
    assert sorted(each.name for each in path.iterdir()) == sorted([name, f"{name}.jsonl"])


@pytest.mark.parametrize("name", ["pipe.jsonl", "socket.jsonl", "device.jsonl", "nowhere.jsonl", "loop.jsonl"])
def test_named_file_that_is_none_is_refused(name: str, path: Path, light: Forks) -> None:
    CASES["folder-of-strange-files"].make(path / "folder")
    done = light.run("judge", str(path / "folder" / "2026-11-24" / "DE-AS3320" / name))
    check(done, 6)
    assert name in done.errors


def test_pipe_of_the_shell_and_standard_input_are_read(path: Path, light: Forks) -> None:
    (path / "a.jsonl").write_bytes(GOOD)
    for source in ("-", "/dev/stdin", "/dev/fd/0"):
        done = light.run("judge", "--json", source, stdin=path / "a.jsonl")
        check(done, 0)
        assert judged_lines(done) == [1]


def test_file_whose_reading_fails_is_named(light: Forks) -> None:
    done = light.run("judge", "/proc/self/mem")
    check(done, 6)
    assert "The file cannot be read further: Input/output error" in done.errors
    assert "1 line could not be used." in done.errors


def test_unknown_option_with_control_characters_is_printable(light: Forks) -> None:
    done = light.run("judge", "--\x1b[2J\u202e", "judge")
    check(done, 2)
    assert "No such option" in done.errors
