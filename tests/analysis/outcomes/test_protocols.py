"""From forged certificates, block pages and other protocols to what is said (design 7)."""

import pytest

from tests.analysis.outcomes.test_connections import HOST, RESET, TIMEOUT, URL, judged, said, web
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
def test_a_foreign_certificate_here_and_the_right_one_there(cert: bytes, trusted: bool, mechanism: str) -> None:
    lines = web()
    lines.first(URL, GENUINE, f"tls:{AUTHORITY}", cert=cert, trusted=trusted)
    assert said(lines) == ("impaired", [])
    lines.control(URL, GENUINE)
    assert said(lines) == ("blocked", [mechanism])


def test_a_forger_who_shows_up_at_the_neutral_host_too() -> None:
    lines = web()
    lines.twice(URL, GENUINE, f"tls:{AUTHORITY}", cert=FOREIGN)
    lines.neutral(URL, cert=certificate(HOST, "Ministry of Truth", 2))
    assert said(lines) == ("blocked", ["tls.mitm.ca_signed"])


def test_a_neutral_host_that_shows_its_own_certificate_proves_no_forger() -> None:
    lines = web()
    lines.twice(URL, GENUINE, f"tls:{AUTHORITY}", cert=certificate(HOST, "Honest Authority", 3))
    lines.neutral(URL, cert=certificate("neutral.example", "Honest Authority"))
    assert said(lines) == ("impaired", [])


def test_a_name_proven_elsewhere_shows_the_forgery() -> None:
    lines = web()
    lines.first(URL, GENUINE, f"tls:{AUTHORITY}", cert=FOREIGN)
    lines.alternative(URL, SECOND)
    record = judged(lines)
    assert record["mechanisms"] == ["tls.mitm.ca_signed"]


def test_one_server_of_several_with_a_broken_certificate_is_down() -> None:
    lines = web()
    lines.twice(URL, GENUINE, f"tls:{AUTHORITY}", cert=FOREIGN)
    lines.control(URL, GENUINE, f"tls:{AUTHORITY}", cert=FOREIGN)
    lines.first("https://web.telegram.org:443/k/", SECOND)  # another endpoint proves the name elsewhere
    assert said(lines) == ("down", [])


def test_a_certificate_that_is_wrong_for_the_control_too_is_down() -> None:
    lines = web()
    lines.twice(URL, GENUINE, "tls:ssl_invalid_hostname", cert=FOREIGN)
    lines.control(URL, GENUINE, "tls:ssl_invalid_hostname", cert=FOREIGN)
    assert said(lines) == ("down", [])


@pytest.mark.parametrize("failure", [AUTHORITY, "ssl_invalid_certificate"])
def test_the_same_certificate_refused_here_is_our_fault(failure: str) -> None:
    lines = web()
    lines.twice(URL, GENUINE, f"tls:{failure}", cert=certificate(HOST))
    lines.control(URL, GENUINE)
    assert said(lines) == ("insufficient", [])


# -- HTTP in the clear, other protocols ----------------------------------------------------------------------------


def test_a_known_blockpage_at_the_services_own_address() -> None:
    url = "http://149.154.167.51:80/"
    lines = Lines({"dc_pool": [url]})
    lines.first(url, "149.154.167.51", fingerprints=["known"])
    assert said(lines) == ("blocked", ["http.blockpage"])


def test_a_blockpage_that_the_control_sees_too_is_not_the_networks() -> None:
    url = "http://149.154.167.51:80/"
    lines = Lines({"dc_pool": [url]})
    lines.first(url, "149.154.167.51", fingerprints=["known"])
    lines.control(url, "149.154.167.51", fingerprints=["known"])
    assert said(lines) == ("down", [])


def test_a_redirect_to_another_domain() -> None:
    url = f"http://{HOST}:80/"
    lines = web(url=url)
    lines.first(url, GENUINE, redirect="blocked.example.net")
    assert said(lines) == ("impaired", [])
    lines.control(url, GENUINE, redirect="www.telegram.org")
    assert said(lines) == ("likely_blocked", ["http.redirect"])


def test_a_redirect_within_the_domain_is_fine() -> None:
    url = f"http://{HOST}:80/"
    lines = web(url=url)
    lines.first(url, GENUINE, redirect="www.telegram.org")
    assert said(lines) == ("ok", [])


@pytest.mark.parametrize(("failure", "mechanism"), [(TIMEOUT, "protocol.drop"), (RESET, "protocol.reset")])
def test_a_protocol_that_dies_where_its_twin_lives(failure: str, mechanism: str) -> None:
    url, twin, ip = "mtproto://149.154.167.51:443", "http://149.154.167.51:443/", "149.154.167.51"
    lines = Lines({"dc_pool": [url]})
    lines.twice(url, ip, f"payload:{failure}")
    lines.control(url, ip)
    assert said(lines) == ("likely_blocked", ["protocol"])
    lines.first(twin, ip)
    assert said(lines) == ("blocked", [mechanism])


def test_a_noise_handshake_proves_its_address() -> None:
    url = "noise://g.whatsapp.net:443"
    lines = Lines({"chat": [url]}, target="whatsapp")
    lines.lookup("g.whatsapp.net", GENUINE)
    lines.first(url, GENUINE)
    record = judged(lines)
    assert (record["state"], record["proof"]) == ("ok", "noise")
