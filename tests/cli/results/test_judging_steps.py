"""Test `probe judge --explain FILE:LINE`: each step in 80 columns or as data, and one sentence for a wrong place."""

import gzip
import json
from pathlib import Path

import pytest

from probe.analysis.verdicts.step_records import explain
from probe.cli.results.judging_steps import HEADINGS
from tests.analysis.ooni_import.test_measurements import SAMPLES
from tests.analysis.rules.test_every_rule_fires import RECORDED
from tests.cli.results.test_judge import call
from tests.support.hostile.measurements import STRANGE

SNI_RESET = RECORDED / "sni-reset.jsonl.gz"
ADDRESS = """\
    tls rule failure_follows_name_to_neutral_host:tls:reset: blocked, decides
      tls_successes = 0                       0
      tls_resets > 0                          2
      name_resets >= 2                        6
"""


@pytest.mark.parametrize("scenario", ["sni-reset", "dns-injection-in-many-ways", "no-network", "sip-drop", "web"])
def test_recording_is_explained_in_80_columns(scenario: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("judge", "--explain", f"{RECORDED / scenario}.jsonl.gz:1") == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) < 80
    shown = [line for line in out.splitlines() if line[:1].isdigit()]
    assert shown == [heading for heading in HEADINGS.values() if heading in out] + ["5. Verdict records"]
    assert {"3. Endpoints", "4. Services"} <= set(shown)


def test_rows_rules_and_values_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("judge", "--explain", f"{SNI_RESET}:2") == 0
    out = capsys.readouterr().out
    assert out.startswith("LAB sni-reset: emulated, nothing left this computer\nsni-reset.jsonl.gz, line 2\n")
    assert ADDRESS in out and "tls_resets 2, payload_sealed" in " ".join(out.split())
    assert "    service rule service_blocked: blocked\n      blocked > 0" in out
    assert "  telegram/web: blocked\n    rule_id: failure_follows_name_to_neutral_host\n" in out
    assert out.count("https://web.telegram.org:443/ 149.154.165.217") == 1
    assert not [line for line in out.splitlines() if line.endswith("_resets")]  # values stand behind their columns


def test_long_condition_has_its_values_below(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("judge", "--explain", f"{RECORDED / 'dns-resolver-lies'}.jsonl.gz:1") == 0
    out = capsys.readouterr().out
    assert "      (dns_proven_here > 0 OR dns_proven_authenticated > 0)\n        dns_proven_here " in out


@pytest.mark.parametrize("sample", ["web-tls-reset", "telegram-blocked", "legacy-failures", "tor"])
def test_measurement_of_ooni_is_explained(sample: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "ooni.jsonl"
    file.write_text("\n" + json.dumps(SAMPLES[sample]) + "\n")
    assert call("judge", "--explain", f"{file}:2") == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) < 80 and "4. Services" in out
    assert call("judge", "--explain", f"{file}:1") == 6
    assert capsys.readouterr().err == f"probe: Line 1 of {file} is blank.\n"


def test_json_has_the_same_as_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("judge", "--explain", "--json", f"{SNI_RESET}:2") == 0
    document = json.loads(capsys.readouterr().out)
    line = json.loads(gzip.decompress(SNI_RESET.read_bytes()).splitlines()[1])
    expected = explain(line, file=SNI_RESET.name, number=2).document()
    assert document == {"file": SNI_RESET.name, "line": 2} | json.loads(json.dumps(expected))
    (row,) = [one for one in document["rows"] if "149.154.165.217" in one["subject"]]
    assert row["columns"]["tls_resets"] == 2
    assert row["expressions"]["tls_resets"].startswith("count(*) FILTER (WHERE role = 'target' AND tls_tested")
    rule = row["rules"][2]
    assert (rule["table"], rule["rule_id"], rule["state"], rule["decides"]) == (
        *("tls", "failure_follows_name_to_neutral_host:tls:reset", "blocked", True),
    )
    assert rule["condition"][1] == {"part": "tls_resets > 0", "values": {"tls_resets": 2}}
    assert document["records"][1]["service"] == "telegram/web"


@pytest.mark.parametrize("name", ["escapes-in-names", "half-a-surrogate-pair", "quotes-in-names"])
def test_hostile_names_do_not_steer_the_terminal(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(STRANGE[name])
    assert call("judge", "--explain", f"{file}:1") == 0
    out = capsys.readouterr().out
    assert all(character.isprintable() or character == "\n" for character in out)
    assert call("judge", "--explain", "--json", f"{file}:1") == 0


@pytest.mark.parametrize(
    ("place", "code", "sentence"),
    [
        ("{folder}/a.jsonl", 2, "is no line of a file. Give the file and the number of the line"),
        ("{folder}/a.jsonl:0", 2, "is no line of a file."),
        ("{folder}/a.jsonl:x", 2, "is no line of a file."),
        (":3", 2, "is no line of a file."),
        ("{folder}:1", 2, "is a folder. Name one file in it."),
        ("{folder}/none.jsonl:1", 6, "There is no file or folder"),
        ("{folder}/a.jsonl:9", 6, "a.jsonl has no line 9. Its last line is 3."),
        ("{folder}/a.jsonl:1", 6, "a.jsonl:1: The line is not valid JSON"),
        ("{folder}/a.jsonl:2", 6, "a.jsonl:2: This line is no measurement"),
        ("{folder}/empty.jsonl:1", 6, "empty.jsonl has no line 1. Its last line is 0."),
        ("{folder}/torn.jsonl.gz:900", 6, "torn.jsonl.gz:3: The file cannot be read further"),
    ],
)
def test_wrong_place_gives_one_sentence(
    place: str, code: int, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.jsonl").write_text("oops\n{}\n" + json.dumps(SAMPLES["tor"]) + "\n")
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "torn.jsonl.gz").write_bytes(gzip.compress(b"{}\n" * 3) + b"\x1f\x8b torn")
    assert call("judge", "--explain", place.format(folder=tmp_path)) == code
    out, err = capsys.readouterr()
    assert out == "" and sentence in err and err.count("\n") == 1


def test_why_and_explain_are_refused_together(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("judge", "--explain", "--why", f"{SNI_RESET}:2") == 2
    assert "--why and --explain cannot be combined" in capsys.readouterr().err
