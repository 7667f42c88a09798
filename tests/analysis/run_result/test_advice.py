"""Test what the program says that a person can do."""

import re
from typing import Any

import pytest

from probe.analysis.run_result.app_words import CALLING
from probe.analysis.run_result.ways_around import ALWAYS, BEFORE, OF_APPS, OF_MECHANISMS, READ, advice_for, advice_lines
from probe.cli.results.advice import advice
from tests.analysis.verdicts.test_apps import RECORDED


def app(name: str, state: str | None = "blocked", *mechanisms: str) -> Any:
    return {
        "app": name,
        "title": name,
        "state": state,
        "valid": state is not None,
        "needs": {},
        "mechanisms": mechanisms,
    }


def test_app_and_mechanism_have_their_sentences() -> None:
    found = advice_for([app("signal", "blocked", "dns.injection"), app("x", "likely_blocked", "tls.reset.sni")])
    assert found == [BEFORE, OF_APPS["signal"], OF_MECHANISMS["dns"], *ALWAYS]


@pytest.mark.parametrize("state", ["ok", "down", "impaired", "insufficient", "filtered_locally", None])
def test_app_that_no_network_blocks_has_no_advice(state: str | None) -> None:
    assert advice_for([app("whatsapp", state, "dns.injection")]) == []


def test_each_source_is_an_address_with_a_day_and_is_no_link() -> None:
    every = [BEFORE, *OF_APPS.values(), *OF_MECHANISMS.values(), *ALWAYS]
    for sentence, source in advice_lines(every)[1:]:
        assert "http" not in sentence and re.fullmatch(rf"Source: https://\S+, read {READ}", source)
    assert set(OF_APPS) <= CALLING


def test_command_prints_sentences_with_sources(capsys: pytest.CaptureFixture[str]) -> None:
    advice(str(RECORDED / "great-firewall.jsonl.gz"))
    out = capsys.readouterr().out
    assert out.startswith("- In some places it is forbidden") and out.count("https://") == 6
    assert max(map(len, (line for line in out.splitlines() if "http" not in line))) <= 80
    advice(str(RECORDED / "clean.jsonl.gz"))
    assert capsys.readouterr().out == "No app of this run is blocked, so that there is nothing to do.\n"
