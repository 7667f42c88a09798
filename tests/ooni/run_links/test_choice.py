"""Test which targets a descriptor gets, and what is left out with a sentence."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.nettests import NETTESTS
from probe.ooni.run_links.choice import BY_INPUT, WHOLE, ListChoice, choose
from probe.ooni.run_links.descriptor import Descriptor
from probe.targets.target import Target
from probe.targets.target_files import bundled_targets, pick_targets, target_names

FOLDER = bundled_targets()
KNOWN = pick_targets(FOLDER, target_names(FOLDER))


def input_of(target: Target) -> str | None:
    return NETTESTS[target.nettest].input_of(target)


def chosen(*tests: dict[str, Any], **more: Any) -> ListChoice:
    return choose(Descriptor.model_validate({"nettests": list(tests), **more}), KNOWN, input_of)


def names(choice: ListChoice) -> list[str]:
    return [target.name for target in choice.targets]


@pytest.mark.parametrize(
    ("test", "target"),
    [("telegram", "telegram"), ("whatsapp", "whatsapp"), ("signal", "signal"), ("facebook_messenger", "facebook")],
)
def test_messenger_is_our_whole_target(test: str, target: str) -> None:
    choice = chosen({"test_name": test, "inputs": None, "options": {}})
    assert names(choice) == [target] and choice.targets[0].whole and not choice.left_out
    assert choice.apps == choice.targets and not choice.addresses


@pytest.mark.parametrize("test", sorted(WHOLE | BY_INPUT))
def test_every_known_test_has_a_target(test: str) -> None:
    assert names(chosen({"test_name": test})) and not chosen({"test_name": test}).left_out


@pytest.mark.parametrize(("test", "alias"), [("stunreachability", "stun_reachability"), ("dnscheck", "dns_check")])
def test_other_spellings_of_ooni_are_known(test: str, alias: str) -> None:
    assert chosen({"test_name": alias}).targets == chosen({"test_name": test}).targets


@pytest.mark.parametrize(
    ("test", "given", "roles"),
    [
        ("dnscheck", "https://dns.google/dns-query", ["google"]),
        ("stunreachability", "stun://stun.hot-chilli.net:3478", ["hot_chilli"]),
        ("echcheck", "https://cloudflare-ech.com/cdn-cgi/trace", ["cloudflare"]),
        ("echcheck", "", ["cloudflare"]),
    ],
)
def test_input_of_a_server_test_is_one_service(test: str, given: str, roles: list[str]) -> None:
    choice = chosen({"test_name": test, "inputs": [given]})
    assert [list(target.services) for target in choice.targets] == [roles] and not choice.left_out
    assert choice.targets[0].whole is (test == "echcheck")


@pytest.mark.parametrize("test", sorted(BY_INPUT))
def test_server_that_no_target_file_has_is_left_out(test: str) -> None:
    choice = chosen({"test_name": test, "inputs": ["stun://192.0.2.1:22", "https://router.example/dns-query"]})
    assert not choice.targets
    assert choice.left_out == [f"2 servers of {test} are left out, because they are not in our target files."]


def test_web_addresses_become_targets_of_a_stranger() -> None:
    extra = [{"category_code": "NEWS"}, {"category_code": 5}]
    choice = chosen(
        {"test_name": "web_connectivity", "inputs": ["https://a.example/", "http://b.example/"], "inputs_extra": extra},
        oonirun_link_id="10054",
    )
    assert names(choice) == ["https://a.example/", "http://b.example/"] and not choice.left_out
    assert [target.category for target in choice.targets] == ["NEWS", ""]
    assert all(target.by_stranger and target.run_link == "10054" for target in choice.targets)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://192.168.1.1/", "private"),
        ("http://[::ffff:10.0.0.1]/", "private"),
        ("http://169.254.169.254/latest/meta-data", "private"),
        ("http://0x7f.1/", "unusual spelling"),
        ("http://localhost/", "no host name"),
        ("http://a.example:22/", "unusual for web pages"),
        ("ftp://a.example/", "no web address"),
        ("file:///etc/passwd", "no web address"),
        ("javascript:alert(1)", "no web address"),
        ("https://user:pass@a.example/", "user name"),
    ],
)
def test_hostile_address_is_left_out_with_the_reason(url: str, why: str) -> None:
    choice = chosen({"test_name": "web_connectivity", "inputs": [url, "https://a.example/"]})
    assert names(choice) == ["https://a.example/"]
    assert len(choice.left_out) == 1 and why in choice.left_out[0]


def test_many_bad_addresses_are_counted() -> None:
    choice = chosen({"test_name": "web_connectivity", "inputs": ["nonsense"] * 100})
    assert len(choice.left_out) == 11 and choice.left_out[-1] == "90 more rows are left out."


def test_list_that_the_server_makes_is_left_out() -> None:
    choice = chosen({"test_name": "web_connectivity", "targets_name": "websites_list_prioritized"})
    assert not choice.targets and "OONI's server chooses for your country" in choice.left_out[0]


def test_tests_that_we_lack_are_named_in_one_sentence() -> None:
    choice = chosen({"test_name": "ndt"}, {"test_name": "openvpn"}, {"test_name": "ndt"}, {"test_name": "telegram"})
    assert names(choice) == ["telegram"]
    assert choice.left_out == ["This program does not have these tests of OONI, which are left out: ndt, openvpn."]


def test_options_are_named_and_not_used() -> None:
    choice = chosen({"test_name": "dnscheck", "options": {"HTTP3Enabled": True}})
    assert names(choice) == ["resolvers"] and choice.left_out == ["Options of these tests are not used: dnscheck."]


def test_test_for_timed_runs_only_is_left_out() -> None:
    choice = chosen({"test_name": "telegram", "is_manual_run_enabled": False})
    assert not choice.targets and "timed runs only" in choice.left_out[0]


def test_same_test_twice_is_measured_once() -> None:
    both = ["https://a.example/", "https://b.example/"]
    choice = chosen(
        {"test_name": "telegram"},
        {"test_name": "telegram"},
        {"test_name": "web_connectivity", "inputs": both[:1]},
        {"test_name": "web_connectivity", "inputs": both},
    )
    assert names(choice) == ["telegram", *both]


TEXTS = st.text() | st.sampled_from(["https://a.example/", "http://10.0.0.1/", "http://a.example:25/", "http://[::1]/"])
TESTS = st.fixed_dictionaries(
    {"test_name": st.sampled_from(["web_connectivity", "telegram", "dnscheck", "stun_reachability"]) | st.text()},
    optional={"inputs": st.lists(TEXTS, max_size=4), "options": st.dictionaries(st.text(), st.text(), max_size=2)},
)


@given(st.lists(TESTS, min_size=1, max_size=4))
def test_no_descriptor_adds_a_server_beside_web_pages(tests: list[dict[str, Any]]) -> None:
    ours = {(endpoint.host, endpoint.port) for target in KNOWN for _, endpoint in target.endpoints()}
    choice = chosen(*tests)
    for target in choice.apps:
        assert {(endpoint.host, endpoint.port) for _, endpoint in target.endpoints()} <= ours
    for target in choice.addresses:
        (_, endpoint), *more = target.endpoints()
        assert not more and endpoint.scheme in {"http", "https"} and endpoint.port in {80, 443, 8000, 8080, 8443}
    assert choice.targets or choice.left_out
