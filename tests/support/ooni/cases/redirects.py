"""Make the cases about redirects.

Shapes: https://github.com/ooni/probe-cli, internal/webconnectivityqa/redirect.go and idna.go, and the measurements that
they make, internal/minipipeline/testdata/webconnectivity/generated. Commit 7cb22410 of 2026-08-14, opened 2026-11-27.
"""

from tests.support.ooni.cases.case import Case
from tests.support.ooni.cases.web import ALIKE, LANDING, SITE, Web

REFUSED, RESET, EOF, TIMEOUT = "connection_refused", "connection_reset", "eof_error", "generic_timeout_error"
NAME, HTTP, HTTPS = "redirectWithConsistentDNSAndThen", "http://www.example.com/", "https://www.example.com/"
TARGET = "OONI's helper does not measure the redirect's target, so the cause is unclear."
_ONE_KIND = "OONI counts this as a site that is down. Our rules know no control of the redirect's target."


def _short(to: str) -> Web:
    """Return a short address that redirects to another host, which the helper could reach."""
    web = Web("https://short.example.net/32447").asked(LANDING).flow(LANDING, code=308, to=to)
    return web.helper(LANDING)


def _failing(word: str, to: str, **failure: str) -> Case:
    web = _short(to).asked(SITE).flow(SITE, **failure).seen("http-failure", False)
    return Case(f"{NAME}{word}", web.measured(), "impaired", "blocked", TARGET)


def _many(scheme: str) -> Web:
    web = Web(f"{scheme}://www.example.com/redirect/15").asked(SITE)
    for left in range(14, 4, -1):
        web.flow(SITE, code=302, to=f"{scheme}://www.example.com/redirect/{left}")
    web.flow(SITE, code=302, to="/redirect/4", failure="unknown_failure: stopped after too many redirects")
    return web.helper(SITE, failure="unknown_error").seen(False, False)


def _broken(scheme: str) -> Web:
    web = Web(f"{scheme}://www.example.com/broken").asked(SITE)
    web.flow(SITE, code=302, to=f"{scheme}://", failure="http_invalid_redirect_location_host")
    return web.helper(SITE).seen("http-failure", False)


def _other_names(given: str) -> Web:
    web = Web(given).asked(LANDING).flow(LANDING, code=308, to="https://www.example.com/")
    web.asked(LANDING).flow(LANDING, code=308, to="https://www.example.org/").asked(LANDING).flow(LANDING)
    return web.helper(LANDING).seen(False, True, ALIKE)


CASES = (
    _failing("ConnectionRefusedForHTTP", HTTP, tcp=REFUSED, side=REFUSED),
    _failing("ConnectionRefusedForHTTPS", HTTPS, tcp=REFUSED),
    _failing("ConnectionResetForHTTP", HTTP, failure=RESET, tls=RESET),
    _failing("ConnectionResetForHTTPS", HTTPS, tls=RESET),
    _failing("EOFForHTTP", HTTP, failure=EOF, tls=EOF),
    _failing("EOFForHTTPS", HTTPS, tls=EOF),
    _failing("TimeoutForHTTP", HTTP, failure=TIMEOUT, tls=TIMEOUT),
    _failing("TimeoutForHTTPS", HTTPS, tls=TIMEOUT),
    Case(
        f"{NAME}NXDOMAIN",
        _short(HTTPS).asked("dns_nxdomain_error").seen("dns", False).measured(),
        "impaired",
        "blocked",
        TARGET,
    ),
    Case("redirectWithMoreThanTenRedirectsAndHTTP", _many("http").measured(), "impaired", "down", _ONE_KIND),
    Case("redirectWithMoreThanTenRedirectsAndHTTPS", _many("https").measured(), "impaired", "down", _ONE_KIND),
    Case(
        "redirectWithBrokenLocationForHTTP",
        _broken("http").measured(),
        "impaired",
        "blocked",
        "A server can send an invalid Location itself.",
    ),
    Case(
        "redirectWithBrokenLocationForHTTPS",
        _broken("https").measured(),
        "impaired",
        "blocked",
        "A server can send an invalid Location itself.",
    ),
    Case("idnaWithoutCensorshipLowercase", _other_names("http://bücher.example/").measured(), "ok", "ok"),
    Case(
        "idnaWithoutCensorshipWithFirstLetterUppercase",
        _other_names("http://Bücher.example/").measured(),
        "ok",
        "ok",
    ),
)
