"""Test the verdict on an app from the verdicts on its services."""

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.engines.duckdb_engine import DuckDBEngine
from probe.analysis.rules.rule import State
from probe.analysis.ruleset.mechanisms import LEAVES, RESERVED, ancestors
from probe.analysis.run_result.run_targets import targets_of
from probe.analysis.verdicts import app_sentences
from probe.analysis.verdicts.app_sentences import REASONS
from probe.analysis.verdicts.app_verdicts import AppVerdict, judge_apps, needs_of
from probe.analysis.verdicts.verdicts import judge_each
from probe.targets.needs import MEANINGS, NEEDS, essential_of
from probe.targets.target_files import bundled_targets, load_target, target_names

RECORDED = Path(__file__).parents[3] / "probe" / "lab" / "recorded"
SERVICES = {"chat": ["messages"], "media": ["media"], "calls": ["calls"], "web": ["browser"]}
TARGETS = {"whatsapp": {"title": "WhatsApp", "services": {role: {"needs": needs} for role, needs in SERVICES.items()}}}


def record(role: str, state: str | None, **more: Any) -> dict[str, Any]:
    return {
        "measurement_start_time": "2026-11-27T09:00:00Z",
        "run_id": "aa",
        "probe_cc": "XX",
        "probe_asn": "AS64500",
        "target": "whatsapp",
        "service": f"whatsapp/{role}",
        "state": state,
        "mechanisms": [],
        "proof": "http",
        "valid": True,
        "invalid_reason": None,
        "rule_id": "service_undecided",
        "because": "",
        "endpoints": [],
        "measurement_file": "a.jsonl",
        "measurement_line": 1,
        **more,
    }


def app_of(**states: str) -> AppVerdict:
    (app,) = judge_apps([record(role, state) for role, state in states.items()], TARGETS)
    return app


@cache
def recorded(name: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the verdict records of a recording, and what it says about its targets."""
    with gzip.open(RECORDED / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        measurements = [json.loads(line) for line in lines]
    judged = judge_each((name, number, one) for number, one in enumerate(measurements, 1))
    return [one for _, records in judged for one in records], dict(targets_of(measurements))


def apps_in(name: str, engine: DuckDBEngine | None = None) -> dict[str, AppVerdict]:
    return {app["app"]: app for app in judge_apps(*recorded(name), engine)}


# -- rules -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", list(State))
def test_app_has_the_state_of_its_essential_need(state: State) -> None:
    app = app_of(chat=str(state), media="ok", calls="ok", web="ok")
    assert app["state"] == state
    assert app["needs"] == {"messages": state, "calls": "ok", "media": "ok", "browser": "ok"}


@pytest.mark.parametrize("role", ["media", "calls", "web"])
def test_app_is_partly_blocked_if_it_can_do_without_what_is_blocked(role: str) -> None:
    app = app_of(**{**dict.fromkeys(SERVICES, "ok"), role: "blocked"})
    assert (app["state"], app["rule_id"], app["certainty"]) == ("degraded", "app_other_need_blocked", "certain")
    assert app["sentence"] == app_sentences.BLOCKED_NEEDS[SERVICES[role][0]]


def test_essential_need_outweighs_others_that_work() -> None:
    assert app_of(chat="blocked", media="ok", calls="ok", web="ok")["state"] == "blocked"
    assert app_of(chat="likely_blocked", media="blocked", calls="blocked", web="blocked")["state"] == "likely_blocked"


def test_part_that_is_down_everywhere_accuses_nothing() -> None:
    app = app_of(chat="ok", media="ok", calls="down", web="ok")
    assert (app["state"], app["needs"]["calls"], app["sentence"]) == ("ok", "down", "Calls do not work.")


def test_app_is_not_judged_without_what_it_is_needed_for_most() -> None:
    assert app_of(web="ok")["rule_id"] == "app_undecided"
    assert app_of(web="blocked")["state"] == "degraded"


def test_untested_app_has_no_result_and_an_untested_part_takes_none_away() -> None:
    assert app_of(chat="insufficient", media="ok", calls="ok", web="ok")["state"] == "insufficient"
    assert app_of(chat="ok", media="ok", calls="insufficient", web="ok")["state"] == "ok"


@pytest.mark.parametrize(
    ("chat", "state", "sentence"),
    [
        ("impaired", "impaired", "It fails, cause unclear. The web client is blocked."),
        ("down", "down", "It fails elsewhere too. The web client is blocked."),
        ("insufficient", "insufficient", "Not tested to its end. The web client is blocked."),
        ("filtered_locally", "filtered_locally", "Your own side blocks it. The web client is blocked."),
    ],
)
def test_essential_need_that_is_not_met_outweighs_another_that_is_blocked(chat: str, state: str, sentence: str) -> None:
    app = app_of(chat=chat, web="blocked")
    assert (app["state"], app["needs"]["browser"], app["sentence"]) == (state, "blocked", sentence)
    assert app["certainty"] != "certain"


def test_app_without_any_data_centre_is_not_called_partly_blocked() -> None:
    telegram = apps_in("helper-down")["telegram"]
    assert telegram["needs"] == {"messages": "impaired", "browser": "blocked"}
    assert (telegram["state"], telegram["certainty"]) == ("impaired", "unclear")


@pytest.mark.parametrize(
    ("role", "sentence"),
    [
        ("calls", "Calls: not tested."),
        ("media", "Media: not tested."),
        ("web", "Web client: not tested."),
    ],
)
def test_untested_part_is_named_and_leaves_less_certainty(role: str, sentence: str) -> None:
    app = app_of(**{**dict.fromkeys(SERVICES, "ok"), role: "insufficient"})
    assert (app["state"], app["certainty"], app["sentence"]) == ("ok", "likely", sentence)


def test_certainty_is_that_of_the_essential_need_about_which_least_is_known() -> None:
    targets = {"whatsapp": {"services": {"chat": {"needs": ["messages"]}, "web": {"needs": ["pages"]}}}}
    for state, weak in (("ok", {"proof": "tcp"}), ("likely_blocked", {})):
        records = [record("chat", "ok"), record("web", state, **weak)]
        assert judge_apps(records, targets)[0]["certainty"] == "likely"
    records = [record("chat", "blocked"), record("web", "insufficient")]
    (app,) = judge_apps(records, targets)
    assert (app["state"], app["certainty"]) == ("likely_blocked", "likely")


def test_service_of_which_an_endpoint_was_not_tested_does_not_work_yet() -> None:
    tested = {"endpoint": "https://192.0.2.1:443/", "state": "ok", "rule_id": "http_answers", "layer": "http"}
    stopped = {"endpoint": "https://192.0.2.2:443/", "state": "insufficient", "rule_id": "endpoint_not_tried"}
    (app,) = judge_apps([record("chat", "ok", endpoints=[tested, stopped])], TARGETS)
    assert (app["state"], app["certainty"], app["sentence"]) == ("insufficient", "unclear", "Messages work so far.")
    absent = stopped | {"endpoint": "https://[2001:db8::1]:443/"}  # IPv6 does not work here
    (app,) = judge_apps([record("chat", "ok", endpoints=[tested, absent])], TARGETS)
    assert (app["state"], app["certainty"]) == ("ok", "certain")


def test_service_that_cannot_be_tested_here_takes_nothing_away_from_its_need() -> None:
    targets = {"whatsapp": {"services": {role: {"needs": ["pages"]} for role in ("web", "quic")}}}
    for rule_id, state in (("service_datagrams_absent", "ok"), ("interrupted", "insufficient")):
        records = [record("web", "ok"), record("quic", "insufficient", rule_id=rule_id)]
        assert judge_apps(records, targets)[0]["state"] == state


def test_stopped_run_does_not_say_that_apps_work() -> None:
    found = {name: (app["state"], app["sentence"]) for name, app in apps_in("interrupted").items()}
    assert {state for state, _ in found.values()} == {"insufficient"}
    assert found["sip"][1] == "5 of 6 work so far."
    assert found["facebook"][1] == "Pages work so far."


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (["blocked"] * 3, "blocked"),
        (["ok", *["insufficient"] * 5], "insufficient"),
        (["blocked", "blocked", "ok"], "degraded"),
        (["blocked", "down", "insufficient"], "impaired"),
        (["blocked", "likely_blocked", "down"], "likely_blocked"),
        (["likely_blocked", "down", "down"], "impaired"),
        (["down", "down", "ok"], "ok"),
        (["down", "down", "insufficient"], "down"),
        (["impaired", "ok", "ok"], "impaired"),
        (["insufficient"] * 3, "insufficient"),
    ],
)
def test_providers_of_calls_are_weighed_together(states: list[str], expected: str) -> None:
    stun = [
        record("", state, target="stun", service=f"stun/p{number}", endpoints=[{"endpoint": "stun://a.example:3478"}])
        for number, state in enumerate(states)
    ]
    (app,) = judge_apps(stun, {})
    assert (app["needs"], app["state"]) == ({"calls": expected}, expected)


# -- certainty, validity, rounds -----------------------------------------------------------------------------------


def test_certainty_follows_the_evidence() -> None:
    assert app_of(chat="blocked")["certainty"] == "certain"
    assert app_of(chat="likely_blocked")["certainty"] == "likely"
    assert app_of(chat="degraded")["certainty"] == "likely"
    assert app_of(chat="impaired")["certainty"] == app_of(chat="insufficient")["certainty"] == "unclear"
    assert app_of(chat="ok")["certainty"] == "certain"
    (connected,) = judge_apps([record("chat", "ok", proof="tcp")], TARGETS)
    assert (connected["certainty"], connected["sentence"]) == ("likely", "Only connections tested.")
    parts = [
        {"endpoint": "tls://a.example:443", "state": "blocked"},
        {"endpoint": "tls://b.example:443", "state": "ok"},
    ]
    (partly,) = judge_apps([record("chat", "degraded", endpoints=parts)], TARGETS)
    assert partly["certainty"] == "certain"


def test_invalid_measurement_has_no_state_and_says_why() -> None:
    invalid = {"valid": False, "invalid_reason": "vpn", "rule_id": "invalid_vpn"}
    (app,) = judge_apps([record(role, None, **invalid) for role in SERVICES], TARGETS)
    assert (app["state"], app["valid"], app["invalid_reason"], app["rule_id"]) == (None, False, "vpn", "invalid_vpn")
    assert app["needs"] == {} and app["sentence"].startswith("A VPN carries the traffic")


def test_valid_measurements_of_an_app_count_beside_invalid_ones() -> None:
    invalid = record("calls", None, valid=False, invalid_reason="vpn", rule_id="invalid_vpn")
    (app,) = judge_apps([record("chat", "ok"), invalid], TARGETS)
    assert (app["state"], app["valid"], app["needs"]) == ("ok", True, {"messages": "ok"})


def test_each_round_of_a_run_has_its_own_verdict() -> None:
    apps = judge_apps([record("chat", "ok"), record("chat", "blocked"), record("chat", "ok")], TARGETS)
    assert [(app["round"], app["state"]) for app in apps] == [(1, "ok"), (2, "blocked"), (3, "ok")]


def test_runs_are_not_mixed_and_measurements_in_no_file_belong_to_their_run() -> None:
    one, other = record("chat", "ok"), record("chat", "ok", run_id="bb")
    assert [app["round"] for app in judge_apps([one, other], TARGETS)] == [1, 1]
    (app,) = judge_apps([one, record("calls", "ok", measurement_file="-")], TARGETS)
    assert app["needs"] == {"messages": "ok", "calls": "ok"}


def test_each_measurement_of_ooni_is_a_run_of_its_own() -> None:
    apps = judge_apps([record("chat", "ok", run_id="", measurement_line=line) for line in (1, 2)], TARGETS)
    assert [app["round"] for app in apps] == [1, 1]


# -- needs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", target_names(bundled_targets()))
def test_measurements_without_needs_get_those_of_the_target_file(name: str) -> None:
    target = load_target(bundled_targets() / f"{name}.toml")
    for role, service in target.services.items():
        endpoints = [{"endpoint": endpoint.url} for endpoint in service.endpoints]
        old = record(role, "ok", target=name, service=f"{name}/{role}", endpoints=endpoints)
        assert service.needs and set(needs_of(old, {})) == set(service.needs), role


def test_needs_of_the_measurement_count_and_unknown_ones_do_not() -> None:
    declared = {"services": {"chat": {"needs": ["media", "nonsense"]}, "web": {"needs": [3, None]}}}
    assert needs_of(record("chat", "ok"), declared) == ["media"]
    assert needs_of(record("web", "ok"), declared) == ["browser"]


def test_web_address_serves_pages() -> None:
    address = "http://a.example/x"
    assert needs_of(record("", "ok", target=address, service=f"{address}/web"), {}) == ["pages"]


def test_essential_needs() -> None:
    assert essential_of(frozenset({"messages", "pages", "calls"})) == {"messages", "pages"}
    assert essential_of(frozenset({"messages", "browser", "calls"})) == {"messages"}
    assert essential_of(frozenset({"calls", "media"})) == {"calls"}
    assert essential_of(frozenset({"media", "browser"})) == frozenset()
    assert essential_of(frozenset()) == frozenset()


# -- sentences -----------------------------------------------------------------------------------------------------


def test_every_mechanism_has_a_reason_and_every_need_its_sentences() -> None:
    spared = {"ip.throttle", "udp.throttle", "store.absent", "store.delisted", *RESERVED}  # no rule accuses by them
    assert [name for name in LEAVES if name not in spared and not REASONS.keys() & set(ancestors(name))] == []
    tables = (
        *("BLOCKED_NEEDS", "LIKELY_BLOCKED_NEEDS", "NEEDS_IN_PART", "FAILING_NEEDS"),
        *("UNTESTED_NEEDS", "NEEDS_SO_FAR"),
    )
    assert all(tuple(getattr(app_sentences, name)) == NEEDS for name in tables) and tuple(MEANINGS) == NEEDS


def test_reasons_fit_their_column() -> None:
    new = [*app_sentences.UNTESTED_NEEDS.values(), *app_sentences.NEEDS_SO_FAR.values()]
    assert [sentence for sentence in [*REASONS.values(), *new] if len(sentence) > 25] == []


@pytest.mark.parametrize(
    ("recording", "name", "state", "sentence"),
    [
        ("throttled-policed", "x", "degraded", "Pages are slowed down."),
        ("throttled-shared", "telegram", "degraded", "Pages are slowed down."),  # of the web client
        ("throttled-host-policed", "wechat", "degraded", "Pages are slowed down."),
        ("throttled-quic", "facebook", "degraded", "Pages are slowed down."),
        ("udp-slow", "signal", "ok", "Call packets get lost."),
        ("slow-address", "x", "ok", "Pages load slowly."),
        ("slow-address", "telegram", "ok", "It works."),
        ("transfers-slow-line", "x", "ok", "Speed: not tested."),
    ],
)
def test_slow_app_is_called_slow(recording: str, name: str, state: str, sentence: str) -> None:
    app = apps_in(recording)[name]
    assert (app["state"], app["sentence"]) == (state, sentence)


@pytest.mark.parametrize(
    ("result", "found"),
    [
        ("no_helper", ("ok", "likely", "Speed: not tested.")),
        ("out_of_time", ("ok", "likely", "Speed: not tested.")),
        (None, ("ok", "certain", "It works.")),  # no page came slowly
    ],
)
def test_speed_that_nothing_was_compared_with_is_called_untested(
    result: str | None, found: tuple[str, str, str]
) -> None:
    with gzip.open(RECORDED / "transfers-tariff-256-kbit.jsonl.gz", "rt", encoding="utf-8") as lines:
        measurement = next(one for one in map(json.loads, lines) if one["test_keys"]["x_target"]["name"] == "x")
    keys = measurement["test_keys"]
    keys["x_run"]["transfers"], keys["x_followups"] = result, {}
    records = [one for _, judged in judge_each([("a", 1, measurement)]) for one in judged]
    (app,) = judge_apps(records, targets_of([measurement]))
    assert (app["state"], app["certainty"], app["sentence"]) == found


def test_what_is_blocked_is_named_before_what_is_slow() -> None:
    slow = record("chat", "degraded", mechanisms=["tls.throttle.sni"])
    cases = {
        "Pages are slowed down.": [slow, record("web", "ok")],
        "Messages work in part.": [
            slow,
            record("more", "blocked", mechanisms=["tls.reset.sni"]),
            record("media", "ok"),
        ],
        "Calls are blocked.": [
            record("chat", "ok"),
            {**slow, "service": "whatsapp/web"},
            record("calls", "blocked", mechanisms=["stun.timeout"]),
        ],
    }
    names = {"whatsapp": {"services": {**TARGETS["whatsapp"]["services"], "more": {"needs": ["messages"]}}}}
    found = {sentence: judge_apps(records, names)[0]["sentence"] for sentence, records in cases.items()}
    assert found == {sentence: sentence for sentence in cases}


# -- whole measurements ----------------------------------------------------------------------------------------------


def test_apps_of_the_great_firewall() -> None:
    apps = apps_in("great-firewall")
    found = {name: (app["state"], app["needs"].get("calls"), app["certainty"]) for name, app in apps.items()}
    assert found == {
        "facebook": ("blocked", "blocked", "certain"),
        "gmail": ("blocked", None, "certain"),
        "resolvers": ("ok", None, "certain"),
        "signal": ("blocked", "degraded", "certain"),
        "sip": ("degraded", "degraded", "certain"),
        "snapchat": ("blocked", None, "certain"),
        "stun": ("blocked", "blocked", "certain"),
        "teams": ("degraded", "degraded", "certain"),
        "telegram": ("likely_blocked", "ok", "likely"),
        "wechat": ("ok", None, "certain"),
        "whatsapp": ("blocked", "degraded", "certain"),
        "x": ("blocked", None, "certain"),
    }
    assert len(apps["stun"]["services"]) == 11 and apps["sip"]["sentence"] == "5 of 6 are blocked."


@pytest.mark.parametrize(("blocked", "verb"), [(1, "is"), (2, "are"), (6, "are")])
def test_verb_agrees_with_the_servers_that_are_blocked(blocked: int, verb: str) -> None:
    states = ["blocked"] * blocked + ["ok"] * (6 - blocked)
    counted = app_sentences._counted([record("chat", state) for state in states])
    assert counted == f"{blocked} of 6 {verb} blocked."


@pytest.mark.parametrize(("down", "verb"), [(1, "fails"), (2, "fail")])
def test_verb_agrees_with_the_servers_that_fail_elsewhere(down: int, verb: str) -> None:
    records = [record("chat", state) for state in ["down"] * down + ["ok"] * (6 - down)]
    assert app_sentences._about_working({"messages": "ok"}, records, records) == f"{down} of 6 {verb} elsewhere too."


def test_clean_network_accuses_no_app() -> None:
    assert {(app["state"], app["sentence"]) for app in apps_in("clean").values()} == {("ok", "It works.")}


@pytest.mark.parametrize("name", ["great-firewall", "stun-drop", "service-down", "no-helper", "captive-portal"])
def test_duckdb_gives_the_same_apps(name: str) -> None:
    with DuckDBEngine() as engine:
        assert apps_in(name, engine) == apps_in(name)


def test_no_app_is_accused_without_an_accused_service() -> None:
    for path in sorted(RECORDED.glob("*.jsonl.gz"))[::6]:
        for app in apps_in(path.name.removesuffix(".jsonl.gz")).values():
            states = {service["state"] for service in app["services"]}
            if app["state"] in {"blocked", "likely_blocked", "degraded"}:
                assert states & {"blocked", "likely_blocked", "degraded"}, (path.name, app["app"])
            if app["state"] == "blocked":
                assert "blocked" in states
