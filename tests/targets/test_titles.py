"""Test the titles of targets: words are translated wherever a user reads them, names of products are not."""

import io

import pytest

from probe.analysis.run_result.runs import runs_in
from probe.cli.summary.result import print_result
from probe.cli.targets import show
from probe.cli.ui.functions import Functions
from probe.messages import available, catalogue
from probe.results import read_lines
from probe.run_page.run_facts import last_run
from probe.run_page.run_page import run_content
from probe.targets.chosen_targets import named_targets, titles
from probe.targets.target_files import bundled_targets
from probe.targets.titles import WORDS, shown_title
from tests.analysis.verdicts.test_apps import RECORDED

PRODUCTS = {
    *("Gmail", "Microsoft Teams", "Signal", "Skype", "Snapchat", "Telegram", "WeChat", "WhatsApp", "X (Twitter)"),
    *("Apple App Store", "Google Play"),
}


@pytest.fixture
def french(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "_translations", catalogue.load_translations(languages=["fr"]))


def test_each_bundled_title_is_words_or_a_product() -> None:
    bundled = set(titles(bundled_targets()).values())
    assert bundled == WORDS | PRODUCTS and not WORDS & PRODUCTS


@pytest.mark.parametrize("language", [code for code in available() if code != "en"])
def test_words_are_translated_into_each_language(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "_translations", catalogue.load_translations(languages=[language]))
    assert not {shown_title(title) for title in WORDS} & WORDS
    assert {shown_title(title) for title in PRODUCTS} == PRODUCTS


def test_title_of_a_users_file_stays_as_written(french: None) -> None:
    assert shown_title("yes|y") == "yes|y" and shown_title("Our mail providers") == "Our mail providers"


def test_screen_and_page_name_them(french: None) -> None:
    path = RECORDED / "great-firewall.jsonl.gz"
    lines = [(path.name, number, line) for number, line in read_lines(path) if isinstance(line, dict)]
    (run,), screen = runs_in(lines), io.TextIOWrapper(io.BytesIO(), "utf-8")
    print_result(run.records, screen, True, targets=run.targets)
    screen.seek(0)
    facts, _ = last_run(lines)
    assert facts is not None
    for text in (screen.read(), run_content(facts)):
        assert "Opérateurs" in text and "SIP providers" not in text and "WhatsApp" in text


def test_commands_know_both_names(french: None, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("Opérateurs SIP", "opérateurs sip", "SIP providers", "sip"):
        assert named_targets(bundled_targets(), [name]) == ["sip"]
    show("Messageries", targets=bundled_targets())
    assert "Messageries (mail)" in capsys.readouterr().out


def test_interface_offers_them(french: None) -> None:
    offered = dict(Functions(None, bundled_targets()).apps())
    assert offered["stun"] == "STUN publics" and offered["signal"] == "Signal"
