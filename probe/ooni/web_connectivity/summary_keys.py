"""Build the test keys of web_connectivity 0.5 from OONI's view and a control in the form of OONI's helper."""

from typing import Any

from probe.formats import failures as f
from probe.formats.entries import HTTPTransaction
from probe.ooni.web_connectivity import page_comparison
from probe.ooni.web_connectivity.name_lookups import consistency, dns_flags, lookup_of
from probe.ooni.web_connectivity.ooni_control import helper_answer
from probe.ooni.web_connectivity.page_attempts import WebView
from probe.ooni.web_connectivity.walk import (
    Verdict,
    WalkComparison,
    blocking_flags,
    is_final,
    null_null_flags,
    proven,
    verdict_of,
)
from probe.steps.http.http_answer import BROWSER

NOBODY_ASKED = f.INTERRUPTED  # OONI always asks its helper, so it has no failure for this


def summary_keys(view: WebView) -> dict[str, Any]:
    """Return OONI's keys beside its lists, with our own helper as control. No helper counts as a failed one."""
    assert view.endpoint is not None
    answer = helper_answer(view.control, view.endpoint.url, view.endpoint.host)
    failure = None if answer is not None else (view.control or {}).get("failure") or NOBODY_ASKED
    asked = control_request(view) if view.control else None
    return compared(view, answer, failure) | {"x_redirects": view.redirects, "x_control_request": asked}


def compared(view: WebView, answer: dict[str, Any] | None, control_failure: str | None) -> dict[str, Any]:
    """Return the keys for an answer in the form of OONI's helper, or for the reason why there is none.

    OONI's backend sets aside measurements with a key that starts with `unknown_failure`, so such failures are renamed.
    """
    assert view.endpoint is not None
    literal = view.endpoint.host if view.endpoint.is_literal else ""
    seen = WalkComparison(view.attempts, lookup_of(view.lookups, answer, literal), answer)
    page, here = seen.page, _last_page(view)
    verdict = verdict_of(seen)
    if view.filtered_near and verdict.accessible is not True:
        verdict = Verdict(None, None, verdict.failure)  # as where nothing shows the cause
    vague = control_failure is not None and control_failure.startswith(f.UNKNOWN)
    return {
        "client_resolver": "127.0.0.2",  # the real resolver would reveal the user's network, and resolver_asn is enough
        "retries": None,
        "dns_experiment_failure": seen.lookup.failure,
        "dns_consistency": consistency(seen.lookup),
        "control_failure": "http_request_failed" if vague else control_failure,
        "control": answer,
        "http_experiment_failure": verdict.failure,
        "body_length_match": page_comparison.body_length_match(here, page),
        "body_proportion": page_comparison.body_proportion(here, page),
        "status_code_match": page_comparison.status_code_match(here, page),
        "headers_match": page_comparison.headers_match(here, page),
        "title_match": page_comparison.title_match(here, page),
        "accessible": verdict.accessible,
        "blocking": verdict.blocking,
        "x_dns_flags": dns_flags(seen.lookup, proven=proven(view.attempts)),
        "x_blocking_flags": blocking_flags(seen),
        "x_null_null_flags": null_null_flags(seen),
        "x_dns_whoami": None,  # no third party is asked for our address
        "x_doh": None,  # our own questions are in x_endpoints
        "x_do53": None,
        "x_dns_duplicate_responses": view.doubled,
        "x_conn_priority_log": _priority_log(view),
    }


def control_request(view: WebView) -> dict[str, Any]:
    """Return the request that OONI's probe would send to its helper."""
    asked = {name: [value] for name, value in BROWSER.items()}
    return {
        "http_request": view.url,
        "http_request_headers": asked,
        "tcp_connect": view.endpoints,
        "x_quic_enabled": False,
    }


def _last_page(view: WebView) -> HTTPTransaction | None:
    """Return the page at the end of the chain, or None."""
    pages = [attempt for attempt in view.attempts if is_final(attempt.request)]
    return max(pages, key=lambda attempt: attempt.depth).request if pages else None


def _priority_log(view: WebView) -> list[dict[str, Any]]:
    return [
        {"msg": f"conn {address}: granted permission: {str(asked).lower()}", "t": when}
        for when, address, asked in sorted(view.ready)
    ]
