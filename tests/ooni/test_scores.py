"""Test our transcription of OONI's scoring (ooni/backend 32d8349d) on hand-made measurements."""

from typing import Any

import pytest

from tests.support.ooni.expected_scores import disagreement
from tests.support.ooni.facts import FACEBOOK_HOSTS, OONI_ENDPOINTS
from tests.support.ooni.scores import Score, score

Line = dict[str, Any]
RESET = "connection_reset"


def line(test_name: str, version: str = "1.0.0", **keys: Any) -> Line:
    return {
        "test_name": test_name,
        "test_version": version,
        "measurement_start_time": "2026-11-24 13:05:00",
        "annotations": {"engine_version": "3.17.2"},
        "input": None,
        "test_keys": {"failure": None, "failed_operation": None, "x_transactions": [], **keys},
    }


def connects(*worked: bool) -> list[Line]:
    return [{"status": {"success": fine, "failure": None if fine else RESET}} for fine in worked]


def asked(url: str, failure: str | None = None) -> Line:
    return {"request": {"url": url}, "failure": failure, "response": {}}


WEB, REGISTER = "https://web.whatsapp.com/", "https://v.whatsapp.net/v2/register"
CENTRE, CLIENT = "http://149.154.167.51/", "https://web.telegram.org/"


@pytest.mark.parametrize(
    ("requests", "tcp", "expected"),
    [
        ([asked(WEB), asked(REGISTER)], connects(True, False), Score(0.0)),
        ([asked(WEB), asked(REGISTER)], connects(False, False), Score(1.0)),
        ([asked(WEB, RESET), asked(REGISTER)], connects(True), Score(1.0)),
        ([asked(WEB), asked(REGISTER, RESET)], connects(True), Score(1.0)),
        ([asked(WEB)], connects(True), Score(0.0, 0.0)),
        ([], connects(True), Score(0.0, 0.0)),
        ([asked(WEB), asked(REGISTER)], [], Score(0.0, 0.0)),
    ],
)
def test_whatsapp_has_score_of_ooni(requests: list[Line], tcp: list[Line], expected: Score) -> None:
    assert score(line("whatsapp", requests=requests, tcp_connect=tcp)) == expected


def test_whatsapp_with_unknown_failure_is_failed_measurement() -> None:
    keys = {"requests": [asked(WEB, RESET), asked(REGISTER)], "whatsapp_web_failure": "unknown_failure: x"}
    assert score(line("whatsapp", **keys)) == Score(1.0, 0.0)


@pytest.mark.parametrize(
    ("requests", "tcp", "status", "blocking"),
    [
        ([asked(CENTRE), asked(CLIENT)], connects(True, True), "ok", 0.0),
        ([asked(CENTRE)], connects(True, False), "ok", 0.5),  # half is no anomaly
        ([asked(CENTRE, RESET)], connects(False), "ok", 2.0),
        ([asked(CLIENT, RESET)], connects(True), "blocked", 1.5),  # no data centre was asked
        ([], [], None, 1.0),
    ],
)
def test_telegram_has_score_of_ooni(requests: list[Line], tcp: list[Line], status: str | None, blocking: float) -> None:
    found = score(line("telegram", requests=requests, tcp_connect=tcp, telegram_web_status=status))
    assert found == Score(blocking) and found.anomaly is (blocking > 0.5)


def facebook(**changed: Any) -> Line:
    keys: Line = {f"facebook_{host}_dns_consistent": True for host in FACEBOOK_HOSTS}
    keys |= {f"facebook_{host}_reachable": True if host != "stun" else None for host in FACEBOOK_HOSTS}
    return line(
        "facebook_messenger", **keys | {"facebook_dns_blocking": False, "facebook_tcp_blocking": False} | changed
    )


@pytest.mark.parametrize(
    ("changed", "blocking"),
    [
        ({}, 0.0),
        ({"facebook_star_reachable": False, "facebook_tcp_blocking": True}, 1.0),
        ({"facebook_edge_dns_consistent": False, "facebook_edge_reachable": None, "facebook_dns_blocking": True}, 1.0),
        (
            {"facebook_scontent_cdn_dns_consistent": False, "facebook_dns_blocking": True},
            0.0,
        ),  # a cache inside a provider
        ({"facebook_star_reachable": None}, 0.0),
    ],
)
def test_facebook_has_score_of_ooni(changed: Line, blocking: float) -> None:
    assert score(facebook(**changed)) == Score(blocking)


@pytest.mark.parametrize(
    ("version", "engine", "keys", "expected"),
    [
        ("0.2.5", "3.17.2", {}, Score(0.0)),
        ("0.2.5", "3.17.2", {"signal_backend_status": "blocked"}, Score(1.0)),
        ("0.2.5", "3.17.1", {}, Score(0.0, 0.0)),
        ("0.2.5", "", {}, Score(0.0, 0.0)),
        ("0.2.5", "new", {}, Score(0.0, 0.0)),
        ("0.2.4", "3.17.2", {}, Score(0.0, 0.0)),
        ("0.2.3", "3.17.2", {}, Score(0.0, 0.0)),
        ("0.2.5", "3.17.2", {"failure": "interrupted"}, Score(0.0, 0.0)),
        ("0.2.5", "3.17.2", {"signal_backend_status": None}, Score(0.0, 0.0)),
    ],
)
def test_signal_has_score_of_ooni(version: str, engine: str, keys: Line, expected: Score) -> None:
    made = line("signal", version, **{"signal_backend_status": "ok"} | keys)
    made["annotations"]["engine_version"] = engine
    assert score(made) == expected


def test_stun_has_score_and_unknown_nettests_are_failed() -> None:
    assert score(line("stunreachability", failure="generic_timeout_error")) == Score(1.0)
    assert score(line("stunreachability")) == Score(0.0)
    assert {score(line(name)).failed for name in ("dnscheck", "mail_reachability", "urlgetter")} == {True}


# -- what must be seen -------------------------------------------------------------------------------------------------


def record(state: str, mechanism: str, *urls: str, valid: bool = True) -> Line:
    ends = [{"endpoint": url, "state": state, "mechanisms": [mechanism] if mechanism else []} for url in urls]
    return {"valid": valid, "endpoints": ends}


SIGNAL = sorted(OONI_ENDPOINTS["signal"])
B_API = "https://b-api.facebook.com:443/"
CENTRES = sorted(url for url in OONI_ENDPOINTS["telegram"] if url.startswith("http://"))


@pytest.mark.parametrize(
    ("found", "records", "agree"),
    [
        (line("signal", "0.2.5", signal_backend_status="ok"), [record("ok", "", *SIGNAL)], True),
        (line("signal", "0.2.5", signal_backend_status="blocked"), [record("ok", "", *SIGNAL)], False),
        (line("signal", "0.2.5", signal_backend_status="ok"), [record("blocked", "tls.reset.sni", SIGNAL[0])], False),
        (
            line("signal", "0.2.5", signal_backend_status="blocked"),
            [record("blocked", "tls.reset.sni", SIGNAL[0])],
            True,
        ),
        (
            line("signal", "0.2.5", signal_backend_status="ok"),
            [record("blocked", "x", "https://cdn.signal.org:443/")],
            True,
        ),
        (facebook(), [record("blocked", "tls.reset.sni", B_API)], True),  # OONI only connects
        (facebook(), [record("blocked", "dns.nxdomain", B_API)], False),
        (facebook(), [record("blocked", "dns.nxdomain", B_API, valid=False)], True),
        (facebook(), [record("blocked", "stun.timeout.payload", "stun://stun.fbsbx.com:3478;transport=udp")], True),
        (
            line("telegram", requests=[asked(CENTRE)], tcp_connect=connects(True), telegram_web_status="ok"),
            [record("blocked", "tcp.timeout", *CENTRES)],
            False,
        ),
        (
            line("telegram", requests=[asked(CENTRE)], tcp_connect=connects(True), telegram_web_status="ok"),
            [record("blocked", "tcp.timeout", CENTRES[0]), record("ok", "", *CENTRES[1:])],
            True,
        ),
        (
            line("whatsapp", requests=[asked(WEB), asked(REGISTER)], tcp_connect=connects(True)),
            [record("blocked", "tcp.reset", "noise://e1.whatsapp.net:443")],
            True,  # it is blind there
        ),
        (
            line("whatsapp", requests=[asked(WEB), asked(REGISTER)], tcp_connect=connects(True)),
            [record("blocked", "tls.reset.sni", "https://web.whatsapp.com:443/")],
            False,
        ),
        (
            line("stunreachability", failure=None) | {"input": "stun://a:1"},
            [record("blocked", "stun.timeout.payload", "stun://a:1;transport=udp")],
            False,
        ),
        (line("dnscheck"), [record("blocked", "dns.timeout", "doh://a:1/")], True),
    ],
)
def test_score_that_contradicts_verdict_is_reported(found: Line, records: list[Line], agree: bool) -> None:
    assert (disagreement(found, records) is None) is agree


def test_failed_first_attempt_explains_anomaly() -> None:
    found = line("signal", "0.2.5", signal_backend_status="blocked")
    found["test_keys"]["x_transactions"] = [{"kind": "first", "failure": RESET}]
    assert disagreement(found, [record("ok", "", *SIGNAL)]) is None


@pytest.mark.parametrize(("failure", "contradicts"), [(None, False), (RESET, True)])
def test_page_that_freezes_behind_what_is_kept_is_fine_for_ooni(failure: str | None, contradicts: bool) -> None:
    found = line("telegram", tcp_connect=connects(True), requests=[asked(CENTRE)], telegram_web_status="ok")
    url = "https://web.telegram.org:443/"
    found["test_keys"]["x_transactions"] = [{"kind": "first", "endpoint": url, "failure": failure}]
    judged = record("blocked", "flow.freeze.bytes", url)
    assert (disagreement(found, [judged]) is not None) == contradicts
