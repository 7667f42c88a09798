"""Test OONI's measurements: every form is read, and no verdict goes beyond the recorded data."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.ooni_import import is_ooni, read_ooni
from probe.analysis.ooni_import.nettests import NETTESTS
from probe.analysis.ooni_import.ooni_entries import MOST, web_url
from probe.analysis.ooni_import.ooni_failures import failure_in
from probe.analysis.verdicts.verdicts import judge_measurement, reason_unusable

FOLDER = Path(__file__).parents[2] / "fixtures" / "ooni"
SAMPLES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}
ENGINE = SQLiteEngine()

SIGNAL = ("chat", "directory", "group_calls", "storage")
FACEBOOK = ("api", "calls", "cdn", "chat", "star")

# states by sample and role, with the mechanism of accusing states
EXPECTED: dict[str, dict[str, str]] = {
    "dnscheck-clear": {"udp://dns.google:53": "insufficient"},
    "dnscheck-ok": {"https://dns.google/dns-query": "ok"},
    "dnscheck-reset": {"https://dns.google/dns-query": "impaired"},
    "facebook-ok": dict.fromkeys(FACEBOOK, "insufficient"),
    "facebook-blocked": dict.fromkeys(FACEBOOK, "insufficient") | {"cdn": "impaired", "chat": "impaired"},
    "http-invalid-request-line": {"all": "insufficient"},
    "legacy-empty-keys": dict.fromkeys(("chat", "registration", "web"), "insufficient"),
    "legacy-failures": {"dc_pool": "impaired", "web": "impaired"},
    "legacy-measurement-kit": {"web": "impaired"},
    "legacy-missing-keys": {"dc_pool": "ok", "web": "insufficient"},
    "legacy-no-network": {"dc_pool": "insufficient", "web": "insufficient"},
    "legacy-null-lists": {"dc_pool": "insufficient", "web": "insufficient"},
    "legacy-scrubbed": {"web": "insufficient"},
    "legacy-tunnel": {"dc_pool": "insufficient", "web": "insufficient"},
    "legacy-unverified": dict.fromkeys(SIGNAL, "insufficient"),
    "openvpn": {"all": "insufficient"},
    "signal-ok": dict.fromkeys(SIGNAL, "ok"),
    "signal-old-root": dict.fromkeys(SIGNAL, "ok") | {"chat": "impaired"},
    "stun-literal": {"185.125.180.70:3478": "ok"},
    "stun-no-name": {"stun.voipgate.com:3478": "impaired"},
    "stun-ok": {"stun.voipgate.com:3478": "insufficient"},
    "stun-silent": {"stun.voipgate.com:3478": "impaired"},
    "telegram-blocked": {"dc_pool": "impaired", "web": "impaired"},
    "telegram-ok": {"dc_pool": "ok", "web": "ok"},
    "telegram-web-blocked": {"dc_pool": "insufficient", "web": "impaired"},
    "tor": {"all": "insufficient"},
    "urlgetter": {"all": "insufficient"},
    "vanilla-tor": {"all": "insufficient"},
    "web-0.4-ok": {"web": "ok"},
    "web-0.4-tcp": {"web": "impaired"},
    "web-bogon-doh": {"web": "blocked dns.injection.bogon"},
    "web-certificate": {"web": "likely_blocked tls.mitm"},
    "web-clear-blockpage": {"web": "blocked http.blockpage"},
    "web-clear-blockpage-binary": {"web": "blocked http.blockpage"},
    "web-clear-differs": {"web": "insufficient"},
    "web-clear-ok": {"web": "ok"},
    "web-dns-race": {"web": "blocked dns.injection.other"},
    "web-down": {"web": "down"},
    "web-idna": {"web": "ok"},
    "web-no-control": {"web": "impaired"},
    "web-nxdomain": {"web": "likely_blocked dns.nxdomain"},
    "web-ok": {"web": "ok"},
    "web-redirected": {"web": "ok"},
    "web-tls-reset": {"web": "likely_blocked tls.reset"},
    "web-tls-reset-once": {"web": "impaired"},
    "whatsapp-blocked": {"chat": "impaired", "registration": "ok", "web": "impaired"},
    "whatsapp-ok": {"chat": "insufficient", "registration": "ok", "web": "ok"},
}


def judged(line: dict[str, Any]) -> list[dict[str, Any]]:
    return judge_measurement(line, file="x.jsonl", number=1, engine=ENGINE)


def states(line: dict[str, Any]) -> dict[str, str]:
    target = judged(line)[0]["target"]
    return {
        record["service"].removeprefix(f"{target}/"): " ".join([record["state"], *record["mechanisms"]])
        for record in judged(line)
    }


def altered(sample: str, **keys: Any) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(json.dumps(SAMPLES[sample]))
    line["test_keys"] |= keys
    return line


def test_every_sample_has_expected_states() -> None:
    assert sorted(EXPECTED) == sorted(SAMPLES)


@pytest.mark.parametrize("name", EXPECTED)
def test_sample_has_expected_states(name: str) -> None:
    assert reason_unusable(SAMPLES[name]) is None
    assert states(SAMPLES[name]) == EXPECTED[name]


@pytest.mark.parametrize("name", EXPECTED)
def test_records_have_ooni_run_and_place(name: str) -> None:
    for record in judged(SAMPLES[name]):
        assert (record["run_id"], record["probe_cc"]) == (SAMPLES[name]["report_id"], "IT")
        assert [endpoint["transactions"] for endpoint in record["endpoints"]] == [[]] * len(record["endpoints"])


@pytest.mark.parametrize("name", EXPECTED)
def test_sample_without_lists_is_neither_ok_nor_accused(name: str) -> None:
    emptied = dict.fromkeys(("queries", "tcp_connect", "tls_handshakes", "requests", "lookups", "failure", "control"))
    line = altered(name, **emptied)
    line["input"] = None if name.startswith("stun") else line["input"]  # their only result is `failure: null`
    assert {record["state"] for record in judged(line)} <= {"insufficient", "impaired"}


def test_name_that_ooni_only_looks_up_has_no_failure() -> None:
    (calls,) = [record for record in judged(SAMPLES["facebook-ok"]) if record["service"] == "facebook/calls"]
    assert (calls["attempts"], calls["failures"]) == (1, 0)


def test_captive_portal_is_no_data_centre() -> None:
    """Read a captive portal, which answers all unencrypted requests and has no valid certificate."""
    portal = altered("telegram-ok")
    for entry in portal["test_keys"]["tls_handshakes"]:
        entry["failure"] = "ssl_invalid_hostname"
    portal["test_keys"]["requests"][0]["failure"] = "ssl_invalid_hostname"
    assert states(portal) == {"dc_pool": "insufficient", "web": "impaired"}


def test_fake_addresses_of_vpn_accuse_nothing() -> None:
    line = altered("web-bogon-doh")
    line["test_keys"]["queries"][0]["answers"][0]["ipv4"] = "198.18.0.7"
    assert states(line) == {"web": "insufficient"}


def test_handshake_without_address_proves_one_address() -> None:
    rows = [row for row in read_ooni(SAMPLES["web-0.4-ok"]).rows if row.origin == "probe" and row.tcp_attempts]
    assert [row.tls_verified_name for row in rows] == ["www.example.com", ""]


def test_one_failed_host_of_pool_accuses_nothing() -> None:
    line = altered("whatsapp-ok")
    line["test_keys"]["tcp_connect"][-1]["status"] = {"success": False, "failure": "generic_timeout_error"}
    assert states(line)["chat"] == "insufficient"


def test_cname_without_address_accuses_nothing() -> None:
    line = altered("web-ok")
    line["test_keys"]["queries"][0]["answers"] = [{"answer_type": "CNAME", "hostname": "a.example"}]
    assert states(line) == {"web": "ok"}


def test_helper_answer_counts_where_complete() -> None:
    line = altered("web-tls-reset", control_failure="unknown_error")
    assert states(line) == {"web": "impaired"}
    line = altered("web-tls-reset")
    line["test_keys"]["control"]["http_request"] |= {"failure": "unknown_error", "status_code": -1}
    assert states(line) == {"web": "impaired"}, "the page failed there too, and the address is unknown"


def test_own_measurement_is_not_read_as_ooni() -> None:
    assert not is_ooni({"test_name": "telegram", "test_keys": {}, "software_name": "censorprobe"})
    assert not is_ooni({"test_name": "telegram", "test_keys": {"x_target": {"name": "telegram"}}})
    assert not is_ooni({"test_keys": {}}) and not is_ooni({"test_name": "telegram", "test_keys": None})
    assert reason_unusable({"test_name": "telegram", "test_keys": None, "software_name": "ooniprobe"}) is not None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (None, None),
        (False, None),
        (True, "interrupted"),
        ({}, "interrupted"),
        ("\x00 nonsense", "interrupted"),
        ("connection_refused_error", "connection_refused"),
        ("dns_name_error", "dns_nxdomain_error"),
        ("socks_host_unreachable", "interrupted"),
        ("unknown_failure: read tcp: connection reset by peer", "connection_reset"),
        ("unknown_failure: x509: certificate has expired or is not yet valid", "ssl_invalid_certificate"),
        ("network_unreachable", "network_down"),
        ("something_new", "something_new"),
    ],
)
def test_old_failures_are_mapped(written: Any, read: str | None) -> None:
    assert failure_in(written) == read


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("https://example.com", "https://example.com:443/"),
        ("http://example.com:8080/a?b=1#c", "http://example.com:8080/a?b=1"),
        ("http://[2001:db8::1]/", "http://[2001:db8::1]:80/"),
        ("https://bücher.example/", "https://xn--bcher-kva.example:443/"),
        ("ftp://example.com/", ""),
        ("https://", ""),
        ("https://example.com:99999/", ""),
        ("http://[", ""),
    ],
)
def test_web_addresses_get_endpoint_form(url: str, ours: str) -> None:
    assert web_url(url) == ours


def test_very_long_lists_are_read_in_part() -> None:
    line = altered("telegram-ok")
    line["test_keys"]["tcp_connect"] *= 1000
    assert len(read_ooni(line).rows) <= MOST + 10


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("[scrubbed]"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def _spoil(node: Any, data: st.DataObject) -> Any:
    """Return the tree with some values replaced by invalid ones or removed."""
    if isinstance(node, dict):
        kept = {key: _spoil(value, data) for key, value in node.items() if not _now(data)}
        return data.draw(JUNK) if _now(data) else kept
    if isinstance(node, list):
        return [_spoil(value, data) for value in node[:4]] if not _now(data) else data.draw(JUNK)
    return data.draw(JUNK) if _now(data) else node


def _now(data: st.DataObject) -> bool:
    return data.draw(st.integers(0, 40)) == 0


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(sorted(SAMPLES)))
def test_invalid_ooni_values_raise_nothing(data: st.DataObject, name: str) -> None:
    spoiled = _spoil(SAMPLES[name]["test_keys"], data)
    line = SAMPLES[name] | {"test_keys": spoiled if isinstance(spoiled, dict) else {}}
    blamed = any(state.startswith("blocked") for state in EXPECTED[name].values())
    for record in judged(line):
        json.dumps(record, allow_nan=False).encode()
        assert (
            blamed or record["state"] != "blocked"
        )  # without one name a list can still show interference, at most likely_blocked


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([*NETTESTS, "tor", "?"]),
    st.fixed_dictionaries(
        {
            key: JUNK | st.lists(JUNK, max_size=3)
            for key in ("queries", "tcp_connect", "tls_handshakes", "requests", "lookups", "control", "failure")
        }
    ),
    JUNK,
)
def test_invalid_ooni_values_give_no_accusation(test: str, keys: dict[str, Any], given_input: Any) -> None:
    line = {"test_name": test, "test_keys": keys, "input": given_input}
    assert {record["state"] for record in judged(line)} <= {"insufficient", "impaired"}
