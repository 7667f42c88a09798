"""Facebook and Messenger: can pages, messages, the apps' interface, pictures and call set-up be reached?

Spec: https://github.com/ooni/spec/blob/master/nettests/ts-019-facebook-messenger.md
"""

from typing import Any

from probe.formats.entries import DNSQuery
from probe.formats.keys import Lists
from probe.nettests.nettest import OONI_SPECS, Nettest
from probe.ooni.view import Extent, Seen, View, urlgetter_keys
from probe.targets.target import Endpoint

ASN = 32934  # Facebook's; an answer in another network counts as a lie, a cache inside a provider's too

INFIXES = {
    "b-api.facebook.com": "b_api",
    "b-graph.facebook.com": "b_graph",
    "edge-mqtt.facebook.com": "edge",
    "external.xx.fbcdn.net": "external_cdn",
    "scontent.xx.fbcdn.net": "scontent_cdn",
    "star.c10r.facebook.com": "star",
    "stun.fbsbx.com": "stun",
}
"""Host → what stands for it in OONI's keys: fbmessenger.go in ooni/probe-cli 7cb22410, opened 2026-11-24."""


def extent(endpoint: Endpoint) -> Extent:
    """OONI only connects, whatever is spoken there, and of the STUN server it looks the name up."""
    return "resolve" if endpoint.carrier == "udp" else "connect"


def keys(view: View, lists: Lists) -> dict[str, Any]:
    """OONI's test keys."""
    return urlgetter_keys(lists) | summary(view)


def summary(view: View) -> dict[str, Any]:
    """OONI's summary keys (reference/ooni.md 3.3): null is what was not tried, or stands behind a name in doubt."""
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


def _reachable(seen: Seen | None) -> bool | None:
    return None if seen is None else seen.operation != "connect"


NETTEST = Nettest("facebook_messenger", "0.2.1", OONI_SPECS + "ts-019-facebook-messenger.md", keys=keys, extent=extent)
