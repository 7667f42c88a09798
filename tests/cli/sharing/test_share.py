"""Test `probe share`: what is shown, the question, the file, the text and the QR code."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyrage
import pytest
import segno
from rich.cells import cell_len

from probe.analysis.run_result.app_words import CALLS
from probe.analysis.verdicts.app_verdicts import judge_apps
from probe.cli.screen import UsageError
from probe.cli.sharing.qr_code import qr_lines
from probe.cli.sharing.share import (
    CALLS_ORDER,
    LONGEST,
    pasted_text,
    share,
    text_of,
    titles_by_calls,
    titles_by_state,
)
from probe.lab.recordings import recording_of
from probe.privacy.field_facts import FIELD_FACTS
from probe.privacy.redact import KnownIdentifiers
from probe.sharing import inspect
from probe.sharing.encryption import decrypt
from tests.cli.run.test_consent import typing
from tests.sharing.shared_runs import inspected, line, write_run
from tests.support.zstd import decompress

RUN = "2026-11-24/QX-AS64500/130500-4f2a.jsonl"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_run(tmp_path / "r" / RUN)
    write_run(tmp_path / "r" / "2026-11-25" / "QX-AS64500" / "090000-4f2b.jsonl", line(test_name="signal"), line())
    os.utime(tmp_path / "r" / RUN, (1000, 1000))
    return tmp_path / "r"


def shared(root: Path) -> list[Path]:
    return sorted((root / "shared").glob("*"))


def test_last_run_is_written_for_its_owner_only(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    share(results=root, yes=True)
    (file,) = shared(root)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert decompress(file.read_bytes()).endswith(line(test_name="signal") + line())
    printed = capsys.readouterr()
    assert printed.err.splitlines()[-1] == f"saved {file}"
    assert f"sha256 {file.name.partition('.')[0]}" in printed.out


def test_run_is_chosen_by_its_number(root: Path) -> None:
    share("2", results=root, yes=True)
    assert decompress(shared(root)[0].read_bytes()).endswith(b"\n" + line())


@pytest.mark.parametrize(
    ("source", "sentence"),
    [("3", "no run 3"), ("0", "no run 0"), ("nowhere.jsonl", "no results file"), ("/", "no results file")],
)
def test_missing_run_is_refused(source: str, sentence: str, root: Path) -> None:
    with pytest.raises(UsageError, match=sentence):
        share(source, results=root, yes=True)


def test_every_field_is_shown_in_80_columns_with_the_values_of_the_run(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    share(results=root, yes=True, verbose=True)
    shown = capsys.readouterr().err
    assert max(map(cell_len, shown.splitlines()[1:-1])) <= 80
    words = " ".join(shown.split())
    assert all(fact.fields.split()[0] in words for fact in FIELD_FACTS)
    assert "QX AS64500" in shown and "2026-11-24" in shown and "13:05:00" in shown


@pytest.mark.parametrize("typed", ["\n", "no\n", ""])
def test_nothing_is_written_without_a_yes(typed: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    typing(monkeypatch, typed)
    with pytest.raises(UsageError, match="Nothing was written"):
        share(results=root)
    assert shared(root) == []


def test_yes_is_enough(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    typing(monkeypatch, "yes\n")
    share(results=root)
    assert len(shared(root)) == 1


def test_names_of_this_computer_are_searched(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "elisabeths-laptop")
    write_run(root / RUN, line(test_keys={"title": "elisabeths-laptop"}))
    with pytest.raises(UsageError, match=r"Line 1 contains an address .* at test_keys\.title"):
        share(str(root / RUN), results=root, yes=True)
    assert shared(root) == []


def test_encrypted_file_is_read_by_the_analyst_only(root: Path, tmp_path: Path) -> None:
    own = pyrage.x25519.Identity.generate()
    share(results=root, yes=True, to=[str(own.to_public())])
    (file,) = shared(root)
    assert file.name.endswith(".censorprobe.zst.age") and "2026" not in file.name and "QX" not in file.name
    assert decompress(decrypt(file.read_bytes(), [own])).endswith(line())


def test_wrong_key_is_refused_before_anything_is_shown(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match="no public key of age"):
        share(results=root, yes=True, to=["age1x"])
    assert capsys.readouterr().err == ""


def test_named_file_is_written_and_never_replaced(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.censorprobe.zst"
    share(results=root, yes=True, out=out)
    before = out.read_bytes()
    with pytest.raises(UsageError, match="exists and was not changed"):
        share("1", results=root, yes=True, out=out)
    assert out.read_bytes() == before and shared(root) == []


def test_command_reads_the_settings_file(root: Path, tmp_path: Path) -> None:
    (tmp_path / "config" / "censorprobe").mkdir(parents=True)
    (tmp_path / "config" / "censorprobe" / "config.toml").write_text(f"results = {json.dumps(str(root))}\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PROBE_")}
    done = subprocess.run(
        [sys.executable, "-m", "probe", "share", "--yes"],
        env=environment | {"XDG_CONFIG_HOME": str(tmp_path / "config")},
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    assert done.stderr.splitlines()[-1] == f"saved {shared(root)[0]}" and "\nsha256 " in done.stdout


# -- the text ----------------------------------------------------------------------------------------------------------


def record(target: str, state: str | None, **more: Any) -> dict[str, Any]:
    return {"target": target, "service": f"{target}/x", "state": state, "valid": state is not None, **more}


@pytest.fixture
def titled() -> Mapping[str, Mapping[str, Any]]:
    return {name: {"title": name.title()} for name in ("whatsapp", "telegram", "signal", "gmail")}


def test_app_verdicts_give_the_states(root: Path, titled: Mapping[str, Mapping[str, Any]]) -> None:
    records = [record("whatsapp", state) for state in ("ok", "blocked", "down")]
    records += [record("telegram", "insufficient"), record("signal", "ok"), record("gmail", None)]
    assert titles_by_state(judge_apps(records, titled)) == {
        "blocked": ["Whatsapp"],
        "insufficient": ["Telegram"],
        "ok": ["Signal"],
        "invalid": ["Gmail"],
    }


def test_text_names_network_date_states_and_digest(root: Path, titled: Mapping[str, Mapping[str, Any]]) -> None:
    outgoing = inspected(root / RUN)
    text = pasted_text(outgoing, [record("whatsapp", "blocked"), record("signal", "ok")], titled)
    assert text.splitlines() == [
        "censorprobe 0.1.0 · QX AS64500 · 2026-11-24",
        "BLOCKED: Whatsapp",
        "WORKS: Signal",
        "Calls, no (app blocked): Whatsapp",
        "Calls, not tested: Signal",
        f"sha256 {outgoing.manifest.sha256[:16]}",
    ]


def with_calls(app: str, calls: str, **more: Any) -> dict[str, Any]:
    """Return the part of the verdict on an app that the words about its calls need."""
    made = {"app": app, "title": app.title(), "state": "ok", "valid": True, "mechanisms": [], "services": []}
    return {**made, "needs": {"messages": "ok", "calls": calls}, **more}


def test_calls_have_the_word_of_the_gravest_round() -> None:
    blocked = {"state": "blocked", "needs": {"messages": "blocked", "calls": "ok"}}
    apps: list[Any] = [
        *(with_calls("whatsapp", "ok"), with_calls("whatsapp", "blocked"), with_calls("whatsapp", "ok")),
        *(with_calls("signal", "ok"), with_calls("telegram", "ok", **blocked), with_calls("telegram", "ok")),
        with_calls("teams", "degraded", mechanisms=["media.loss"]),
        *(with_calls("sip", "blocked"), with_calls("wechat", "ok", needs={"messages": "ok"})),
    ]
    assert titles_by_calls(apps) == {
        "blocked": ["Whatsapp"],
        "no (app blocked)": ["Telegram"],
        "bad": ["Teams"],
        "cannot be tested": ["Wechat"],
        "work": ["Signal"],
    }
    first, *_, last = titles_by_calls(apps)
    assert (first, last) == ("blocked", "work")


def test_every_word_about_calls_has_its_place() -> None:
    assert sorted(CALLS_ORDER) == sorted([*CALLS, "bad"])


@pytest.mark.parametrize(
    ("name", "calls"),
    [
        ("clean", {"not tested": "Telegram", "work": "Facebook and Messenger, Microsoft Teams, Signal, WhatsApp"}),
        ("media-loss", {"bad": "Signal"}),
        ("great-firewall", {"blocked": "1", "in part": "1"}),  # too long with names, and the others follow from states
    ],
)
def test_text_of_a_run_says_what_calls_do(name: str, calls: dict[str, str]) -> None:
    text = text_of(inspect(recording_of(name), KnownIdentifiers(), artificial=True))
    lines = [line.removeprefix("Calls, ") for line in text.splitlines() if line.startswith("Calls, ")]
    assert dict(line.split(": ") for line in lines) == calls and len(text) <= LONGEST


def test_text_that_is_too_long_names_the_gravest_state_and_calls_first(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apps = [with_calls(f"no app {number}", "blocked", state="degraded") for number in range(5)]
    apps += [with_calls(f"some other app {number}", "insufficient") for number in range(9)]
    monkeypatch.setattr("probe.cli.sharing.share.judge_apps", lambda records, targets: apps)
    lines = pasted_text(inspected(root / RUN), [], {}).splitlines()
    names = ", ".join(f"No App {number}" for number in range(5))
    assert lines[1:3] == [f"PARTLY BLOCKED: {names}", "WORKS: 9"]
    assert lines[3:-1] == [f"Calls, blocked: {names}", "Calls, not tested: 9"]


def test_web_addresses_are_counted_and_not_named(root: Path) -> None:
    records = [record("https://secret.example/", "blocked"), record("https://other.example/", "blocked")]
    text = pasted_text(inspected(root / RUN), records, {})
    assert "BLOCKED: 2 web addresses" in text and "example" not in text


@pytest.mark.parametrize("count", [0, 3, 12, 40, 400])
@pytest.mark.parametrize("title", ["App", "A long title that has many words", "聊天应用程序的名称", "پیام‌رسان"])
def test_text_has_at_most_280_characters(count: int, title: str, root: Path) -> None:
    states = ("blocked", "likely_blocked", "degraded", "impaired", "down", "ok", "insufficient")
    records = [record(f"t{number}", states[number % 7]) for number in range(count)]
    titles = {f"t{number}": {"title": f"{title} {number}"} for number in range(count)}
    text = pasted_text(inspected(root / RUN), records, titles)
    assert len(text) <= LONGEST and sum(map(cell_len, text.split("\n"))) <= LONGEST
    assert text.startswith("censorprobe 0.1.0") and "\nsha256 " in text
    if count == 40:
        assert "BLOCKED: " in text


def test_artificial_run_says_so(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a.jsonl", line(annotations={"lab": "great-firewall"}))
    text = pasted_text(inspected(run, artificial=True), [], {})
    assert text.splitlines()[0] == "NOT REAL (great-firewall)"


def test_title_cannot_steer_the_terminal(root: Path) -> None:
    text = pasted_text(inspected(root / RUN), [record("a", "ok")], {"a": {"title": "\x1b[2J\nOK: Signal"}})
    assert "\x1b" not in text and len(text.splitlines()) == 3


# -- the QR code -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["x", "Ж" * 140, "x" * LONGEST])
def test_code_of_every_text_fits_80_columns(text: str) -> None:
    lines = qr_lines(text, 80, coloured=False)
    assert lines is not None and {len(line) for line in lines} == {len(lines[0])} and len(lines[0]) <= 80
    assert all(set(line) <= set(" ▀▄█") for line in lines)


def test_code_that_is_too_wide_is_not_printed() -> None:
    assert qr_lines("字" * LONGEST, 80, coloured=False) is None


def test_code_has_the_modules_of_the_text() -> None:
    lines = qr_lines("ok", 80, coloured=False)
    assert lines is not None
    rows = [[one in "▄ " for one in line] for line in lines], [[one in "▀ " for one in line] for line in lines]
    both = [row for pair in zip(*rows, strict=True) for row in pair]
    matrix = [
        list(map(bool, row)) for row in segno.make_qr("ok", error="l", encoding="utf-8", boost_error=False).matrix
    ]
    assert [row[4:-4] for row in both[4 : 4 + len(matrix)]] == matrix
    assert not any(row[column] for row in both for column in (0, 3, -4, -1)) and not any(map(any, both[:4]))


def test_code_in_a_terminal_has_its_own_colours() -> None:
    assert all(
        line.startswith("\x1b[97;40m") and line.endswith("\x1b[0m") for line in qr_lines("x", 80, coloured=True) or [""]
    )


def test_share_prints_the_code_or_says_that_it_does_not_fit(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    share(results=root, yes=True, qr=True)
    assert "█" in capsys.readouterr().out
    monkeypatch.setattr("probe.cli.sharing.share.WIDTH", 30)
    share(results=root, yes=True, qr=True)
    printed = capsys.readouterr()
    assert "█" not in printed.out and "The QR code does not fit" in printed.err


def test_missing_library_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "segno", None)
    with pytest.raises(UsageError, match="A QR code needs segno"):
        share(results=root, yes=True, qr=True)
