"""Make the cases about names, certificates and connections.

Shapes: https://github.com/ooni/probe-cli, internal/webconnectivityqa (badssl.go, dnsblocking.go, dnshijacking.go,
ghost.go, localhost.go, tcpblocking.go, tlsblocking.go, websitedown.go), and the measurements that they make,
internal/minipipeline/testdata/webconnectivity/generated. Commit 7cb22410 of 2026-08-14, opened 2026-11-27.
"""

from tests.support.ooni.cases.case import Case
from tests.support.ooni.cases.web import ALIKE, BOGON, CARRIER, LOCAL, PROXY, SITE, Web

RESET, TIMEOUT, NXDOMAIN = "connection_reset", "generic_timeout_error", "dns_nxdomain_error"
HTTP, HTTPS = "http://www.example.com/", "https://www.example.com/"
CARRIER_REFUSES = {f"{CARRIER}:443": "connection_refused_error"}
ONCE = "OONI's probe tried one address once. One failure is not confirmed."


def _bad_certificate(failure: str) -> Web:
    web = Web(HTTPS).asked(SITE).flow(SITE, tls=failure)
    return web.helper(SITE, failed={f"{SITE}:443/tls": failure}, failure="unknown_error").seen(False, False)


def _denied(failure: str) -> Web:
    web = Web(HTTPS).asked(failure, doh=SITE, udp=SITE).flow(SITE)
    return web.helper(SITE).seen("dns", False)


def _hijacked_to_localhost(url: str) -> Web:
    return Web(url).asked(LOCAL, doh=SITE).flow(SITE).helper(SITE).seen("dns", False)


def _proxied(url: str) -> Web:
    web = Web(url).asked(PROXY, doh=SITE).flow(PROXY).connected(SITE)
    return web.helper(SITE, tried=(PROXY,)).seen(False, True, ALIKE)


def _ghost(url: str) -> Web:
    web = Web(url).asked(CARRIER, doh=NXDOMAIN)
    web.flow(CARRIER, tcp=None if url == HTTP else "connection_refused", side="connection_refused")
    web.helper(tried=(CARRIER,), dns="dns_name_error", failed=CARRIER_REFUSES, failure="dns_lookup_error")
    return web.seen("dns", False)


def _local(url: str) -> Web:
    return Web(url).asked(LOCAL).helper(dns=(LOCAL,), failure="unknown_error").seen(False, False)


def _unknown(failure: str, dns: str = "") -> Web:
    return Web(HTTP).asked(failure).helper(dns=dns, failure="dns_lookup_error").seen(False, False)


def _closed() -> Web:
    url, failed = "http://www.example.com:444/", {f"{SITE}:444": "connection_refused_error"}
    web = Web(url).asked(SITE).flow(SITE, tcp="connection_refused")
    return web.helper(SITE, failed=failed, failure="connection_refused_error").seen(False, False)


def _refused_elsewhere() -> Web:
    web = Web(HTTP).asked(CARRIER, doh=SITE)
    web.connected(CARRIER, tcp="connection_refused").flow(SITE)
    return web.helper(SITE, tried=(CARRIER,), failed=CARRIER_REFUSES).seen("dns", False)


def _forged_certificate() -> Web:
    web = Web(HTTPS).asked(PROXY, doh=SITE).flow(PROXY, tls="ssl_unknown_authority").flow(SITE)
    failed = {f"{PROXY}:443/tls": "ssl_unknown_authority"}
    return web.helper(SITE, tried=(PROXY,), failed=failed).seen("dns", False)


def _bogon() -> Web:
    web = Web(HTTPS).asked(BOGON, doh=SITE, udp=SITE).flow(BOGON, tcp=TIMEOUT).flow(SITE)
    return web.helper(SITE).seen("dns", False)


CASES = (
    Case("badSSLWithExpiredCertificate", _bad_certificate("ssl_invalid_certificate").measured(), "down", "down"),
    Case(
        "badSSLWithUnknownAuthorityWithConsistentDNS",
        _bad_certificate("ssl_unknown_authority").measured(),
        "down",
        "down",
    ),
    Case("badSSLWithWrongServerName", _bad_certificate("ssl_invalid_hostname").measured(), "down", "down"),
    Case(
        "badSSLWithUnknownAuthorityWithInconsistentDNS",
        _forged_certificate().measured(),
        "blocked dns.injection.other",
        "blocked",
    ),
    Case(
        "dnsBlockingAndroidDNSCacheNoData",
        _denied("android_dns_cache_no_data").measured(),
        "impaired",
        "blocked",
        "Android writes this failure for every lookup that fails, also if the network is gone.",
    ),
    Case("dnsBlockingBOGON", _bogon().measured(), "blocked dns.injection.bogon", "blocked"),
    Case("dnsBlockingNXDOMAIN", _denied(NXDOMAIN).measured(), "blocked dns.nxdomain", "blocked"),
    Case(
        "dnsHijackingToLocalhostWithHTTP",
        _hijacked_to_localhost(HTTP).measured(),
        "blocked dns.injection.bogon",
        "blocked",
    ),
    Case(
        "dnsHijackingToLocalhostWithHTTPS",
        _hijacked_to_localhost(HTTPS).measured(),
        "blocked dns.injection.bogon",
        "blocked",
    ),
    Case("dnsHijackingToProxyWithHTTPURL", _proxied(HTTP).measured(), "ok", "ok"),
    Case("dnsHijackingToProxyWithHTTPSURL", _proxied(HTTPS).measured(), "ok", "ok"),
    Case(
        "ghostDNSBlockingWithHTTP",
        _ghost(HTTP).measured(),
        "insufficient",
        "blocked",
        "The helper finds no address, so nothing shows what the right answer is.",
    ),
    Case(
        "ghostDNSBlockingWithHTTPS",
        _ghost(HTTPS).measured(),
        "impaired",
        "blocked",
        "The helper finds no address, so nothing shows what the right answer is.",
    ),
    Case(
        "localhostWithHTTP",
        _local(HTTP).measured(),
        "insufficient",
        "down",
        "OONI's probe tries no address of its own computer, so nothing was tried.",
    ),
    Case(
        "localhostWithHTTPS",
        _local(HTTPS).measured(),
        "insufficient",
        "down",
        "OONI's probe tries no address of its own computer, so nothing was tried.",
    ),
    Case(
        "tcpBlockingConnectTimeout",
        Web(HTTPS).asked(SITE).flow(SITE, tcp=TIMEOUT).helper(SITE).seen("tcp_ip", False).measured(),
        "impaired",
        "blocked",
        ONCE,
    ),
    Case(
        "tcpBlockingConnectionRefusedWithInconsistentDNS",
        _refused_elsewhere().measured(),
        "blocked dns.injection.other",
        "blocked",
    ),
    Case(
        "tlsBlockingConnectionResetWithConsistentDNS",
        Web(HTTPS).asked(SITE).flow(SITE, tls=RESET).helper(SITE).seen("http-failure", False).measured(),
        "impaired",
        "blocked",
        ONCE,
    ),
    Case(
        "tlsBlockingConnectionResetWithInconsistentDNS",
        Web(HTTPS)
        .asked(PROXY, doh=SITE)
        .flow(PROXY, tls=RESET)
        .flow(SITE, tls=RESET)
        .helper(SITE, tried=(PROXY,))
        .seen("dns", False)
        .measured(),
        "likely_blocked tls.reset",
        "blocked",
    ),
    Case(
        "websiteDownNXDOMAIN",
        _unknown(NXDOMAIN, dns="dns_name_error").measured(),
        "down",
        "down",
    ),
    Case(
        "websiteDownNoAddrs",
        _unknown("dns_no_answer").measured(),
        "down",
        "down",
    ),
    Case("websiteDownTCPConnect", _closed().measured(), "down", "down"),
)
