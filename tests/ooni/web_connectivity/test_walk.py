"""Test OONI's classic verdict rule by rule, DNS consistency and the flags (ooni/probe-cli 7cb22410)."""

from typing import Any

import pytest

from probe.formats import failures as f
from probe.formats.entries import HTTPRequest, HTTPResponse, HTTPTransaction
from probe.ooni.web_connectivity.name_lookups import Lookup, consistency, dns_flags
from probe.ooni.web_connectivity.page_attempts import DNS, HTTP, TCP, TLS, PageAttempt
from probe.ooni.web_connectivity.walk import (
    WalkComparison,
    blocking_flags,
    named,
    null_null_flags,
    verdict_of,
)

IP, PLACE = "151.101.1.1", "151.101.1.1:443"
SAME = Lookup({IP: 0}, None, {IP: 0})
ALONE = Lookup({IP: 0}, None)
FALSE_ANSWER = Lookup({"93.184.216.34": 15133}, None, {IP: 54113})
PAGE: dict[str, Any] = {"status_code": 200, "body_length": 100, "failure": None, "title": "", "headers": {}}
NO_PAGE: dict[str, Any] = {"status_code": -1, "body_length": -1, "failure": "unknown_error", "title": "", "headers": {}}
WORKS: dict[str, Any] = {"status": True, "failure": None}
FAILS: dict[str, Any] = {"status": False, "failure": "generic_timeout_error"}


def answer(page: dict[str, Any] = PAGE, tcp: Any = WORKS, tls: Any = WORKS) -> dict[str, Any]:
    return {"http_request": page, "tcp_connect": {PLACE: tcp}, "tls_handshake": {PLACE: tls}}


def got(code: int = 200, *, tls: bool = True, depth: int = 0, length: int = 100) -> PageAttempt:
    response = HTTPResponse(code=code, x_body_length=length, body_is_truncated=False)
    request = HTTPTransaction(request=HTTPRequest(url="x"), response=response)
    return PageAttempt(depth, HTTP, None, 9, "a.example", PLACE, request, tls)


def failed(kind: int, failure: str = f.RESET, *, depth: int = 0, place: str = PLACE) -> PageAttempt:
    return PageAttempt(depth, kind, failure, 5, "a.example", place, None, kind in {TLS, HTTP})


UNKNOWN = f"{f.UNKNOWN}: something odd"
NX = Lookup({}, f.DNS_NXDOMAIN, {}, "dns_name_error")
DENIED = Lookup({}, f.DNS_NXDOMAIN, {IP: 0})
LOOP = Lookup({"127.0.0.1": 0}, None, {IP: 0})


@pytest.mark.parametrize(
    ("attempts", "lookup", "control", "accessible", "blocking"),
    [
        ([got()], ALONE, None, True, False),  # 1: TLS proves the page without comparison
        ([got(404)], FALSE_ANSWER, answer(NO_PAGE), True, False),
        ([got(tls=False)], ALONE, None, None, None),  # 1b
        ([got(tls=False)], SAME, answer(), True, False),  # 1c
        ([got(403, tls=False)], SAME, answer(), False, "http-diff"),  # 1d
        ([got(tls=False, length=10)], SAME, answer({**PAGE, "title": "Long title"}), False, "http-diff"),
        ([failed(HTTP)], SAME, None, None, None),  # 2
        ([failed(HTTP)], SAME, answer(NO_PAGE), False, False),
        ([failed(HTTP)], SAME, answer(), False, "http-failure"),
        ([failed(TLS)], ALONE, None, None, None),  # 3
        ([failed(TLS, place="9.9.9.9:443")], SAME, answer(), False, "http-failure"),
        ([failed(TLS)], SAME, answer(tls=FAILS), False, False),
        ([failed(TLS)], SAME, answer(), False, "http-failure"),
        ([failed(TCP)], ALONE, None, None, None),  # 4
        ([failed(TCP, place="9.9.9.9:443")], SAME, answer(), False, "http-failure"),
        ([failed(TCP)], SAME, answer(tcp=FAILS), False, False),
        ([failed(TCP)], SAME, answer(), False, "tcp_ip"),
        ([failed(DNS, f.DNS_NXDOMAIN)], Lookup({}, f.DNS_NXDOMAIN), None, None, None),  # 5, where OONI says accessible
        ([failed(DNS, f.DNS_NXDOMAIN)], NX, answer(NO_PAGE), False, False),
        ([failed(DNS, f.DNS_NXDOMAIN)], DENIED, answer(), False, "dns"),
        ([failed(DNS, f.DNS_NXDOMAIN, depth=1)], SAME, answer(), False, "dns"),
        ([PageAttempt(0, DNS, None, 1, "a.example")], LOOP, answer(), False, "dns"),  # 6
        ([], SAME, answer(), None, None),
        ([failed(TCP)], FALSE_ANSWER, answer(), False, "dns"),  # the override
        ([failed(TLS)], FALSE_ANSWER, answer(tls=FAILS), False, "dns"),
        ([got(302, tls=False), failed(TLS, depth=1)], SAME, answer(), False, "http-failure"),  # deepest first
        ([failed(TCP), got()], SAME, answer(), True, False),  # the last operation first
        ([failed(HTTP), got()], SAME, answer(), True, False),  # a success first
        ([got(302)], SAME, answer(), None, None),  # a redirect is no page
    ],
)
def test_classic_rules_give_verdict_of_ooni(
    attempts: list[PageAttempt], lookup: Lookup, control: Any, accessible: bool | None, blocking: str | bool | None
) -> None:
    verdict = verdict_of(WalkComparison(attempts, lookup, control))
    assert (verdict.accessible, verdict.blocking) == (accessible, blocking)


def test_loopback_answers_on_both_sides_are_not_blocking() -> None:
    both = Lookup({"127.0.0.1": 0}, None, {"127.0.0.1": 0})
    verdict = verdict_of(WalkComparison([PageAttempt(0, DNS, None, 1, "a.example")], both, answer()))
    assert (verdict.accessible, verdict.blocking) == (False, False)


@pytest.mark.parametrize(
    ("attempt", "expected"),
    [
        (failed(TLS), f.RESET),
        (failed(TLS, UNKNOWN), f.SSL_FAILED_HANDSHAKE),
        (failed(HTTP, UNKNOWN), "http_request_failed"),
        (failed(TCP, UNKNOWN), f.INTERRUPTED),
        (got(), None),
    ],
)
def test_summary_failure_never_starts_with_unknown(attempt: PageAttempt, expected: str | None) -> None:
    assert named(attempt) == expected
    if attempt.failure is not None:
        assert verdict_of(WalkComparison([attempt], SAME, answer())).failure == expected


@pytest.mark.parametrize(
    ("lookup", "expected", "flags"),
    [
        (ALONE, None, 0),
        (SAME, "consistent", 0),
        (FALSE_ANSWER, "inconsistent", 4),
        (Lookup({"93.184.216.34": 7}, None, {IP: 7}), "consistent", 0),  # same network
        (Lookup({"93.184.216.34": 0}, None, {IP: 0}), "inconsistent", 4),  # an unknown network is none
        (Lookup({"10.10.34.36": 0}, None, {IP: 0}), "inconsistent", 5),
        # a genuine address does not hide a forged one
        (Lookup({IP: 0, "10.10.34.36": 0}, None, {IP: 0}), "inconsistent", 5),
        (Lookup({"10.10.34.36": 0}, None), None, 1),
        (Lookup({"10.0.0.1": 0}, None, {"10.0.0.1": 0}), "consistent", 0),  # the control gets it too
        (NX, "consistent", 0),
        (DENIED, "inconsistent", 2),
        (Lookup({}, f.DNS_NO_ANSWER, {}), "consistent", 0),
        (Lookup({}, f.DNS_NXDOMAIN, {}), "inconsistent", 2),  # the name exists there, without an address
        (Lookup({IP: 0}, None, {}), "inconsistent", 4),
    ],
)
def test_dns_consistency_is_that_of_ooni(lookup: Lookup, expected: str | None, flags: int) -> None:
    assert (consistency(lookup), dns_flags(lookup, proven=False)) == (expected, flags)


def test_verified_certificate_makes_address_consistent() -> None:
    assert dns_flags(FALSE_ANSWER, proven=True) == 0
    assert blocking_flags(WalkComparison([got()], FALSE_ANSWER, answer())) == 32
    assert blocking_flags(WalkComparison([got(tls=False)], FALSE_ANSWER, answer())) == 1 | 32


@pytest.mark.parametrize(
    ("attempts", "control", "flags"),
    [
        ([failed(TCP)], answer(), 2),
        ([failed(TCP)], answer(tcp=FAILS), 0),
        ([failed(TCP)], None, 0),
        ([failed(TCP, f.NETWORK_UNREACHABLE, place="[2a00::1]:443")], answer(), 0),  # a family that does not work here
        ([failed(TLS)], answer(), 4),
        ([failed(TLS, depth=1)], answer(), 4),
        ([failed(HTTP)], answer(), 8),
        ([failed(HTTP)], answer(NO_PAGE), 0),
        ([got(403, tls=False)], answer(), 16),
        ([got(tls=False)], None, 0),
        ([got(), failed(TCP)], answer(), 2 | 32),
    ],
)
def test_blocking_flags_are_those_of_ooni(attempts: list[PageAttempt], control: Any, flags: int) -> None:
    assert blocking_flags(WalkComparison(attempts, SAME if control else ALONE, control)) == flags


@pytest.mark.parametrize(
    ("attempts", "lookup", "control", "flags"),
    [
        ([failed(DNS, f.DNS_NXDOMAIN)], NX, answer(NO_PAGE), 1),
        ([failed(TCP)], SAME, answer(tcp=FAILS), 2),
        ([failed(TLS)], SAME, answer(tls=FAILS), 4),
        ([got()], ALONE, None, 8),
        ([got()], Lookup({IP: 0}, None, {}), answer(), 16),
        ([failed(TCP)], SAME, answer(), 0),
    ],
)
def test_null_null_flags_are_those_of_ooni(
    attempts: list[PageAttempt], lookup: Lookup, control: Any, flags: int
) -> None:
    assert null_null_flags(WalkComparison(attempts, lookup, control)) == flags
