"""Test `--why`: deciding transactions, rule and possible changes, in 80 columns."""

import gzip
import json
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from probe.cli.results.judge import app as judge
from probe.cli.results.show import app as show
from probe.lab.recordings import RECORDED

OONI = Path(__file__).parents[2] / "fixtures" / "ooni"
SCENARIOS = (
    "sni-reset",
    "tls-mitm",
    "captive-portal",
    "resolvers-filter",
    "stun-drop",
    "starttls-stripped",
    "no-network",
)


@pytest.fixture
def file(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / f"{request.param}.jsonl"
    with gzip.open(RECORDED / f"{path.name}.gz") as packed, path.open("wb") as unpacked:
        shutil.copyfileobj(packed, unpacked)
    return path


def paragraph(text: str, heading: str) -> str:
    """Return the paragraph with this heading as one line."""
    (found,) = [part for part in text.split("\n\n") if part.startswith(heading)]
    return " ".join(found.split())


@pytest.mark.parametrize("file", SCENARIOS, indirect=True)
def test_judge_and_show_print_same_evidence(file: Path) -> None:
    result = CliRunner().invoke(judge, ["--why", str(file)])
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines())) < 80
    assert result.stdout.count("    Rule ") == result.stdout.count("    Decided by ") > 0
    assert result.stdout.count("    Would change it ") == result.stdout.count("    Rule ")
    assert CliRunner().invoke(show, ["--why", str(file)]).stdout == result.stdout


@pytest.mark.parametrize("file", ["cutoff-name-fin"], indirect=True)
def test_age_at_which_connections_ended_is_shown_with_its_interval(file: Path) -> None:
    found = paragraph(CliRunner().invoke(judge, ["--why", str(file)]).stdout, "telegram/web: WORKS BADLY")
    limit = re.search(
        r"Time limit +(\d) connections ended after (\S+) s. The limit is between (\S+) and (\S+) s", found
    )
    assert limit is not None and int(limit[1]) >= 3
    assert float(limit[3]) <= float(limit[2]) <= float(limit[4])


@pytest.mark.parametrize("file", ["sni-reset"], indirect=True)
def test_deciding_transactions_have_results(file: Path) -> None:
    text = paragraph(CliRunner().invoke(judge, ["--why", str(file)]).stdout, "telegram/web: BLOCKED")
    evidence, rule = text.split("Decided by ")[1].split("Rule ")
    assert "tried web.telegram.org at " in evidence and "failed in tls_handshake with connection_reset" in evidence
    assert "sent the innocuous name " in evidence and " more transactions, not needed for this verdict" in evidence
    assert rule.startswith("failure_follows_name_to_neutral_host, tls, reset (ruleset ")
    assert "without the innocuous names at the same address: LIKELY BLOCKED (fails_here_again, tls, reset)" in rule
    assert "if the confirmations had worked: OK (http_answers, http)" in rule
    assert "Not needed the confirmations, the name at a neutral host" in rule


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("sni-reset", "On the path The connections are interfered with between router 3 and router 4."),
        ("dns-nxdomain", "On the path The resolver gives false answers or none, or nothing shows"),
    ],
    indirect=["file"],
)
def test_place_on_the_path_or_its_absence_is_explained(file: Path, expected: str) -> None:
    assert expected in " ".join(CliRunner().invoke(judge, ["--why", str(file)]).stdout.split())


@pytest.mark.parametrize("file", ["captive-portal"], indirect=True)
def test_invalid_measurement_shows_preflight_facts(file: Path) -> None:
    text = " ".join(CliRunner().invoke(judge, ["--why", str(file)]).stdout.split())
    assert "Before the measurement, a captive portal answered (redirect)." in text
    assert "if the network had passed the checks before the measurement: NOT ENOUGH DATA" in text


@pytest.mark.parametrize("file", ["no-network"], indirect=True)
def test_why_and_json_are_refused_together(file: Path) -> None:
    assert CliRunner().invoke(judge, ["--why", "--json", str(file)]).exit_code != 0


@pytest.mark.parametrize(
    ("sample", "control", "said"),
    [
        ("web-no-control", None, "The test helper gave no usable answer: generic_timeout_error."),
        ("web-clear-differs", None, "The test helper outside this network succeeded in 1 of 1 attempt."),
        ("web-ok", {"tcp_connect": {}, "dns": {"addrs": []}}, "The test helper did not test this service."),
        ("telegram-ok", None, "No test helper was asked."),
    ],
)
def test_answer_of_oonis_helper_is_named(sample: str, control: object, said: str, tmp_path: Path) -> None:
    line = json.loads((OONI / f"{sample}.json").read_text())
    line["test_keys"] |= {"control": control} if control else {}
    (tmp_path / "line.jsonl").write_text(json.dumps(line) + "\n")
    printed = " ".join(CliRunner().invoke(judge, ["--why", str(tmp_path / "line.jsonl")]).stdout.split())
    assert said in printed
