"""List each kind of evidence in a measurement, with a function that removes it.

The kinds come from the format, so that a new kind is included at once.
"""

from collections.abc import Callable
from typing import Any, get_args

from probe.formats.facts import Control, Preflight
from probe.formats.followups import FollowUp
from probe.formats.keys import LISTS
from probe.formats.transactions import Kind
from tests.support.measurements.ablation import without_transactions

Cut = Callable[[dict[str, Any]], dict[str, Any]]

ABOUT_THE_HELPER = frozenset(
    {
        "failure",
        "software_version",
        "targets_digest",
        "echo",
        "fresh",
        "anomalies",
        "asked_again",
        "asked",
        "contradicted",
    }
)
"""Facts about the helper that no verdict reads. `echo` lists the ports for the probe."""
FACTS_ONLY = frozenset({"media", "reflector_calls", "sip_calls", "webrtc_calls", "transfers"})
"""Lists of entries that no verdict reads."""
UNREAD = frozenset({"sip_call", "webrtc_call", "hello_with_ech_key"})
"""Follow-ups that no verdict reads."""
ABOUT_THE_RUN = frozenset(
    {
        *("began", "ipv4", "ipv6", "udp", "proxy_environment", "resolver_class", "runtime", "helpers"),
        *("ipv4_proven", "ipv4_translated", "ipv6_proven", "mtu"),
    }
)
"""Facts of the preflight that no verdict reads, or that `x_run.families` and `udp_public` repeat.

Without `began` the preflight counts as near. Older measurements lack `ipv4_proven`, `ipv6_proven` and `mtu`: every
family that works there is a proven one. No system of the lab refuses smaller segments.
"""

CHECKS = "network_checks"
RACES = "queries.x_responses"
CERTIFICATES = "tls_handshakes.peer_certificates"
CLOSED_PORT = "dark_resolver at the helper"


def _without(chosen: Callable[[dict[str, Any]], bool]) -> Cut:
    return lambda measurement: without_transactions(
        measurement, [r["transaction_id"] for r in measurement["test_keys"]["x_transactions"] if chosen(r)]
    )


def _followup(kind: str) -> Cut:
    return _without(lambda record: record["followup"] == kind)


def _kind(kind: str) -> Cut:
    return _without(lambda record: record["kind"] == kind)


def _keys(measurement: dict[str, Any], **new: Any) -> dict[str, Any]:
    return {**measurement, "test_keys": {**measurement["test_keys"], **new}}


def _places(measurement: dict[str, Any], name: str, change: Callable[[list[Any]], list[Any]]) -> dict[str, Any]:
    keys = measurement["test_keys"]
    inner = {holder: keys[holder] for holder in ("x_endpoints", "x_followups") if keys.get(holder)}
    new = {holder: {**lists, name: change(lists.get(name) or [])} for holder, lists in inner.items()}
    return _keys(measurement, **new, **({name: change(keys[name] or [])} if name in keys else {}))


def _list(name: str) -> Cut:
    return lambda measurement: _places(measurement, name, lambda entries: [])


def _field(path: str) -> Cut:
    name, _, field = path.partition(".")
    return lambda measurement: _places(
        measurement, name, lambda entries: [{key: value for key, value in e.items() if key != field} for e in entries]
    )


def _control(section: str) -> Cut:
    def cut(measurement: dict[str, Any]) -> dict[str, Any]:
        control = measurement["test_keys"]["x_control"] or {}
        return _keys(measurement, x_control={key: value for key, value in control.items() if key != section})

    return cut


def _preflight(fact: str) -> Cut:
    def cut(measurement: dict[str, Any]) -> dict[str, Any]:
        run = measurement["test_keys"]["x_run"]
        facts = {key: value for key, value in run["preflight"].items() if key != fact}
        return _keys(measurement, x_run={**run, "preflight": facts})

    return cut


def _run(name: str) -> Cut:
    def cut(measurement: dict[str, Any]) -> dict[str, Any]:
        run = {key: value for key, value in measurement["test_keys"]["x_run"].items() if key != name}
        return _keys(measurement, x_run=run)

    return cut


FOLLOWUPS: dict[str, Cut] = {kind: _followup(kind) for kind in get_args(FollowUp) if kind and kind not in UNREAD}
PASSES: dict[str, Cut] = {kind: _kind(kind) for kind in get_args(Kind) if kind != "followup"}
ENTRIES: dict[str, Cut] = {name: _list(name) for name in LISTS if name not in FACTS_ONLY}
OUTSIDE: dict[str, Cut] = {
    "x_control": lambda measurement: _keys(measurement, x_control=None),
    **{f"x_control.{name}": _control(name) for name in Control.model_fields if name not in ABOUT_THE_HELPER},
}
CUTS: dict[str, Cut] = {
    **FOLLOWUPS,
    **PASSES,
    **ENTRIES,
    **OUTSIDE,
    **{f"preflight.{name}": _preflight(name) for name in Preflight.model_fields if name not in ABOUT_THE_RUN},
    CHECKS: _run(CHECKS),
    RACES: _field(RACES),
    CERTIFICATES: _field(CERTIFICATES),
    CLOSED_PORT: _without(lambda r: r["followup"] == "dark_resolver" and r["address"] == "helper"),
}
"""Each kind of evidence with the function that returns the measurement without it."""
