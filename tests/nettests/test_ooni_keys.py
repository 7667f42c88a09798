"""Test the keys of facebook_messenger, signal, stunreachability and dnscheck, rule by rule."""

from datetime import date
from typing import Any

import pytest

from probe.formats import failures as f
from probe.formats.entries import DNSAnswer, DNSQuery, Entry, TCPConnect
from probe.nettests import NETTESTS, dnscheck, facebook_messenger, lines_of, signal, stunreachability
from probe.ooni.view import OONIAttempt, View, lists_of
from probe.targets.target import Service, Target, parse_endpoint

B_API, STAR, STUN = (
    "https://b-api.facebook.com:443/",
    "tcp://star.c10r.facebook.com:443",
    "stun://stun.fbsbx.com:3478;transport=udp",
)
CHAT, STORAGE = "https://chat.signal.org:443/", "https://storage.signal.org:443/"
DOH = "doh://dns.example:443/dns-query"


def seen(
    url: str, failure: str | None = None, operation: str | None = None, *entries: Entry, at: str = ""
) -> OONIAttempt:
    return OONIAttempt("role", parse_endpoint(url, ooni=True), "GET", operation, failure, list(entries), at)


def asked(host: str, *asns: int, failure: str | None = None, address: str = "31.13.92.1") -> DNSQuery:
    answers = [DNSAnswer(answer_type="A", ipv4=address, asn=asn or None) for asn in asns]
    return DNSQuery(engine="system", hostname=host, query_type="A", answers=answers, failure=failure)


def target(nettest: str, **services: tuple[str, ...]) -> Target:
    """Return a target. `services` maps roles to URLs, and the first URL of each is marked as OONI's."""
    made = {
        role: Service(role, "all", tuple(parse_endpoint(url, ooni=not number) for number, url in enumerate(urls)))
        for role, urls in services.items()
    }
    return Target("t", nettest, "T", "", date(2026, 1, 1), made, "")


# -- facebook_messenger ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "reached", "consistent", "reachable"),
    [
        (None, None, None, None),  # not tried
        (asked("b-api.facebook.com", 32934), seen(B_API), True, True),
        (asked("b-api.facebook.com", 32934), seen(B_API, f.TIMEOUT, "connect"), True, False),
        (
            asked("b-api.facebook.com", 32934),
            seen(B_API, f.RESET, "tls_handshake"),
            True,
            True,
        ),  # OONI never gets there
        (asked("b-api.facebook.com", 32934), None, True, None),
        (asked("b-api.facebook.com", 32934, 13335), seen(B_API), False, None),  # one foreign answer is enough
        (asked("b-api.facebook.com", 0), seen(B_API), False, None),
        (asked("b-api.facebook.com", failure=f.DNS_NXDOMAIN), seen(B_API, f.DNS_NXDOMAIN, "resolve"), False, None),
    ],
)
def test_facebook_endpoint_has_its_keys(
    query: DNSQuery | None, reached: OONIAttempt | None, consistent: bool | None, reachable: bool | None
) -> None:
    keys = facebook_messenger.summary(View([query] if query else [], [reached] if reached else []))
    assert (keys["facebook_b_api_dns_consistent"], keys["facebook_b_api_reachable"]) == (consistent, reachable)
    assert keys["facebook_dns_blocking"] is (consistent is False)
    assert keys["facebook_tcp_blocking"] is (reachable is False)
    others = [value for key, value in keys.items() if "b_api" not in key and not key.endswith("_blocking")]
    assert len(others) == 12 and set(others) == {None}


def test_facebook_stun_server_is_resolved_only() -> None:
    keys = facebook_messenger.summary(View([asked("stun.fbsbx.com", 32934)]))
    assert (keys["facebook_stun_dns_consistent"], keys["facebook_stun_reachable"]) == (True, None)
    assert facebook_messenger.extent(parse_endpoint(STUN)) == "resolve"
    assert {facebook_messenger.extent(parse_endpoint(url)) for url in (B_API, STAR)} == {"connect"}


# -- signal ----------------------------------------------------------------------------------------------------------


def test_signal_has_last_failure_unchanged() -> None:
    early, late = TCPConnect(ip="192.0.2.1", port=443, t=1.0), TCPConnect(ip="192.0.2.2", port=443, t=2.0)
    alert = "unknown_failure: remote error: tls: handshake failure"
    view = View(seen=[seen(STORAGE, alert, "tls_handshake", late), seen(CHAT, f.RESET, "tls_handshake", early)])
    keys = signal.keys(view, lists_of([]))
    assert (keys["signal_backend_status"], keys["signal_backend_failure"]) == ("blocked", alert)
    assert (keys["failed_operation"], keys["failure"]) == (None, None)


def test_signal_is_ok_only_if_every_server_was_tried() -> None:
    keys = signal.keys(View(seen=[seen(CHAT)]), lists_of([]))
    assert (keys["signal_backend_status"], keys["failure"]) == ("ok", None)
    view = View(seen=[seen(CHAT)], untried=[parse_endpoint(STORAGE)])
    assert signal.keys(view, lists_of([]))["failure"] == f.INTERRUPTED
    view.seen.append(seen(CHAT, f.RESET, "tls_handshake"))
    assert signal.keys(view, lists_of([]))["failure"] is None  # one failure is enough


# -- stunreachability --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("failure", [None, f.TIMEOUT, "unknown_failure: stun: error 400"])
def test_stun_has_failure_of_exchange(failure: str | None) -> None:
    queries = [asked("stun.example", 64500)]
    one = seen("stun://stun.example:3478;transport=udp", failure, "stun_exchange" if failure else None)
    keys = stunreachability.keys(View(queries, [one]), lists_of(queries))
    assert set(keys) == {"endpoint", "failure", "queries"}
    assert (keys["endpoint"], keys["failure"]) == ("stun.example:3478", failure)
    assert [query.hostname for query in keys["queries"]] == ["stun.example"]


def test_untried_stun_server_is_interrupted() -> None:
    assert stunreachability.keys(View(), lists_of([]))["failure"] == f.INTERRUPTED


# -- dnscheck ----------------------------------------------------------------------------------------------------------


def test_dnscheck_has_lookup_for_each_address() -> None:
    answer = asked("neutral.example", 64500, address="93.184.216.34")
    connect = TCPConnect(ip="192.0.2.1", port=443)
    good, bad = (
        seen(DOH, None, None, connect, answer, at="192.0.2.1"),
        seen(DOH, f.RESET, "tls_handshake", at="2001:db8::1"),
    )
    keys = dnscheck.keys(View([asked("dns.example", 64500)], [good, bad]), lists_of([]))
    assert set(keys["lookups"]) == {"https://192.0.2.1/dns-query", "https://[2001:db8::1]/dns-query"}
    first, second = keys["lookups"].values()
    assert (first["failed_operation"], first["failure"], len(first["tcp_connect"]), len(first["queries"])) == (
        None,
        None,
        1,
        1,
    )
    assert (second["failed_operation"], second["failure"]) == ("tls_handshake", f.RESET)
    assert keys["domain"] == "neutral.example" and keys["bootstrap_failure"] is None
    assert [query.hostname for query in keys["bootstrap"]["queries"]] == ["dns.example"]


def test_dnscheck_reports_bogons() -> None:
    answer = asked("neutral.example", 0, address="10.10.34.35")
    keys = dnscheck.keys(
        View([asked("dns.example", 0, address="10.0.0.1")], [seen(DOH, None, None, answer, at="192.0.2.1")]),
        lists_of([]),
    )
    (lookup,) = keys["lookups"].values()
    assert (lookup["failed_operation"], lookup["failure"]) == ("resolve", "dns_bogon_error")
    assert keys["bootstrap_failure"] == "dns_bogon_error"


def test_dnscheck_of_unresolved_name_has_no_lookups() -> None:
    view = View([asked("dns.example", failure=f.DNS_NXDOMAIN)], [seen(DOH, f.DNS_NXDOMAIN, "resolve")])
    keys = dnscheck.keys(view, lists_of([]))
    assert (keys["bootstrap_failure"], keys["lookups"], keys["domain"]) == (f.DNS_NXDOMAIN, {}, "")
    assert dnscheck.keys(View(), lists_of([]))["bootstrap"] is None


# -- lines and inputs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nettest", "url", "written"),
    [
        ("stunreachability", "stun://stun.example:3478;transport=udp", "stun://stun.example:3478"),
        ("stunreachability", "stun://[2001:db8::1]:3478;transport=udp", "stun://[2001:db8::1]:3478"),
        ("dnscheck", "doh://dns.example:443/dns-query", "https://dns.example/dns-query"),
        ("dnscheck", "doh://dns.example:8443/q", "https://dns.example:8443/q"),
        ("dnscheck", "dot://dns.example:853", "dot://dns.example:853"),
        ("dnscheck", "dns+udp://192.0.2.1:53", "udp://192.0.2.1:53"),
        ("telegram", "https://web.telegram.org:443/", None),
        # marked as OONI's where OONI could not ask
        ("stunreachability", "stun://stun.example:3478;transport=tcp", None),
        ("dnscheck", "https://dns.example:443/", None),
    ],
)
def test_inputs_have_form_of_ooni(nettest: str, url: str, written: str | None) -> None:
    assert NETTESTS[nettest].input_of(target(nettest, one=(url,))) == written


def test_target_of_single_input_nettest_is_split_by_service() -> None:
    urls: Any = ("stun://a.example:3478;transport=udp", "stun://a.example:3478;transport=tcp")
    parts = lines_of(target("stunreachability", a=urls, b=urls[:1]))
    assert [(list(part.services), part.whole) for part in parts] == [(["a"], False), (["b"], False)]
    one = target("telegram", a=("tcp://a.example:1",), b=("tcp://b.example:1",))
    assert lines_of(one) == [one] and one.whole
