"""Make the cases of the samples that OONI's scorer is tested with, and what is not read.

Shapes: https://github.com/ooni/backend, fastpath/fastpath/tests/data, commit 32d8349d of 2026-08-20, opened 2026-11-27.
"""

from tests.support.ooni.cases.case import Case
from tests.support.ooni.cases.signal import OLD, signal
from tests.support.ooni.cases.web import ALIKE, BOGON, SITE, Web, measurement

TIMEOUT, HTTP, HTTPS = "generic_timeout_error", "http://www.example.com/", "https://www.example.com/"
BLOCK_PAGE = "http://lamanlabuh.aduankonten.id/"
UNREAD = {"all": "insufficient"}
NOT_READ = "Our rules read no result of this nettest."


def _page(url: str, version: str, address: str = SITE) -> Web:
    return Web(url, version).asked(address).flow(address).helper(SITE).seen(False, True, ALIKE)


def _with_cname(web: Web) -> Web:
    """Add a CNAME to the helper's answer, as helpers before 2021 did."""
    web.keys["control"]["dns"]["addrs"].insert(0, "www.example.com.cdn.example.net")
    return web


def _without_values(web: Web) -> Web:
    """Remove the keys without a value, as measurement-kit did in 2019."""
    web.keys["control"]["dns"].pop("failure")
    for entry in web.keys["tcp_connect"]:
        entry["status"].pop("failure")
    web.keys["requests"] = [entry | {"request": {"url": HTTPS}} for entry in web.keys["requests"]]
    return web


def _without_request(url: str, version: str) -> Web:
    web = Web(url, version).asked(SITE).connected(SITE).helper(SITE).seen("http-failure", False)
    web.keys["tls_handshakes"].clear()
    return web


def _bogon(version: str) -> Web:
    web = Web(HTTPS, version).asked(BOGON).flow(BOGON, tcp=TIMEOUT)
    return _with_cname(web.helper(SITE).seen("dns", False))


def _failed_page() -> Web:
    return Web(HTTP, "0.0.1").asked(SITE).flow(SITE, failure="http_invalid_redirect_url", code=307)


def _block_page() -> Web:
    web = Web(HTTP, "0.4.3").asked(SITE).flow(SITE, code=302, to=BLOCK_PAGE)
    return web.flow(SITE).helper(SITE).seen(False, True, (False, True, True, False))


def _no_address() -> Web:
    web = Web(HTTP, "0.1.0").asked("dns_nxdomain_error").helper(failure="dns_lookup_error").seen("dns", False)
    return _with_cname(web)


def _without_helper() -> Web:
    web = Web(HTTPS, "0.4.1").asked(SITE).flow(SITE, tcp=TIMEOUT)
    web.keys["control_failure"] = "connection_refused"
    return web


def _bad_certificate() -> Web:
    """Make a handshake that fails beside a helper whose page fails too, and which reports no handshakes."""
    web = (
        Web(HTTPS, "0.4.1").asked(SITE).flow(SITE, tls="ssl_invalid_certificate").helper(SITE, failure="unknown_error")
    )
    web.keys["control"].pop("tls_handshake")
    return web


def _telegram() -> dict[str, object]:
    connect = {"ip": "149.154.167.51", "port": 443, "status": {"success": True, "failure": None}}
    requests = [{"failure": None, "request": {"headers": {}}, "response": {}}]
    return measurement("telegram", "0.0.3", None, {"tcp_connect": [connect], "requests": requests})


def _unread(sample: str, test: str, version: str = "0.1.0", ooni: str = "ok") -> Case:
    why = "" if ooni == "failed" else NOT_READ
    return Case(f"fastpath/{sample}", measurement(test, version, None, {"failure": None}), UNREAD, ooni, why)


_SIGNAL = dict.fromkeys(("cdn", "chat", "directory", "group_calls", "storage"), "ok")
_ROOT = dict.fromkeys(OLD, "ssl_unknown_authority")

CASES = (
    Case("fastpath/signal_022", signal("0.2.2", "2022-11-18", OLD), _SIGNAL, "ok"),
    Case(
        "fastpath/signal_2627",
        signal("0.2.0", "2022-10-27", OLD, _ROOT),
        dict.fromkeys(_SIGNAL, "insufficient"),
        "failed",
    ),
    Case(
        "fastpath/signal_679",
        signal("0.2.2", "2023-05-30", OLD, {"api.directory.signal.org": "android_dns_cache_no_data"}),
        {role: state for role, state in _SIGNAL.items() if role != "directory"},
        "failed",
        "Only the server that Signal removed is left out.",
    ),
    Case("fastpath/telegram_nourl", _telegram(), {"dc_pool": "insufficient", "web": "insufficient"}, "failed"),
    Case("fastpath/report1", _page(HTTP, "0.0.1").measured(), "ok", "ok"),
    Case(
        "fastpath/report2",
        Web(HTTP, "0.3.2")
        .asked(SITE)
        .flow(SITE, code=301, to=HTTPS)
        .flow(SITE)
        .helper(SITE)
        .seen(False, True, ALIKE)
        .measured(),
        "ok",
        "ok",
    ),
    Case("fastpath/web_connectivity_b64_incorrect", _with_cname(_page(HTTP, "0.3.2")).measured(), "ok", "ok"),
    Case(
        "fastpath/web_connectivity_no_body",
        _without_values(_page(HTTP, "0.0.1")).measured(),
        "insufficient",
        "ok",
        "The request for the address itself was not recorded.",
    ),
    Case(
        "fastpath/bug_351",
        _without_request(HTTPS, "0.3.0").measured(),
        "insufficient",
        "blocked",
        "The probe itself failed before the request.",
    ),
    Case("fastpath/bug_352", _bogon("0.0.1").measured(), "likely_blocked dns.injection.bogon", "blocked"),
    Case(
        "fastpath/web_connectivity_ir_fp", _bogon("0.4.1").measured(), "likely_blocked dns.injection.bogon", "blocked"
    ),
    Case(
        "fastpath/web_connectivity_b64_hdr",
        _with_cname(_failed_page().helper(SITE).seen("http-failure", False)).measured(),
        "impaired",
        "blocked",
        "One failure is not confirmed.",
    ),
    Case(
        "fastpath/web_connectivity_odd_hdr",
        _failed_page().helper(dns="dns_name_error", failure="dns_lookup_error").seen("dns", False).measured(),
        "impaired",
        "blocked",
        "The helper finds no address, so nothing shows what the right answer is.",
    ),
    Case(
        "fastpath/20250527233111.802678_ID_webconnectivity",
        _block_page().measured(),
        "blocked http.blockpage",
        "ok",
        "The redirect leads to a known block page. OONI counts shared header names as a likeness.",
    ),
    Case(
        "fastpath/requests_none",
        _no_address().measured(),
        "impaired",
        "blocked",
        "The helper found no address either.",
    ),
    Case(
        "fastpath/web_connectivity_null",
        _without_helper().measured(),
        "impaired",
        "failed",
        "A failure without a control is shown, and accuses nothing.",
    ),
    Case(
        "fastpath/web_connectivity_null2",
        _bad_certificate().measured(),
        "impaired",
        "failed",
        "A failure without a control is shown, and accuses nothing.",
    ),
    _unread("browser_web", "browser_web"),
    _unread("browser_web_error", "browser_web", ooni="blocked"),
    _unread("http_header_field_manipulation_1", "http_header_field_manipulation"),
    _unread("http_requests_1", "http_requests", "0.2.4"),
    _unread("mbx-1", "http_invalid_request_line", "0.0.3"),
    _unread("meek", "meek_fronted_requests_test", "0.2.0"),
    _unread("openvpn", "openvpn", "0.0.16"),
    _unread("riseupvpn", "riseupvpn", "0.2.0", "failed"),
    _unread("tor", "tor", "0.0.1"),
    _unread("torsf_1", "torsf"),
    _unread("vanilla_tor", "vanilla_tor", "0.2.0"),
    _unread("yaml17_0", "dns_consistency", "0.6"),
)
