"""--why: the flows that decided, the rule and what would have changed it, on any terminal of 80 columns."""

import gzip
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from probe.cli.results.judge import app as judge
from probe.cli.results.show import app as show
from probe.lab.run import RECORDED

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
    """The paragraph that begins with a heading, its folded lines joined."""
    (found,) = [part for part in text.split("\n\n") if part.startswith(heading)]
    return " ".join(found.split())


@pytest.mark.parametrize("file", SCENARIOS, indirect=True)
def test_judge_and_show_say_the_same_in_80_columns(file: Path) -> None:
    said = CliRunner().invoke(judge, ["--why", str(file)])
    assert said.exit_code == 0, said.output
    assert max(map(len, said.stdout.splitlines())) < 80
    assert said.stdout.count("    Rule ") == said.stdout.count("    Decided by ") > 0
    assert said.stdout.count("    Would change it ") == said.stdout.count("    Rule ")
    assert CliRunner().invoke(show, ["--why", str(file)]).stdout == said.stdout


@pytest.mark.parametrize("file", ["sni-reset"], indirect=True)
def test_the_flows_that_decided_come_with_what_came_of_them(file: Path) -> None:
    text = paragraph(CliRunner().invoke(judge, ["--why", str(file)]).stdout, "telegram/web: BLOCKED")
    evidence, rule = text.split("Decided by ")[1].split("Rule ")
    assert "tried: web.telegram.org at " in evidence and "tls_handshake: connection_reset" in evidence
    assert "harmless name: " in evidence and " more in the file, which were not needed" in evidence
    assert rule.startswith("tls_reset_follows_name_to_neutral_host (ruleset ")
    assert "without harmless names there: LIKELY BLOCKED (tls_reset_here_again)" in rule
    assert "had the repeats worked: OK (http_answers)" in rule
    assert "Stands without the repeats, the name at a neutral host" in rule


@pytest.mark.parametrize("file", ["captive-portal"], indirect=True)
def test_of_a_useless_line_is_told_what_preflight_found(file: Path) -> None:
    text = CliRunner().invoke(judge, ["--why", str(file)]).stdout
    assert "before the measurement: portal redirect" in text
    assert "had preflight found nothing amiss: NOT ENOUGH DATA" in text


@pytest.mark.parametrize("file", ["no-network"], indirect=True)
def test_reasons_are_not_for_programs(file: Path) -> None:
    assert CliRunner().invoke(judge, ["--why", "--json", str(file)]).exit_code != 0
