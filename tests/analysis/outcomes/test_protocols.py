"""Test verdicts about forged certificates, block pages, redirects and messengers' protocols."""

import pytest

from probe.formats.failures import MTPROTO_WEB_SERVER
from tests.analysis.outcomes.test_connections import HOST, RESET, TIMEOUT, URL, conclusion, judged, web
from tests.support.measurements.certificates import certificate
from tests.support.measurements.lines import GENUINE, SECOND, Lines

AUTHORITY = "ssl_unknown_authority"
FOREIGN = certificate(HOST, "Ministry of Truth")
SELF_SIGNED = certificate(HOST, "")


@pytest.mark.parametrize(
    ("cert", "trusted", "mechanism"),
    [
        (SELF_SIGNED, False, "tls.mitm.self_signed"),
        (FOREIGN, False, "tls.mitm.ca_signed"),
        (FOREIGN, True, "tls.mitm.ca_signed"),
    ],
)
def test_foreign_certificate_is_blocked_with_control_and_impaired_without(
    cert: bytes, trusted: bool, mechanism: str
) -> None:
    lines = web()
    lines.first(URL, GENUINE, f"tls:{AUTHORITY}", cert=cert, trusted=trusted)
    assert conclusion(lines) == ("impaired", [])
    lines.control(URL, GENUINE)
    assert conclusion(lines) == ("blocked", [mechanism])


def test_forged_certificate_at_a_neutral_host_too_is_blocked() -> None:
    lines = web()
    lines.twice(URL, GENUINE, f"tls:{AUTHORITY}", cert=FOREIGN)
    lines.neutral(URL, cert=certificate(HOST, "Ministry of Truth", 2))
    assert conclusion(lines) == ("blocked", ["tls.mitm.ca_signed"])


def test_own_certificate_of_a_neutral_host_proves_no_forgery() -> None:
    lines = web()
    lines.twice(URL, GENUINE, f"tls:{AUTHORITY}", cert=certificate(HOST, "Honest Authority", 3))
    lines.neutral(URL, cert=certificate("neutral.example", "Honest Authority"))
    assert conclusion(lines) == ("impaired", [])


def test_valid_certificate_at_another_address_shows_the_forgery() -> None:
    lines = web()
    lines.first(URL, GENUINE, f"tls:{AUTHORITY}", cert=FOREIGN)
    lines.alternative(URL, SECOND)
    record = judged(lines)
    assert record["mechanisms"] == ["tls.mitm.ca_signed"]


def test_wrong_certificate_of_one_server_here_and_at_the_control_is_down() -> None:
    lines = web()
    lines.twice(URL, GENUINE, f"tls:{AUTHORITY}", cert=FOREIGN)
    lines.control(URL, GENUINE, f"tls:{AUTHORITY}", cert=FOREIGN)
    lines.first("https://web.telegram.org:443/k/", SECOND)  # another endpoint proves the name elsewhere
    assert conclusion(lines) == ("down", [])


def test_wrong_certificate_at_the_control_too_is_down() -> None:
    lines = web()
    lines.twice(URL, GENUINE, "tls:ssl_invalid_hostname", cert=FOREIGN)
    lines.control(URL, GENUINE, "tls:ssl_invalid_hostname", cert=FOREIGN)
    assert conclusion(lines) == ("down", [])


@pytest.mark.parametrize("failure", [AUTHORITY, "ssl_invalid_certificate"])
def test_certificate_accepted_by_the_control_is_insufficient(failure: str) -> None:
    lines = web()
    lines.twice(URL, GENUINE, f"tls:{failure}", cert=certificate(HOST))
    lines.control(URL, GENUINE)
    assert conclusion(lines) == ("insufficient", [])


# -- HTTP without TLS, other protocols -------------------------------------------------------------------------------


def test_known_blockpage_at_the_services_address_is_blocked() -> None:
    url = "http://149.154.167.51:80/"
    lines = Lines({"dc_pool": [url]})
    lines.first(url, "149.154.167.51", fingerprints=["known"])
    assert conclusion(lines) == ("blocked", ["http.blockpage"])


def test_blockpage_at_the_control_too_is_down() -> None:
    url = "http://149.154.167.51:80/"
    lines = Lines({"dc_pool": [url]})
    lines.first(url, "149.154.167.51", fingerprints=["known"])
    lines.control(url, "149.154.167.51", fingerprints=["known"])
    assert conclusion(lines) == ("down", [])


def test_redirect_to_another_domain_is_likely_blocked_with_control() -> None:
    url = f"http://{HOST}:80/"
    lines = web(url=url)
    lines.first(url, GENUINE, redirect="blocked.example.net")
    assert conclusion(lines) == ("impaired", [])
    lines.control(url, GENUINE, redirect="www.telegram.org")
    assert conclusion(lines) == ("impaired", [])  # it was seen once
    lines.confirm(url, GENUINE, redirect="blocked.example.net")
    assert conclusion(lines) == ("likely_blocked", ["http.redirect"])


def test_redirect_within_the_domain_is_ok() -> None:
    url = f"http://{HOST}:80/"
    lines = web(url=url)
    lines.first(url, GENUINE, redirect="www.telegram.org")
    assert conclusion(lines) == ("ok", [])


@pytest.mark.parametrize(("failure", "mechanism"), [(TIMEOUT, "protocol.drop"), (RESET, "protocol.reset")])
def test_failed_protocol_with_another_one_answered_at_the_port_is_blocked(failure: str, mechanism: str) -> None:
    url, other, ip = "mtproto://149.154.167.51:443", "http://149.154.167.51:443/", "149.154.167.51"
    lines = Lines({"dc_pool": [url]})
    lines.twice(url, ip, f"payload:{failure}")
    lines.control(url, ip)
    assert conclusion(lines) == ("likely_blocked", ["protocol"])
    lines.first(other, ip)
    assert conclusion(lines) == ("blocked", [mechanism])


def test_noise_handshake_verifies_its_address() -> None:
    url = "noise://g.whatsapp.net:443"
    lines = Lines({"chat": [url]}, target="whatsapp")
    lines.lookup("g.whatsapp.net", GENUINE)
    lines.first(url, GENUINE)
    record = judged(lines)
    assert (record["state"], record["proof"]) == ("ok", "noise")


@pytest.mark.parametrize(("control", "state"), [("ok", "impaired"), (f"payload:{TIMEOUT}", "down")])
def test_web_proxy_in_the_place_of_a_data_centre_accuses_nothing(control: str, state: str) -> None:
    url, ip = "mtproto://149.154.167.51:80", "149.154.167.51"
    lines = Lines({"dc_pool": [url]})
    lines.twice(url, ip, f"payload:{MTPROTO_WEB_SERVER}")
    assert judged(lines)["rule_id"] == "no_control"
    lines.control(url, ip, control)
    assert conclusion(lines) == (state, [])
    assert (judged(lines)["rule_id"] == "payload_answered_by_web_proxy") == (state == "impaired")
