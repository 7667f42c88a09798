"""Compute OONI's classic verdict of web_connectivity 0.5: the first rule that fires on the deepest attempt.

Source: ooni/probe-cli 7cb22410. These rules accuse on less evidence than ours. They fill OONI's keys, and our rules do
not read those. One case differs: 0.5.28 calls a site accessible if its name does not resolve and there is no control.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from probe.formats import failures as f
from probe.formats.entries import HTTPTransaction
from probe.ooni.web_connectivity.name_lookups import Lookup, consistency, dns_flags
from probe.ooni.web_connectivity.page_attempts import DNS, HTTP, TCP, TLS, PageAttempt
from probe.ooni.web_connectivity.page_comparison import same_page

Blocking = Literal["dns", "tcp_ip", "http-failure", "http-diff", False] | None
# for failures without a name, which OONI's backend would set aside
LAYER_WORDS = {TLS: f.SSL_FAILED_HANDSHAKE, HTTP: "http_request_failed"}
UNREACHABLE = frozenset({f.NETWORK_UNREACHABLE, f.HOST_UNREACHABLE})
BY_DNS, BY_TCP, BY_TLS, BY_HTTP, DIFFERS, SUCCESS = 1, 2, 4, 8, 16, 32  # x_blocking_flags
DNS_TOO, TCP_TOO, TLS_TOO, UNCOMPARED, ONLY_HERE = 1, 2, 4, 8, 16  # x_null_null_flags


@dataclass(frozen=True)
class Verdict:
    """Hold OONI's two keys and the failure of the deciding attempt."""

    accessible: bool | None
    blocking: Blocking
    failure: str | None = None


UNDECIDED, DOWN = Verdict(None, None), Verdict(False, False)


@dataclass(frozen=True)
class WalkComparison:
    """Hold the attempts here and the answer in the form of OONI's helper (None without one)."""

    attempts: list[PageAttempt]
    lookup: Lookup
    answer: dict[str, Any] | None

    @property
    def page(self) -> dict[str, Any] | None:
        page = (self.answer or {}).get("http_request")
        return page if isinstance(page, dict) else None

    def at_control(self, attempt: PageAttempt) -> dict[str, Any] | None:
        """Return the helper's result of the same operation at the same address. The helper follows redirects itself."""
        kind = {TCP: "tcp_connect", TLS: "tls_handshake"}.get(attempt.kind, "")
        said = ((self.answer or {}).get(kind) or {}).get(attempt.address) if attempt.depth == 0 else None
        return said if isinstance(said, dict) else None


def is_final(request: HTTPTransaction | None) -> bool:
    """Tell whether an answer is a page and not a redirect."""
    return request is not None and request.failure is None and request.response.code // 100 in {2, 4, 5}


def verdict_of(seen: WalkComparison) -> Verdict:
    """Apply the rules, deepest attempt first. Inconsistent names override every verdict except `accessible`."""
    order = sorted(seen.attempts, key=lambda a: (-a.depth, -a.kind, a.failure is not None, a.transaction_id))
    found = next((said for attempt in order if (said := _rule(attempt, seen)) is not None), UNDECIDED)
    if found.accessible is not True and consistency(seen.lookup) == "inconsistent":
        return Verdict(False, "dns", found.failure)
    return found


def _rule(attempt: PageAttempt, seen: WalkComparison) -> Verdict | None:
    """Return the verdict of one attempt, or None to continue with the next."""
    if attempt.kind == DNS:
        return _names(attempt, seen)
    if attempt.failure is not None:
        said = _failed(attempt, seen)
        return Verdict(said.accessible, said.blocking, named(attempt))
    if attempt.kind == HTTP and is_final(attempt.request):
        return _page(attempt, seen)
    return None


def _page(attempt: PageAttempt, seen: WalkComparison) -> Verdict:
    assert attempt.request is not None
    if attempt.over_tls:
        return Verdict(True, False)
    if seen.page is None or seen.page.get("failure") is not None:
        return UNDECIDED
    return Verdict(True, False) if same_page(attempt.request, seen.page) else Verdict(False, "http-diff")


def _failed(attempt: PageAttempt, seen: WalkComparison) -> Verdict:
    """Compare a failure of HTTP, TLS or TCP with the control's own attempt, or else with its page."""
    if seen.page is None:
        return UNDECIDED
    if attempt.kind == HTTP:
        return DOWN if seen.page.get("failure") is not None else Verdict(False, "http-failure")
    control = seen.at_control(attempt)
    if control is None:
        return Verdict(False, "http-failure")
    if control.get("failure") is not None:
        return DOWN
    return Verdict(False, "tcp_ip" if attempt.kind == TCP else "http-failure")


def _names(attempt: PageAttempt, seen: WalkComparison) -> Verdict | None:
    lookup = seen.lookup
    if attempt.failure is not None:
        if seen.page is None:
            return Verdict(None, None, named(attempt))  # OONI's 0.5.28: accessible
        too = attempt.depth == 0 and lookup.failed_as_expected
        return Verdict(False, False if too else "dns", named(attempt))
    if attempt.depth or not lookup.loopback or not lookup.control:
        return None
    return DOWN if lookup.control_loopback else Verdict(False, "dns")


def named(attempt: PageAttempt) -> str | None:
    """Return the failure for a summary key. An unknown failure gets the name of its layer."""
    if attempt.failure is None or not attempt.failure.startswith(f.UNKNOWN):
        return attempt.failure
    return LAYER_WORDS.get(attempt.kind, f.INTERRUPTED)


# -- flags -----------------------------------------------------------------------------------------------------------


def proven(attempts: Iterable[PageAttempt]) -> bool:
    """Tell whether a certificate here shows that an address belongs to the first host."""
    return any(
        a.depth == 0 and (a.kind > TLS or (a.kind == TLS and a.failure is None)) and a.over_tls for a in attempts
    )


def blocking_flags(seen: WalkComparison) -> int:
    """Return OONI's `x_blocking_flags`: each way in which an operation fails here and not at the control."""
    flags = BY_DNS * bool(dns_flags(seen.lookup, proven=proven(seen.attempts)))
    for attempt in seen.attempts:
        page_there = seen.page is not None and seen.page.get("failure") is None
        if attempt.kind in {TCP, TLS} and attempt.failure is not None and not _no_route(attempt):
            control = seen.at_control(attempt)
            works_there = page_there if control is None else control.get("failure") is None
            flags |= (BY_TCP if attempt.kind == TCP else BY_TLS) * works_there
        elif attempt.kind == HTTP and attempt.failure is not None:
            flags |= BY_HTTP * page_there
        elif attempt.kind == HTTP and is_final(attempt.request):
            flags |= {True: SUCCESS, False: DIFFERS, None: 0}[_is_the_page(attempt, seen, page_there)]
    return flags


def null_null_flags(seen: WalkComparison) -> int:
    """Return OONI's `x_null_null_flags`: failures here and at the control too, and failures without comparison."""
    flags = DNS_TOO * seen.lookup.failed_as_expected | ONLY_HERE * seen.lookup.only_here
    for attempt in seen.attempts:
        control = seen.at_control(attempt)
        if attempt.failure is not None and control is not None and control.get("failure") is not None:
            flags |= TCP_TOO if attempt.kind == TCP else TLS_TOO
        if attempt.over_tls and is_final(attempt.request) and seen.page is None:
            flags |= UNCOMPARED
    return flags


def _is_the_page(attempt: PageAttempt, seen: WalkComparison, page_there: bool) -> bool | None:
    """Tell whether a final answer is the site's own page. None if nothing proves it and nothing can be compared."""
    assert attempt.request is not None
    if attempt.over_tls:
        return True
    return same_page(attempt.request, seen.page) if page_there else None


def _no_route(attempt: PageAttempt) -> bool:
    return attempt.address.startswith("[") and attempt.failure in UNREACHABLE
