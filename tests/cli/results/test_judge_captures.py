"""Test `probe judge` with packet captures, and the page of their flows."""

import json
import re
from pathlib import Path

import pytest

from probe.captures.captured_flow import CapturedFlow, SeenPacket
from probe.cli.results.captured_measurements import NOTHING_JUDGED
from probe.cli.results.unusable_lines import HAS_NO_RUNS
from probe.messages import tr
from probe.run_page.ladder import ladder_of
from probe.run_page.ladder_page import ladder_page
from tests.captures.test_capture_verdicts import NAME, PASSING, compared
from tests.captures.test_lab_captures import capture
from tests.cli.results.test_judge import call, lines
from tests.support.made_captures import HERE, SERVER, MadeCapture


def test_several_captures_are_one_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    test, control = MadeCapture(), MadeCapture()
    for _ in range(2):
        test.tls(NAME, "reset")
        control.tls(PASSING)
    paths = [test.write(tmp_path / "test.pcap"), control.write(tmp_path / "control.pcap")]
    assert call("judge", "--json", *map(str, paths)) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (record,) = [each for each in records if each["state"] == "likely_blocked"]
    assert record["endpoints"][0]["endpoint"] == f"tls://{NAME}:443"
    assert record["endpoints"][0]["capture"]["addresses"] == [SERVER]
    assert record["measurement_file"] == "test.pcap, control.pcap"


def test_captures_and_results_files_are_judged_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "130500-4f2a.jsonl"
    results.write_text("".join(json.dumps(line) + "\n" for line in lines()))
    assert call("judge", "--json", str(compared("reset").write(tmp_path / "a.pcap")), str(results)) == 0
    files = [json.loads(line)["measurement_file"] for line in capsys.readouterr().out.splitlines()]
    assert set(files) == {results.name, "a.pcap"}


def test_damaged_capture_is_named_and_the_rest_is_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = compared("reset").write(tmp_path / "a.pcap")
    path.write_bytes(path.read_bytes() + b"\xff" * 5)
    assert call("judge", "--json", str(path)) == 6
    out, err = capsys.readouterr()
    assert '"likely_blocked"' in out
    assert "The capture ends in the middle of a packet." in err


def test_why_and_apps_work_with_captures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(compared("reset").write(tmp_path / "a.pcap"))
    assert call("judge", "--why", "--plain", path) == 0
    assert call("judge", "--by", "app", "--plain", path) == 0
    out = capsys.readouterr().out
    assert NAME in out
    assert HERE not in out


def test_capture_without_a_verdict_says_what_one_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = MadeCapture()
    made.lookup(NAME, [])
    assert call("judge", "--json", str(made.write(tmp_path / "a.pcap"))) == 0
    out, err = capsys.readouterr()
    assert (out, " ".join(err.split())) == ("", f"probe: {tr(NOTHING_JUDGED, count=1)}")


@pytest.mark.parametrize("command", [("judge", "--by", "network"), ("show",)])
def test_commands_about_runs_name_captures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    assert call(*command, str(compared("reset").write(tmp_path / "a.pcap"))) == 6
    assert f"a.pcap: {tr(HAS_NO_RUNS)}" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["sni-reset", "own-sni-reset", "dns-injection"])
def test_page_draws_flows_without_the_users_address(tmp_path: Path, name: str) -> None:
    page = tmp_path / "page.html"
    assert call("judge", "--html", str(page), str(capture(name))) == 0
    text = page.read_text()
    assert text.count("<svg") > 10
    assert "<script" not in text
    assert "default-src 'none'" in text
    assert not re.search(r"192\.88\.99\.77|10\.\d+\.\d+\.\d+|192\.0\.2\.1\b|2001:db8::1\b", text)


def test_page_needs_captures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "130500-4f2a.jsonl"
    results.write_text("".join(json.dumps(line) + "\n" for line in lines()))
    assert call("judge", "--html", str(tmp_path / "page.html"), str(results)) == 2
    assert "at least one of the files is none" in capsys.readouterr().err


def test_page_escapes_all_that_strangers_wrote() -> None:
    evil = "<script>alert(1)</script>\"'&\u202e.pcap"
    text = ladder_page([evil], [], [])
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "\u202e" not in text


def test_ladder_marks_another_sender_and_hides_the_ip_id_of_resets() -> None:
    flow = CapturedFlow(("tcp", HERE, 40000, SERVER, 443), 1.0)
    flow.add(SeenPacket(1.0, False, "SA", 52, ipid=7))
    flow.add(SeenPacket(1.1, False, "RA", 120, ipid=12345, window=9))
    flow.add(SeenPacket(1.2, False, "RA", 52, ipid=12346))
    first, other, own = ladder_of(flow, "", "").steps
    assert first.fields == "TTL 52 · IP-ID 7"
    assert other.fields == "TTL 120 · another sender"
    assert own.fields == "TTL 52"
    assert other.style == own.style == "reset"
