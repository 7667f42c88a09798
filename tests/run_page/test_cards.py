"""Test the cards of apps: their order, words, needs, evidence and limits."""

from typing import Any

from probe.analysis.run_result.app_words import STATES
from probe.run_page.cards import ADDRESS_MEANINGS, MEANINGS, MOST_APPS, MOST_SERVICES, NEED_STATES, NO_MEANING
from probe.run_page.run_page_data import page_data
from probe.targets.needs import NEEDS
from tests.analysis.verdicts.test_apps import TARGETS, record
from tests.support.measurements.recorded_runs import recorded_run, run_of


def cards_of(*records: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page_data(run_of(list(records), dict(TARGETS)))["cards"]
    return found


def test_every_state_and_need_has_a_sentence() -> None:
    assert MEANINGS.keys() == ADDRESS_MEANINGS.keys() == STATES.keys()
    assert NEED_STATES.keys() == set(NEEDS)


def test_recording_has_one_card_per_app_worst_first() -> None:
    data = page_data(recorded_run("great-firewall"))
    shown = [(card["title"], card["word"]) for card in data["cards"]]
    assert shown[0] == ("WhatsApp", "BLOCKED") and shown[-1] == ("Public resolvers", "WORKS")
    assert len(shown) == 12
    assert data["headline"].startswith("7 of 9 apps do not work: WhatsApp, Facebook and Messenger, Gmail, ")
    assert data["origin"].startswith("LAB great-firewall: ")
    assert ("Network", "AS64500") in data["facts"] and ("Time", "2026-11-28 00:34:52 UTC") in data["facts"]


def test_card_says_what_is_blocked_and_what_works() -> None:
    (card,) = cards_of(record("chat", "blocked"), record("media", "ok"), record("calls", "ok"))
    assert [need["sentence"] for need in card["needs"]] == [
        "Messages: blocked",
        "Calls: no (app blocked)",
        "Pictures and files: work",
    ]
    assert card["meaning"] == MEANINGS["blocked"]
    assert card["certainty"].startswith("How sure: ")


def test_card_says_that_calls_are_not_testable() -> None:
    sentence = "Calls over WeChat are not testable, because no server for them is documented."
    cards = {card["name"]: card for card in page_data(recorded_run("great-firewall"))["cards"]}
    assert cards["wechat"]["needs"][-1] == {"state": "insufficient", "sentence": sentence}
    assert [name for name, card in cards.items() if sentence in [need["sentence"] for need in card["needs"]]] == [
        "wechat"
    ]


def test_evidence_names_rule_attempts_and_hop() -> None:
    data = page_data(recorded_run("great-firewall"))
    (card,) = [card for card in data["cards"] if card["name"] == "teams"]
    calls = next(service for service in card["services"] if service["name"] == "teams/calls")
    evidence = " ".join(calls["evidence"])
    assert "at hop 4." in evidence and "attempts failed here." in evidence and "from the test helper." in evidence
    assert evidence.endswith(".") and "Rule " in evidence
    assert calls["plain"] and calls["technical"] and calls["plain"] != calls["technical"]


def test_run_that_cannot_be_used_has_the_reason_only() -> None:
    invalid = record("chat", None, valid=False, invalid_reason="vpn")
    data = page_data(run_of([invalid], dict(TARGETS)))
    assert data["headline"] == "THIS RUN CANNOT BE USED"
    assert data["notes"][0].startswith("A VPN carries the traffic")
    assert data["notes"][1] == "1 app has no result: WhatsApp"
    assert (data["cards"], data["more"], data["time_line"]) == ([], "", None)


def test_app_without_valid_measurement_has_no_state() -> None:
    """Check a run of which only a part cannot be used."""
    invalid = record("chat", None, valid=False, invalid_reason="vpn")
    data = page_data(run_of([invalid, record("web", "ok", target="other", service="other/web")], dict(TARGETS)))
    assert data["notes"][0].startswith("A VPN carries the traffic")
    card, _ = data["cards"]
    assert (card["word"], card["certainty"], card["needs"]) == ("NO RESULT", "", [])
    assert card["meaning"] == NO_MEANING
    assert card["services"][0]["evidence"] == []


def test_web_address_is_called_an_address() -> None:
    data = page_data(recorded_run("web"))
    assert data["are_addresses"] and data["headline"].startswith("6 of 9 web addresses do not open: ")
    card = data["cards"][0]
    assert card["meaning"] == ADDRESS_MEANINGS["blocked"]
    assert [service["name"] for service in card["services"]] == ["http://www.banned.example/"]
    behind = next(card for card in data["cards"] if card["paths"])
    assert behind["paths"][0]["services"] == [behind["name"]]


def test_last_round_is_shown() -> None:
    data = page_data(run_of([record("chat", "blocked"), record("chat", "ok", because="second")], dict(TARGETS)))
    (card,) = data["cards"]
    assert (card["word"], card["services"][0]["technical"]) == ("WORKS", "second")
    assert data["notes"] == [
        "These are the states of round 2, the last one.",
        "In an earlier round these had another state: WhatsApp",
    ]


def test_measurements_without_run_have_their_own_services() -> None:
    """Check measurements of OONI, which have no run. Each has its own card with its own service."""
    some = [record("chat", "ok", run_id="", measurement_line=n, because=f"line {n}") for n in (1, 2)]
    assert [card["services"][0]["technical"] for card in cards_of(*some)] == ["line 1", "line 2"]


def test_services_and_apps_beyond_the_limit_are_counted() -> None:
    many = [record(f"s{number}", "ok") for number in range(MOST_SERVICES + 7)]
    (card,) = cards_of(*many, record("chat", "blocked"))
    assert len(card["services"]) == MOST_SERVICES and card["services"][0]["name"] == "whatsapp/chat"
    assert card["more_services"] == "8 more services are in the results file."
    apps = [record("chat", "ok", target=f"app{number}") for number in range(MOST_APPS + 1)]
    data = page_data(run_of(apps, {}))
    assert len(data["cards"]) == MOST_APPS and data["more"] == "1 more app is in the results file."
