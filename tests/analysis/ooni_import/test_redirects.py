"""Test that a web address of OONI is `ok` only with the last page of its redirects, in versions 0.5 and 0.4."""

from typing import Any

import pytest

from tests.analysis.ooni_import.test_measurements import judged
from tests.support.ooni.cases.web import ALIKE, PROXY, SECOND, SITE, UNLIKE, Web

PLAIN, OVER_TLS, ELSEWHERE = "http://www.example.com/", "https://www.example.com/", "https://www.example.org/"
RESET = "connection_reset"
VERSIONS = ("0.5.28", "0.4.3")


def verdict(web: Web) -> tuple[str, str]:
    (record,) = judged(web.measured())
    return record["state"], record["rule_id"]


def redirected(version: str, url: str, to: str, code: int = 301) -> Web:
    """Return a web address that redirects, with the answer of a helper that reached it."""
    return Web(url, version).asked(SITE).flow(SITE, code=code, to=to).helper(SITE)


@pytest.mark.parametrize("version", VERSIONS)
def test_passed_redirect_is_ok(version: str) -> None:
    over_tls = redirected(version, PLAIN, OVER_TLS).flow(SITE).seen(False, True, ALIKE)
    assert verdict(over_tls) == ("ok", "http_answers")
    plain = redirected(version, OVER_TLS, "http://www.example.org/").asked(PROXY).flow(PROXY)
    assert verdict(plain.seen(False, True, ALIKE)) == ("ok", "http_answers")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirect_that_was_not_followed_is_insufficient(version: str, code: int) -> None:
    assert verdict(redirected(version, OVER_TLS, ELSEWHERE, code)) == ("insufficient", "name_not_asked")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("place", ["", "ftp://www.example.org/", "https://[scrubbed]/", "https://"])
def test_redirect_to_unknown_place_is_insufficient(version: str, place: str) -> None:
    web = Web(OVER_TLS, version).asked(SITE).flow(SITE, code=301, to=place).helper(SITE)
    assert verdict(web) == ("insufficient", "not_reached")


@pytest.mark.parametrize("version", VERSIONS)
def test_last_page_that_differs_is_no_success(version: str) -> None:
    web = redirected(version, OVER_TLS, "http://www.example.org/").asked(PROXY).flow(PROXY)
    assert verdict(web.seen("http-diff", False, UNLIKE))[0] == "insufficient"


@pytest.mark.parametrize("version", VERSIONS)
def test_reset_of_the_same_address_over_tls_is_impaired(version: str) -> None:
    web = redirected(version, PLAIN, OVER_TLS).flow(SITE, tls=RESET).seen("http-failure", False)
    assert verdict(web) == ("impaired", "unconfirmed")


def test_reset_at_two_addresses_is_likely_blocked() -> None:
    web = Web(PLAIN).asked(f"{SITE} {SECOND}").connected(SECOND).flow(SITE, code=301, to=OVER_TLS)
    web.flow(SITE, tls=RESET).connected(SECOND, tls=RESET).helper(SITE, SECOND).seen("http-failure", False)
    assert verdict(web) == ("likely_blocked", "fails_here_again")


@pytest.mark.parametrize("version", VERSIONS)
def test_second_visit_of_an_address_counts(version: str) -> None:
    """Visit one address twice, as with a cookie."""
    again = redirected(version, OVER_TLS, OVER_TLS)
    assert verdict(again.flow(SITE).seen(False, True, ALIKE)) == ("ok", "http_answers")
    again = redirected(version, OVER_TLS, OVER_TLS)
    assert verdict(again.flow(SITE, failure=RESET).seen("http-failure", False)) == ("impaired", "unconfirmed")


def test_failed_lookup_of_old_redirect_is_read_from_its_request() -> None:
    web = redirected("0.4.3", OVER_TLS, ELSEWHERE).flow(SITE, failure="dns_nxdomain_error").seen("dns", False)
    assert verdict(web) == ("impaired", "name_fails")


def test_flow_without_request_is_no_failed_request() -> None:
    """Connect to two addresses, of which OONI's probe asks one for the page."""
    web = Web(OVER_TLS).asked(f"{SITE} {SECOND}").connected(SECOND).flow(SITE, failure=RESET)
    assert verdict(web.helper(SITE, SECOND).seen("http-failure", False)) == ("impaired", "unconfirmed")


@pytest.mark.parametrize("junk", [None, 5, "", "\x00", {"format": "base64", "data": "?"}, ["https://www.example.org/"]])
def test_junk_as_location_is_no_success(junk: Any) -> None:
    web = redirected("0.5.28", OVER_TLS, ELSEWHERE)
    web.keys["requests"][0]["response"]["headers"]["Location"] = junk
    assert verdict(web)[0] == "insufficient"
