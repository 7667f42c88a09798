"""Reach the pages, messages, API, images and call set-up of Facebook and Messenger.

Spec: https://github.com/ooni/spec/blob/master/nettests/ts-019-facebook-messenger.md
"""

from typing import Any

from probe.formats.entries import DNSQuery
from probe.formats.keys import Lists
from probe.nettests.nettest import OONI_SPECS, Nettest
from probe.ooni.view import Extent, OONIAttempt, View, urlgetter_keys
from probe.targets.target import Endpoint

ASN = 32934  # Facebook's. OONI counts an answer in another network as wrong, even a cache inside a provider.

INFIXES = {
    "b-api.facebook.com": "b_api",
    "b-graph.facebook.com": "b_graph",
    "edge-mqtt.facebook.com": "edge",
    "external.xx.fbcdn.net": "external_cdn",
    "scontent.xx.fbcdn.net": "scontent_cdn",
    "star.c10r.facebook.com": "star",
    "stun.fbsbx.com": "stun",
}
"""Host: its part of OONI's keys (fbmessenger.go in ooni/probe-cli 7cb22410, opened 2026-11-24)."""


def extent(endpoint: Endpoint) -> Extent:
    """Return how far OONI goes: a TCP connect for every endpoint, and for the STUN server only the lookup."""
    return "resolve" if endpoint.carrier == "udp" else "connect"


def keys(view: View, lists: Lists) -> dict[str, Any]:
    """Return OONI's test keys."""
    return urlgetter_keys(lists) | summary(view)


def summary(view: View) -> dict[str, Any]:
    """Return OONI's summary keys. null means not tried, or behind a name with a doubtful answer."""
    reached = {seen.endpoint.host: seen for seen in view.seen}
    said: dict[str, Any] = {}
    for host, infix in INFIXES.items():
        consistent = _consistent([query for query in view.queries if query.hostname == host])
        said[f"facebook_{infix}_dns_consistent"] = consistent
        said[f"facebook_{infix}_reachable"] = _reachable(reached.get(host)) if consistent and infix != "stun" else None
    return said | {
        "facebook_dns_blocking": any(said[f"facebook_{infix}_dns_consistent"] is False for infix in INFIXES.values()),
        "facebook_tcp_blocking": any(said[f"facebook_{infix}_reachable"] is False for infix in INFIXES.values()),
    }


def _consistent(queries: list[DNSQuery]) -> bool | None:
    if not queries:
        return None
    answers = [answer for query in queries for answer in query.answers]
    return bool(answers) and all(answer.asn == ASN for answer in answers)


def _reachable(seen: OONIAttempt | None) -> bool | None:
    return None if seen is None else seen.operation != "connect"


NETTEST = Nettest("facebook_messenger", "0.2.1", OONI_SPECS + "ts-019-facebook-messenger.md", keys=keys, extent=extent)
