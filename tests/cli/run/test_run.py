"""Test `probe run`: streams, exit codes, usage errors, and --explain, which sends nothing."""

import io
import json
import os
import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from probe.cli.results.judge import app as judge_app
from probe.cli.run import running
from probe.cli.run.consent import VERSION
from probe.cli.run.run import run
from probe.cli.screen import UsageError
from probe.privacy.redact import KnownIdentifiers
from probe.results import used_folders
from probe.results.unpacking import open_unpacked
from probe.run import runner, time_budget
from probe.run.measure import measured_nothing
from probe.run.measurement_keys import Measured
from probe.run.vantage import Vantage
from probe.session.session import Session
from probe.targets.target import Target

Result = tuple[int, str, str]


@pytest.fixture(autouse=True)
def quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Replace measuring by nothing, in AS64500. The returned dict holds facts and annotations to change."""
    here: dict[str, Any] = {"facts": {"network": True, "portal": None}, "annotations": {}, "bug": None}

    async def preflight(session: Session, roots: Any = None) -> None:
        session.preflight = here["facts"]

    async def where_are_we(session: Session, **_: Any) -> Vantage:
        return Vantage("XX", "AS64500", "Example", "AS0", "", "test", here["annotations"], KnownIdentifiers(), "")

    async def measure(wanted: Target, session: Session, **_: Any) -> Measured:
        return measured_nothing(wanted, session, here["bug"])

    for name, replacement in (("preflight", preflight), ("where_are_we", where_are_we), ("measure", measure)):
        monkeypatch.setattr(runner, name, replacement)
    monkeypatch.setattr(runner, "may_capture", lambda: False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    for name in [name for name in os.environ if name.startswith("PROBE_")]:
        monkeypatch.delenv(name)
    return here


@pytest.fixture
def probe_run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    def go(*names: str, **options: Any) -> Result:
        code = 0
        try:
            run(list(names), **{"consent": VERSION, "results": tmp_path / "results", **options})
        except typer.Exit as ended:
            code = ended.exit_code
        except UsageError as refused:
            capfd.readouterr()
            return refused.exit_code, "", refused.sentence
        return (code, *capfd.readouterr())

    return go


def saved(err: str) -> Path:
    last = err.splitlines()[-1]
    assert last.startswith("saved ")
    return Path(last.removeprefix("saved "))


def saved_lines(err: str) -> list[dict[str, Any]]:
    """Return the measurements of the file, which is packed as a rule."""
    with open_unpacked(saved(err)) as lines:
        return [json.loads(line) for line in lines]


def test_verdicts_go_to_stdout_and_progress_to_stderr(probe_run: Callable[..., Result]) -> None:
    code, out, err = probe_run("telegram")
    assert code == 0
    assert "Telegram  NOT TESTED" in out and f"File  {saved(err)}" in out and "Next  probe" in out
    assert "Telegram" in err and "used 0 B in 0 s" in err and "NOT TESTED" not in err
    assert out.isascii() and err.isascii() and "\x1b" not in out + err
    assert max(map(len, err.splitlines()[:-1])) <= 80


def test_run_at_its_time_limit_says_what_was_not_tested(
    probe_run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def measure(wanted: Target, session: Session, **_: Any) -> Measured:
        await session.stopping.wait()
        return measured_nothing(wanted, session)

    monkeypatch.setattr(runner, "measure", measure)
    monkeypatch.setattr(time_budget, "STANDARD_SECONDS", 1.0)
    monkeypatch.setattr(time_budget, "LAST_START", 0.8)
    code, out, err = probe_run("telegram")
    flat = " ".join(err.split())
    assert code == 0 and re.search(
        r"Stopped after \d s because this network is slow. 3 services were not tested to their end\.", flat
    )
    assert "This takes about 10 seconds on this network." in err
    assert "Telegram  NOT TESTED" in out and "the line is slow" in " ".join(out.split())
    assert probe_run("telegram", exit_code=True)[0] == 12


def test_complete_run_has_no_sentence_about_its_time_limit(probe_run: Callable[..., Result]) -> None:
    assert "Stopped after" not in probe_run("telegram")[2]


def test_json_output_equals_that_of_judge(probe_run: Callable[..., Result], capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = probe_run("telegram", "gmail", json=True)
    records = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and {record["target"] for record in records} == {"telegram", "gmail"}
    assert {record["measurement_file"] for record in records} == {saved(err).name}
    with pytest.raises(SystemExit) as ended:
        judge_app([str(saved(err)), "--json"])
    assert (ended.value.code, capfd.readouterr().out) == (0, out)


def test_packed_results_have_the_same_verdicts(
    probe_run: Callable[..., Result], capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = probe_run("telegram", "gmail", json=True)
    assert code == 0 and saved(err).name.endswith(".jsonl.zst") and len(list(saved(err).parent.iterdir())) == 1
    assert {json.loads(line)["measurement_file"] for line in out.splitlines()} == {saved(err).name}
    with pytest.raises(SystemExit) as ended:
        judge_app([str(saved(err)), "--json"])
    assert (ended.value.code, capfd.readouterr().out) == (0, out)


def test_earlier_runs_beyond_the_limit_are_removed_and_named(probe_run: Callable[..., Result]) -> None:
    first, second = (saved(probe_run("telegram")[2]) for _ in range(2))
    _, _, err = probe_run("telegram", max_disk="1K")
    assert saved(err).exists() and not first.exists() and not second.exists()
    assert "Removed 2 earlier runs" in err and str(first) in err and str(second) in err


def test_output_dash_writes_measurements_to_stdout_and_verdicts_to_stderr(
    probe_run: Callable[..., Result], tmp_path: Path
) -> None:
    code, out, err = probe_run("telegram", output="-")
    (line,) = map(json.loads, out.splitlines())
    assert code == 0 and line["test_name"] == "telegram"
    assert "Telegram  NOT TESTED" in err and err.splitlines()[-1] == "saved -"
    assert not list((tmp_path / "results").rglob("*.jsonl"))


def test_output_option_names_the_file(probe_run: Callable[..., Result], tmp_path: Path) -> None:
    _, _, err = probe_run("telegram", output=str(tmp_path / "mine.jsonl"))
    assert saved(err) == tmp_path / "mine.jsonl" and len((tmp_path / "mine.jsonl").read_text().splitlines()) == 1
    assert not (tmp_path / "results").exists()


def test_lab_measurement_has_its_own_folder_and_header(probe_run: Callable[..., Result], quiet: dict[str, Any]) -> None:
    quiet["annotations"] = {"lab": "great-firewall"}
    _, out, err = probe_run("telegram")
    header = "LAB great-firewall: emulated, nothing left this computer"
    assert out.startswith(header) and header in err and "/results/lab/" in str(saved(err))


def test_hint_about_missing_helper_is_printed_once(probe_run: Callable[..., Result]) -> None:
    assert probe_run("telegram", repeat=2)[2].count("No test helper is used") == 1


def test_quiet_run_prints_its_result_and_nothing_else(probe_run: Callable[..., Result]) -> None:
    code, out, err = probe_run("telegram", quiet=True)
    assert code == 0 and "1 not tested" in out and err == ""
    assert probe_run("telegram", quiet=True, json=True)[2] == ""


def test_quiet_run_prints_errors(probe_run: Callable[..., Result], quiet: dict[str, Any]) -> None:
    quiet["bug"] = "RuntimeError at web.py:7"
    assert "RuntimeError at web.py:7" in probe_run("telegram", quiet=True)[2]


def test_repeated_run_numbers_its_rounds_and_ends_with_a_table(probe_run: Callable[..., Result]) -> None:
    _, out, err = probe_run("telegram", repeat=3)
    assert [line for line in err.splitlines() if line.startswith("Round ")] == [f"Round {n} of 3" for n in (1, 2, 3)]
    assert "What 3 rounds found:\n  Not tested enough in all rounds: Telegram (calls, dc pool, web)\n" in out
    assert "What " not in probe_run("telegram", repeat=3, json=True)[1]
    assert "Round " not in probe_run("telegram")[2]


def test_missing_extra_is_named_once(probe_run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    assert "aioquic" not in probe_run("Facebook")[2]
    monkeypatch.setitem(sys.modules, "probe.steps.quic.quic_engine", None)
    assert probe_run("Facebook", repeat=2)[2].count("QUIC is not tested, because") == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"names": ["telegrm"]}, "Did you mean 'telegram'"),
        ({"names": ["facebook.com"]}, "`probe run web --input https://facebook.com/`"),
        ({"output": "-", "json": True}, "both write to standard output"),
        ({"ipv4": True, "ipv6": True}, "exclude each other"),
        ({"control": "helper"}, "no URL of a test helper"),
        ({"control": "http://x:99999"}, "no URL of a test helper"),
        ({"control": "https://x,ooni+ftp://y"}, "'ooni+ftp://y' is no URL of a test helper"),
        ({"control": "https://x,"}, "no URL of a test helper"),
        ({"control": "https://x,https://y", "control_pin": "00" * 32}, "needs one helper with https"),
        ({"control": "ooni+http://x", "control_pin": "00" * 32}, "needs one helper with https"),
        ({"control": "http://x", "control_pin": "00" * 32}, "needs one helper with https"),
        ({"control": "https://x", "control_pin": "12"}, "no SHA-256"),
        ({"cc": "IRN"}, "no country code"),
        ({"asn": "ASx"}, "no network number"),
        ({"targets": Path("/nowhere")}, "no folder of target files"),
    ],
)
def test_usage_error_exits_with_2(probe_run: Callable[..., Result], options: dict[str, Any], said: str) -> None:
    code, _, sentence = probe_run(*options.pop("names", ()), **options)
    assert code == 2 and said in sentence


def test_unwritable_results_end_the_run_before_the_first_packet(
    probe_run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: Any, **__: Any) -> None:
        raise AssertionError("the run began")

    monkeypatch.setattr(runner, "run", never)
    (tmp_path / "file").write_text("mine")
    for options in ({"results": tmp_path / "file" / "x"}, {"output": str(tmp_path / "file")}, {"output": "/no/where"}):
        assert probe_run("telegram", **options)[0] == 2


def test_bug_exits_with_1_and_keeps_the_measurement(probe_run: Callable[..., Result], quiet: dict[str, Any]) -> None:
    quiet["bug"] = "ValueError in steps/tls.py:88"
    code, out, err = probe_run("telegram")
    assert code == 1 and "ValueError in steps/tls.py:88" in err and saved(err).exists()
    assert "THIS RUN CANNOT BE USED" in out and "1 app has no result: Telegram" in out


def test_verbose_prints_each_service_before_the_screen(probe_run: Callable[..., Result]) -> None:
    out = probe_run("telegram", verbose=True)[1]
    assert 0 <= out.index("telegram/web: NOT ENOUGH DATA") < out.index("not tested to")


def test_no_network_exits_with_4_and_writes_measurements(
    probe_run: Callable[..., Result], quiet: dict[str, Any]
) -> None:
    quiet["facts"] = {"network": False}
    code, out, err = probe_run("telegram")
    assert code == 4 and "THIS RUN CANNOT BE USED" in out and "probe doctor" in out and saved(err).exists()


def test_exit_code_for_verdicts_needs_the_option(probe_run: Callable[..., Result]) -> None:
    assert probe_run("telegram")[0] == 0
    assert probe_run("telegram", exit_code=True)[0] == 12


def test_smallest_exit_code_is_used() -> None:
    def code(*states: str | None) -> int:
        return running.exit_code_of([{"state": state} for state in states])

    assert code("ok", "insufficient", "impaired", "likely_blocked") == 10
    assert code("ok", None, "degraded") == 11 and code("ok", None) == 12 and code("ok") == 0 == code()


def test_explain_sends_nothing_and_needs_no_consent(
    probe_run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def no_socket(*_: Any, **__: Any) -> None:
        raise AssertionError("--explain made a socket")

    for name in ("socket", "getaddrinfo"):
        monkeypatch.setattr(socket, name, no_socket)
    code, out, _ = probe_run("telegram", consent=None, explain=True, results=tmp_path / "results")
    assert code == 0 and not (tmp_path / "results").exists()
    for part in ("149.154.167.51:443", "web.telegram.org:443", "www.debian.org:443", "1.1.1.1:53/udp", "kB", "seconds"):
        assert part in out
    assert max(map(len, out.splitlines())) < 80 and "whatsapp" not in out


def test_explain_counts_the_datagrams_to_call_relays(probe_run: Callable[..., Result]) -> None:
    said = "Each of its 3 call relays gets up to 10 small packets, and as many again if it is silent."
    assert said in " ".join(probe_run("telegram", explain=True)[1].split())
    assert "call relays" not in probe_run("whatsapp", explain=True)[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "takes up to 12 seconds and moves up to 380 kB."),
        ({"depth": "deep"}, "takes up to 36 seconds and moves up to 1.1 MB."),
        ({"repeat": 2}, "takes up to 24 seconds and moves up to 760 kB."),
    ],
)
def test_explain_says_what_call_packets_cost(
    probe_run: Callable[..., Result], options: dict[str, Any], said: str
) -> None:
    helper = {"control": "http://127.0.0.1:9", "explain": True}
    for name in ("signal", "whatsapp", "telegram"):
        assert said in " ".join(probe_run(name, **helper, **options)[1].split())
    for name, others in (
        ("signal", {"explain": True}),
        ("gmail", helper),
        ("signal", helper | {"no_followups": True}),
    ):
        assert "packets like those of a call" not in " ".join(probe_run(name, **others, **options)[1].split())


@pytest.mark.parametrize(
    ("targets", "options", "drawn"),
    [
        (("signal", "teams"), {}, False),  # both have calls over WebRTC
        (("signal", "whatsapp"), {}, True),
        (("signal", "whatsapp"), {"repeat": 2}, False),
        (("signal", "telegram", "whatsapp"), {"repeat": 2}, True),
        (("signal", "telegram", "whatsapp"), {"depth": "deep"}, False),
        (("signal", "whatsapp"), {"no_followups": True}, False),
    ],
)
def test_explain_says_that_apps_are_drawn_for_call_packets(
    probe_run: Callable[..., Result], targets: tuple[str, ...], options: dict[str, Any], drawn: bool
) -> None:
    told = " ".join(probe_run(*targets, control="http://127.0.0.1:9", explain=True, **options)[1].split())
    assert ("some of these apps. The apps are drawn at random" in told) is drawn


@pytest.mark.parametrize(
    ("target", "repeat", "said"),
    [
        ("signal", 1, "takes up to 20 seconds and moves up to 68 kB."),
        ("sip", 2, "takes up to 34 seconds and moves up to 124 kB."),
    ],
)
def test_explain_says_what_test_calls_cost(
    probe_run: Callable[..., Result], target: str, repeat: int, said: str
) -> None:
    deep = {"control": "http://127.0.0.1:9", "explain": True, "depth": "deep", "repeat": repeat}
    printed = " ".join(probe_run(target, **deep)[1].split())
    assert f"without voice and without a name. That {said}" in printed
    for name, others in (
        ("telegram", deep),
        (target, deep | {"depth": "standard"}),
        (target, deep | {"no_followups": True}),
    ):
        assert "it is called too" not in probe_run(name, **others)[1]


def test_bad_network_table_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Report an unreadable PROBE_ASN_DB as a usage error before anything is sent."""
    from types import SimpleNamespace

    from probe.asn import table
    from probe.cli.run.preparation import open_session
    from probe.cli.screen import UsageError
    from probe.targets.target_files import bundled_targets

    (tmp_path / "mine.bin").write_text("no table")
    monkeypatch.setenv("PROBE_ASN_DB", str(tmp_path / "mine.bin"))
    wanted = {"control": (), "control_pin": None, "followups": True, "depth": "standard", "max_time": None}
    wanted |= {"asn": None, "cc": None, "measure_anyway": False}
    table.default_table.cache_clear()
    try:
        with pytest.raises(UsageError, match=r"mine\.bin"):
            open_session(SimpleNamespace(**wanted, families=frozenset({4, 6}), targets=bundled_targets()))  # type: ignore[arg-type]
    finally:
        table.default_table.cache_clear()


def test_run_notes_its_folder_for_wipe(quiet: dict[str, Any], probe_run: Callable[..., Result], tmp_path: Path) -> None:
    probe_run("telegram")
    assert tmp_path / "results" in used_folders()


def test_run_says_when_wipe_will_not_find_its_folder(
    quiet: dict[str, Any], probe_run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/dev/null/none")
    code, _, err = probe_run("telegram")
    assert code == 0 and "`probe wipe` will not find" in err
