"""Make the cases about pages, and those that OONI measured on the Internet.

Shapes: https://github.com/ooni/probe-cli, internal/webconnectivityqa (cloudflare.go, control.go, httpblocking.go,
httpdiff.go, largefile.go, success.go, throttling.go), and internal/minipipeline/testdata/webconnectivity (`generated`
and `manual`). Commit 7cb22410 of 2026-08-14, opened 2026-11-27.
"""

from tests.support.ooni.cases.case import Case
from tests.support.ooni.cases.web import ALIKE, PROXY, SECOND, SITE, UNLIKE, Web

TIMEOUT, HTTP, HTTPS = "generic_timeout_error", "http://www.example.com/", "https://www.example.com/"
ONCE = "OONI's probe tried one address once. One failure is not confirmed."
DIFFERENT = "A page that differs is no proof of interference: sites differ by country and by visitor."
LONG = (None, True, True, True)
SIX = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"


def _page(url: str, **flow: str | int) -> Web:
    return Web(url).asked(SITE).flow(SITE, **flow).helper(SITE)  # type: ignore[arg-type]


def _without_helper(url: str) -> Web:
    web = Web(url).asked(SITE).flow(SITE)
    web.keys["control_failure"] = "connection_reset"
    return web


def _diff_elsewhere() -> Web:
    web = Web(HTTP).asked(PROXY, doh=SITE).flow(PROXY).connected(SITE)
    return web.helper(SITE, tried=(PROXY,)).seen("dns", False, UNLIKE)


def _literal() -> Web:
    web = Web("https://8.8.4.4/dns-query?dns=q80BAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB").flow("8.8.4.4")
    return web.helper("8.8.4.4", dns=())


def _closed_port() -> Web:
    failed = {f"{SITE}:80": TIMEOUT, f"{SECOND}:80": TIMEOUT}
    web = Web(HTTP).asked(f"{SITE} {SECOND}").flow(SITE, tcp=TIMEOUT).flow(SECOND, tcp=TIMEOUT)
    return web.helper(SITE, SECOND, failed=failed, failure=TIMEOUT)


def _with_ipv6(failure: str | None) -> Web:
    web = Web(HTTPS).asked(f"{SIX} {SITE}").connected(SIX, tcp=failure).flow(SITE)
    return web.helper(SITE, SIX).seen(False, True, ALIKE)


def _redirected() -> Web:
    web = Web(HTTP).asked(f"{SITE} {SECOND}").connected(SECOND).flow(SITE, code=301, to="https://www.example.com")
    web.connected(SECOND).flow(SITE, code=302, to="https://www.example.org/new/").asked(PROXY)
    return web.flow(PROXY, code=302, to="https://www.example.org/en/new/").flow(PROXY)


CASES = (
    Case("successWithHTTP", _page(HTTP).seen(False, True, ALIKE).measured(), "ok", "ok"),
    Case("successWithHTTPS", _page(HTTPS).seen(False, True, ALIKE).measured(), "ok", "ok"),
    Case("largeFileWithHTTP", _page(HTTP).seen(False, True, LONG).measured(), "ok", "ok"),
    Case("largeFileWithHTTPS", _page(HTTPS).seen(False, True, LONG).measured(), "ok", "ok"),
    Case(
        "cloudflareCAPTCHAWithHTTP",
        _page(HTTP, code=503).seen("http-diff", False, (False, True, False, False)).measured(),
        "insufficient",
        "blocked",
        DIFFERENT,
    ),
    Case(
        "cloudflareCAPTCHAWithHTTPS",
        _page(HTTPS, code=503).seen(False, True, (False, True, False, False)).measured(),
        "ok",
        "ok",
    ),
    Case(
        "controlFailureWithSuccessfulHTTPWebsite",
        _without_helper(HTTP).measured(),
        "insufficient",
        "failed",
    ),
    Case("controlFailureWithSuccessfulHTTPSWebsite", _without_helper(HTTPS).seen(False, True).measured(), "ok", "ok"),
    Case(
        "httpBlockingConnectionReset",
        _page(HTTP, failure="connection_reset", code=0).seen("http-failure", False).measured(),
        "impaired",
        "blocked",
        ONCE,
    ),
    Case(
        "httpDiffWithConsistentDNS",
        _page(HTTP).seen("http-diff", False, UNLIKE).measured(),
        "insufficient",
        "blocked",
        DIFFERENT,
    ),
    Case("httpDiffWithInconsistentDNS", _diff_elsewhere().measured(), "insufficient", "blocked", DIFFERENT),
    Case(
        "throttlingWithHTTP",
        _page(HTTP, failure=TIMEOUT).seen("http-failure", False).measured(),
        "impaired",
        "blocked",
        ONCE,
    ),
    Case(
        "throttlingWithHTTPS",
        _page(HTTPS, failure=TIMEOUT).seen("http-failure", False).measured(),
        "impaired",
        "blocked",
        ONCE,
    ),
    Case(
        "manual/8844",
        _literal().measured(),
        "ok",
        "failed",
        "The certificate is valid for the address, which proves the server.",
    ),
    Case(
        "manual/dnsgoogle80",
        _closed_port().measured(),
        "down",
        "failed",
        "The port is closed at the helper too.",
    ),
    Case("manual/firefoxcom", _redirected().helper(SITE, SECOND).seen(False, True, ALIKE).measured(), "ok", "ok"),
    Case("manual/issue-2456", _with_ipv6("network_unreachable").measured(), "ok", "ok"),
    Case("manual/noipv6", _with_ipv6("host_unreachable").measured(), "ok", "ok"),
    Case("manual/youtube", _with_ipv6(None).measured(), "ok", "ok"),
)
