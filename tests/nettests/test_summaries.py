"""Test OONI's summary keys rule by rule, and the table of nettests."""

from pathlib import Path

import pytest

from probe.formats import failures as f
from probe.nettests import NETTESTS, telegram, whatsapp
from probe.ooni.view import OONIAttempt, View
from probe.targets.target import parse_endpoint
from probe.targets.target_files import load_target, target_names

TARGETS = Path(__file__).parent.parent.parent / "targets"
WEB = "https://web.telegram.org:443/"


def seen(url: str, failure: str | None = None, operation: str | None = None) -> OONIAttempt:
    return OONIAttempt("role", parse_endpoint(url, ooni=True), operation=operation, failure=failure)


def test_every_nettest_is_listed_with_its_specification() -> None:
    for name, nettest in NETTESTS.items():
        assert name == nettest.name and nettest.spec
        assert nettest.version.count(".") == 2
    assert (telegram.NETTEST.version, whatsapp.NETTEST.version) == ("0.3.1", "0.11.0")


def test_every_bundled_target_has_known_nettest() -> None:
    for name in target_names(TARGETS):
        assert load_target(TARGETS / f"{name}.toml", frozenset(NETTESTS)).nettest in NETTESTS


@pytest.mark.parametrize(
    ("centres", "http", "tcp"),
    [
        ([], True, True),  # OONI's initial values
        ([(None, None)], False, False),
        ([(f.TIMEOUT, "connect"), (None, None)], False, False),
        ([(f.TIMEOUT, "connect"), (f.REFUSED, "connect")], True, True),
        ([(f.TIMEOUT, "connect"), (f.RESET, "http_round_trip")], True, False),
    ],
)
def test_telegram_data_centres_have_their_keys(
    centres: list[tuple[str | None, str | None]], http: bool, tcp: bool
) -> None:
    view = View(seen=[seen("http://149.154.167.51:80/", failure, operation) for failure, operation in centres])
    keys = telegram.summary(view)
    assert (keys["telegram_http_blocking"], keys["telegram_tcp_blocking"]) == (http, tcp)


def test_telegram_web_has_its_keys() -> None:
    assert telegram.summary(View()) | {} == {
        "telegram_http_blocking": True,
        "telegram_tcp_blocking": True,
        "telegram_web_failure": None,
        "telegram_web_status": None,  # OONI would write "ok" without evidence
    }
    keys = telegram.summary(View(seen=[seen(WEB, f.RESET, "tls_handshake")]))
    assert (keys["telegram_web_status"], keys["telegram_web_failure"]) == ("blocked", f.RESET)
    assert telegram.summary(View(seen=[seen(WEB)]))["telegram_web_status"] == "ok"
    keys = telegram.summary(View(not_visited={WEB: f.SSL_INVALID_HOSTNAME}))  # another target visited it in vain
    assert (keys["telegram_web_status"], keys["telegram_web_failure"]) == ("blocked", f.SSL_INVALID_HOSTNAME)


def test_telegram_uses_post_for_data_centres_and_get_for_web() -> None:
    assert telegram.method(parse_endpoint("http://149.154.167.51:443/")) == "POST"
    assert telegram.method(parse_endpoint(WEB)) == "GET"


def test_untried_whatsapp_is_interrupted() -> None:
    assert whatsapp.summary(View()) == {
        "registration_server_failure": "interrupted",
        "registration_server_status": "blocked",
        "whatsapp_endpoints_blocked": [],
        "whatsapp_endpoints_dns_inconsistent": [],
        "whatsapp_endpoints_status": "blocked",
        "whatsapp_web_failure": "interrupted",
        "whatsapp_web_status": "blocked",
    }


def test_whatsapp_host_is_blocked_if_both_ports_failed() -> None:
    chat = [
        seen("noise://e1.whatsapp.net:443", f.TIMEOUT, "connect"),
        seen("noise://e1.whatsapp.net:5222", f.TIMEOUT, "connect"),
        seen("noise://e2.whatsapp.net:443", f.TIMEOUT, "connect"),
        seen("noise://e2.whatsapp.net:5222"),
    ]
    keys = whatsapp.summary(View(seen=chat))
    assert keys["whatsapp_endpoints_blocked"] == ["e1.whatsapp.net"]
    assert keys["whatsapp_endpoints_status"] == "ok"  # one of 32 is enough for OONI
    assert whatsapp.summary(View(seen=chat[:2]))["whatsapp_endpoints_status"] == "blocked"


def test_whatsapp_web_and_registration_have_their_keys() -> None:
    urls = ("https://v.whatsapp.net:443/v2/register", "https://web.whatsapp.com:443/")
    keys = whatsapp.summary(View(seen=[seen(url) for url in urls]))
    assert keys["registration_server_failure"] is None and keys["registration_server_status"] == "ok"
    assert keys["whatsapp_web_failure"] is None and keys["whatsapp_web_status"] == "ok"
    keys = whatsapp.summary(View(seen=[seen(urls[1], "unknown_failure: remote error: x", "tls_handshake")]))
    assert keys["whatsapp_web_failure"] == f.SSL_FAILED_HANDSHAKE and keys["whatsapp_web_status"] == "blocked"
