"""Test the functions that the interface gets: the command of a run, saved settings, and schedules."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.cli.run.consent_text import VERSION, text
from probe.cli.run.settings import defaults, save, settings_file
from probe.cli.sharing.submit import notice
from probe.cli.ui.functions import Functions, schedules
from probe.messages import use
from probe.ooni.submission import batch_sending
from probe.ooni.submission.queue_file import has_queue
from probe.targets.target_files import bundled_targets
from probe.ui.commands import CommandRefused, SavedSettings, Wanted
from tests.ooni.submission.runs import RUN, write
from tests.support.ooni.collector import Collector, Fault, serving


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("PROBE_RESULTS", "PROBE_CONTROL", "PROBE_SERVER", "PROBE_PROXY"):
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
    with pytest.raises(CommandRefused, match="is no URL of a test helper"):
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
        with pytest.raises(CommandRefused):
            functions.change_settings(SavedSettings(helper, results, Path(), "", token=False))
    file.write_text("repeat = \n")
    with pytest.raises(CommandRefused, match=r"config\.toml cannot be used"):
        functions.change_settings(SavedSettings("https://h.example", "", Path(), "", token=False))
    assert file.read_text() == "repeat = \n" and [path.name for path in file.parent.iterdir()] == ["config.toml"]


def test_schedules_quote_the_command() -> None:
    texts = [lines for _, lines in schedules(["/a b/python", "-m", "probe"])]
    assert re.fullmatch(r"\d{1,2} \d{1,2} \* \* \*  '/a b/python' -m probe", texts[0])
    assert "ExecStart='/a b/python' -m probe\n" in texts[1]
    assert texts[2].endswith('/TR "\\"/a b/python\\" -m probe"')


def test_all_settings_of_the_page_are_read_again(functions: Functions, tmp_path: Path) -> None:
    changed = SavedSettings("https://h.example", str(tmp_path), tmp_path, "fa", False, "", "mail@example.org")
    functions.change_settings(changed)
    use("en")
    assert functions.settings() == changed


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    monkeypatch.setattr(batch_sending, "BETWEEN_TRIES", 0.01)
    with serving(Collector()) as collector:
        save({"server": collector.address})
        yield collector


async def test_run_is_published_as_by_the_command(functions: Functions, tmp_path: Path, server: Collector) -> None:
    save({"results": str(tmp_path)})
    run = write(tmp_path / RUN, 3)
    shown = functions.publishable(run)
    assert shown.sentences[-5:] == notice(3, server.address) and len(shown.rows) > 10
    assert not server.requests and not has_queue(tmp_path)
    published = await functions.publish(run, shown.key)
    assert list(published.sentences) == ["sent: 3"] and len(server.stored) == 3
    assert [line.split("  ") for line in published.measurements] == [["telegram", "sent", uid] for uid in server.uids]
    again = await functions.publish(run, shown.key)
    assert again.sentences[0] == "Nothing was sent." and "They are not sent twice." in again.sentences[1]
    assert len(server.requests) == 3


async def test_trouble_of_the_server_is_explained(functions: Functions, tmp_path: Path, server: Collector) -> None:
    save({"results": str(tmp_path)})
    run = write(tmp_path / RUN, 2)
    server.faults = [Fault.HTTP_503] * batch_sending.TRIES
    published = await functions.publish(run, functions.publishable(run).key)
    assert "did not take everything: http 503" in published.sentences[1] and not server.stored


@pytest.mark.parametrize("changed", ["run", "server", "nothing read"])
async def test_nothing_else_than_what_was_read_is_published(
    functions: Functions, tmp_path: Path, server: Collector, changed: str
) -> None:
    save({"results": str(tmp_path)})
    run = write(tmp_path / RUN, 3)
    key = functions.publishable(run).key if changed != "nothing read" else ""
    if changed == "run":
        write(run, 4)
    if changed == "server":
        save({"server": "https://other.example"})
    with pytest.raises(CommandRefused, match="Please read again"):
        await functions.publish(run, key)
    assert not server.requests and not has_queue(tmp_path)


async def test_run_of_the_lab_is_refused(functions: Functions, tmp_path: Path, server: Collector) -> None:
    run = write(tmp_path / RUN, 1, annotations={"lab": "clean"})
    for refused in (functions.publishable, functions.leaving):
        with pytest.raises(CommandRefused, match=r"artificial|lab"):
            refused(run)
    with pytest.raises(CommandRefused, match="no measurement that can be sent"):
        await functions.publish(run, "")
    assert not server.requests
