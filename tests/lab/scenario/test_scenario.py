"""Test that scenario files are checked strictly and compared with verdicts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from probe.lab.censors.tls_censors import TLSReset
from probe.lab.run import expected_services
from probe.lab.scenario.bundled_scenarios import scenario_names
from probe.lab.scenario.expectations import Expectation, State, differences, expectation_for
from probe.lab.scenario.faults import KINDS, ServerDown
from probe.lab.scenario.scenario import (
    ScenarioError,
    find_scenario,
    load_scenario,
)
from probe.lab.world.assemble import build_path
from probe.lab.world.emulated_world import build_world
from probe.targets.target_files import bundled_targets
from tests.support.lab_runs.side_by_side import without_interference

REQUIRED = {
    *("clean", "great-firewall", "dns-nxdomain", "dns-injection", "ip-blackhole", "sni-reset", "sni-reset-residual"),
    *("sni-drop", "tls-mitm", "syn-proxy", "service-down", "server-refuses-unknown-names", "no-ipv6", "no-network"),
    *("lossy", "helper-lies", "helper-down"),
}

CONTRACT_EXAMPLE = """
title = "The name in the hello is reset, three times, on the fourth hop"
[[censor]]
class = "TLSReset"
hop = 4
on_path = true
names = ["web.telegram.org", "*.whatsapp.net"]
ttl = 61
residual = { seconds = 60, on = "src,dst,dport" }
[expect."telegram/web"]
state = "blocked"
mechanisms = ["tls.reset.sni"]
hop = 4
[expect.default]
state = "ok"
"""
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def writer(text: str) -> Path:
        path = tmp_path / "mine.toml"
        path.write_text(text)
        return path

    return writer


def test_example_of_the_contract_loads(write: Write) -> None:
    scenario = load_scenario(write(CONTRACT_EXAMPLE))
    (censor,) = scenario.censors
    assert isinstance(censor, TLSReset)
    assert (censor.hop, censor.on_path, censor.ttl) == (4, True, 61)
    assert censor.residual is not None
    assert censor.residual.seconds == 60
    assert scenario.expect["telegram/web"].hop == 4


def test_every_scenario_loads() -> None:
    assert set(scenario_names()) >= REQUIRED
    for name in scenario_names():
        assert load_scenario(find_scenario(name)).expect, name


HEAD, TAIL = "title = 'x'\n", "\n[expect.default]\n"
RESET = "[[censor]]\nclass = 'TLSReset'\n"
BAD_FILES = [
    ("title = 3" + TAIL, "title has the wrong value 3 (Input should be a valid string)."),
    (TAIL, "title is missing. Expected: one or two sentences"),
    (HEAD, "expect is missing"),
    (HEAD + "titel = 'y'" + TAIL, "titel is an unknown key. Expected one of censor, depth"),
    (HEAD + "[path]\nrttms = 3" + TAIL, "path.rttms is an unknown key"),
    (HEAD + "[path]\nloss = 1.5" + TAIL, "path.loss has the wrong value 1.5 (Input should be less than 1)."),
    (HEAD + "[[censor]]\nnames = ['a']" + TAIL, "censor[1].class is missing. Expected one of ConnectionTable"),
    (HEAD + "[[censor]]\nclass = 'TLSRest'" + TAIL, "Did you mean 'TLSReset'?"),
    (HEAD + RESET + "nmaes = ['a']\nnames = ['a']" + TAIL, "Did you mean 'names'?"),
    (HEAD + RESET + TAIL, "censor[1].names is missing. Expected: server names"),
    (
        HEAD + RESET + "names = ['a']\nresidual = {seconds = 3, on = 'scr'}" + TAIL,
        "censor[1].residual.on has the wrong value 'scr' (Value error, 'scr' is none of src, sport, dst, dport).",
    ),
    (HEAD + "[[fault]]\nkind = 'server_dwon'" + TAIL, "fault[1].kind has the unknown value 'server_dwon'"),
    (
        HEAD + "[helper]\nlie = true" + TAIL,
        "helper.lie is an unknown key. Expected one of asked_before, calls_taken, censored, form, lies, media, "
        "media_taken, reset_names, restarts_after, sip, transfer, up, webrtc",
    ),
    (
        HEAD + "[helper]\nmedia_taken = 3" + TAIL,
        "helper has the wrong value {'media_taken': 3} (Value error, media_taken needs media = true).",
    ),
    (
        HEAD + "[helper]\ncalls_taken = 3" + TAIL,
        "helper has the wrong value {'calls_taken': 3} (Value error, calls_taken needs sip = true).",
    ),
    (
        HEAD + "[[fault]]\nkind = 'udp_loss'\nafter = 3.0\nuntil = 2.0" + TAIL,
        "(Value error, until must be later than after).",
    ),
    (
        HEAD + "[run]\ninterrupt = 3" + TAIL,
        "run.interrupt is an unknown key. Expected one of interrupt_after, measure_anyway, open_files, post_quantum, "
        "repeat",
    ),
    (
        HEAD + "[run]\nopen_files = 3" + TAIL,
        "run.open_files has the wrong value 3 (Input should be greater than or equal to 16).",
    ),
    (
        HEAD + "[expect.telegram]\nstate = 'ok'",
        'expect."telegram" is no service. Expected a name such as "telegram/web"',
    ),
    (HEAD + TAIL + "state = 'blockt'", 'expect."default".state'),
    (HEAD + TAIL + "valid = false\ninvalid_reason = 'hotel'", 'expect."default".invalid_reason'),
    ("title = ", "the file is not valid TOML"),
]


@pytest.mark.parametrize(("text", "wanted"), BAD_FILES)
def test_bad_file_gives_file_key_and_expected_value(write: Write, text: str, wanted: str) -> None:
    path = write(text)
    with pytest.raises(ScenarioError) as refused:
        load_scenario(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert wanted in str(refused.value)
    assert "\n" not in str(refused.value)


def test_unknown_name_gives_a_similar_one() -> None:
    with pytest.raises(ScenarioError, match="Did you mean 'great-firewall'"):
        find_scenario("graet-firewall")
    with pytest.raises(ScenarioError, match="cannot be read"):
        load_scenario(find_scenario("/nowhere/mine.toml"))


def test_run_without_interference_expects_ok(write: Write) -> None:
    text = CONTRACT_EXAMPLE + "[[fault]]\nkind = 'server_down'\n[path]\nloss = 0.5\n[helper]\nup = false\n"
    text += "[run]\ninterrupt_after = 2.5\nopen_files = 40\n"
    scenario = load_scenario(write(text))
    assert isinstance(scenario.faults[0], ServerDown)
    assert (scenario.run.interrupt_after, scenario.run.open_files) == (2.5, 40)
    bare = without_interference(scenario)
    assert not bare.censors
    assert not bare.faults
    assert bare.path.loss == 0
    assert (bare.run.interrupt_after, bare.run.open_files) == (None, None)
    assert not bare.helper.up
    assert bare.expect == {"default": Expectation(state="ok", mechanisms=[])}


def test_mtu_reaches_the_path_for_every_seed(write: Write) -> None:
    scenario = load_scenario(write(CONTRACT_EXAMPLE + "[path]\nmtu = 1400\nmtu_family = 6\nmtu_direction = 'in'\n"))
    for seed in (0, 7):
        path = build_path(scenario, seed)
        assert (path.mtu, path.mtu_family, path.mtu_direction) == (1400, 6, "in")
    usual = build_path(load_scenario(write(CONTRACT_EXAMPLE)), 0)
    assert (usual.mtu, usual.mtu_family, usual.mtu_direction) == (None, None, "both")


def test_seed_zero_is_the_usual_path_and_others_vary(write: Write) -> None:
    scenario = load_scenario(write(CONTRACT_EXAMPLE))
    usual = build_path(scenario, 0)
    assert (usual.before, usual.after, usual.rtt_ms) == (3, 2, 20)
    drawn = [build_path(scenario, seed) for seed in range(1, 30)]
    assert len({(path.before, path.after, path.rtt_ms) for path in drawn}) > 10
    assert build_path(scenario, 5) == build_path(scenario, 5)
    assert all(path.hops >= 4 for path in drawn)
    fixed = load_scenario(write(CONTRACT_EXAMPLE.replace("[[censor]]", "seed_varies = false\n[[censor]]", 1)))
    assert build_path(fixed, 5) == usual


# -- expectations ----------------------------------------------------------------------------------------------------


def verdict(**changed: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {"service": "a/web", "state": "ok", "mechanisms": [], "anomalies": [], "hop": None}
    return {**usual, "valid": True, "invalid_reason": None, **changed}


def keys(expect: dict[str, Expectation], *records: dict[str, Any]) -> list[tuple[str, str]]:
    return [(row.service, row.key) for row in differences(expect, ["a/web"], records, censor_hop=6)]


@pytest.mark.parametrize(
    ("wanted", "record", "wrong"),
    [
        ({"state": "ok"}, verdict(), []),
        ({"state": "ok"}, verdict(state="blocked"), ["state"]),
        ({"state": ["ok", "impaired"]}, verdict(state="impaired"), []),
        ({"state": ["ok", "impaired"]}, verdict(state="down"), ["state"]),
        ({"state": "ok"}, verdict(state=None, valid=False, invalid_reason="clock"), ["state", "valid"]),
        ({"cause_place": "unknown"}, verdict(cause_place="unknown"), []),
        ({"cause_place": "this_computer"}, verdict(cause_place="home_network"), ["cause_place"]),
        ({"cause_place": ["home_network", "unknown"]}, verdict(cause_place="unknown"), []),
        ({"cause_place": ["home_network", "unknown"]}, verdict(cause_place="beyond"), ["cause_place"]),
        ({"cause_place": "unknown"}, verdict(), ["cause_place"]),
        ({"mechanisms": ["b", "a"]}, verdict(mechanisms=["a", "b"]), []),
        ({"mechanisms": ["a"]}, verdict(mechanisms=["a", "b"]), ["mechanisms"]),
        ({"mechanisms": []}, verdict(mechanisms=["a"]), ["mechanisms"]),
        ({"anomalies": []}, verdict(anomalies=["a"]), ["anomalies"]),
        ({"hop": 4}, verdict(hop={"ttl": 4}), []),
        ({"hop": 4}, verdict(), ["hop"]),
        ({"hop": "censor"}, verdict(hop={"ttl": 6}), []),
        ({"hop": "censor"}, verdict(hop={"ttl": 5}), ["hop"]),
        ({"hop": "censor"}, verdict(), ["hop"]),
        ({"hop": "none"}, verdict(), []),
        ({"hop": "none"}, verdict(hop={"ttl": 6}), ["hop"]),
        ({"valid": False, "invalid_reason": "clock"}, verdict(state=None, valid=False, invalid_reason="clock"), []),
        ({"valid": False, "invalid_reason": "clock"}, verdict(), ["state", "valid", "invalid_reason"]),
        ({}, verdict(state="blocked", mechanisms=["a"]), []),
    ],
)
def test_given_keys_are_compared(wanted: dict[str, Any], record: dict[str, Any], wrong: list[str]) -> None:
    expect = {"default": Expectation.model_validate(wanted)}
    assert keys(expect, record) == [("a/web", key) for key in wrong]


def test_service_without_verdict_differs() -> None:
    assert keys({"default": Expectation(state="ok")}) == [("a/web", "verdict")]
    assert keys({"b/web": Expectation(state="ok")}) == []


def test_own_expectation_precedes_the_default_for_every_record() -> None:
    expect = {"default": Expectation(state="ok"), "a/web": Expectation(state="down")}
    assert keys(expect, verdict(state="down")) == []
    assert keys(expect, verdict(state="down"), verdict()) == [("a/web", "state")]


PAGES = """
title = "Pages"
[[page]]
url = "http://www.moved.example/"
status = 301
location = "https://www.moved.example/"
[[page]]
url = "https://www.moved.example/"
measured = false
[expect."http://www.moved.example//web"]
state = "ok"
"""


def test_pages_get_servers_and_are_measured(write: Write) -> None:
    scenario = load_scenario(write(PAGES))
    assert expected_services(scenario, bundled_targets()) == ["http://www.moved.example//web"]
    assert scenario.pages == without_interference(scenario).pages
    world = build_world(bundled_targets(), scenario, seed=1)
    (host,) = (host for host in world.hosts if "www.moved.example" in host.names)
    assert host.ports == {80: {"http"}, 443: {"https"}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('url = "ftp://x.example/"', r"page\[1\].url is not usable \('ftp://x.example/'"),
        ('url = "https://x.example/"\nstatus = 999', r"page\[1\].status"),
        ('url = "https://x.example/"\ncookie = "a"', r"page\[1\].cookie is an unknown key"),
        ("status = 200", r"page\[1\].url is missing"),
    ],
)
def test_wrong_page_keys_are_errors(write: Write, text: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        load_scenario(write(f'title = "x"\n[[page]]\n{text}\n[expect.default]\nstate = "ok"\n'))


def test_every_kind_of_fault_has_a_scenario() -> None:
    used = {type(fault) for name in scenario_names() for fault in load_scenario(find_scenario(name)).faults}
    assert used == set(KINDS.values())


def test_wildcard_expectation_precedes_the_default() -> None:
    expect = {key: Expectation(state=state) for key, state in WILDCARD.items()}
    states = [getattr(expectation_for(service, expect), "state", None) for service in ("a/web", "a/api", "b/web")]
    assert states == ["down", "impaired", "ok"]


WILDCARD: dict[str, State] = {"a/web": "down", "a/*": "impaired", "default": "ok"}
