"""Check that public resolvers answer a question for a neutral name over UDP, TLS and HTTPS.

Spec: https://github.com/ooni/spec/blob/master/nettests/ts-028-dnscheck.md
"""

from collections.abc import Sequence
from typing import Any

from probe.formats.entries import DNSQuery
from probe.formats.keys import Lists
from probe.nettests.nettest import OONI_SPECS, Nettest
from probe.ooni.view import Extent, OONIAttempt, View, lists_of, urlgetter_keys
from probe.signatures.bogons import is_bogon
from probe.targets.target import Endpoint, Target

BOGON = "dns_bogon_error"  # OONI rejects such answers here. Our own entries keep them.


def extent(endpoint: Endpoint) -> Extent:
    """Return how far OONI goes: every address of the resolver, over the schemes that OONI knows."""
    return "every_address" if endpoint.facts.ooni_scheme else "resolve"


def input_of(target: Target) -> str | None:
    """Return the URL of the endpoint that is marked as OONI's."""
    return next((_url(e, e.host) for _, e in target.endpoints() if e.ooni and e.facts.ooni_scheme), None)


def keys(view: View, lists: Lists) -> dict[str, Any]:
    """Return OONI's test keys: the lookup of the resolver's own name, then the answer of each address."""
    asked = [seen for seen in view.seen if seen.address]
    queries = [entry for seen in asked for entry in seen.entries if isinstance(entry, DNSQuery)]
    return {
        "bootstrap": urlgetter_keys(lists_of(view.queries)) if view.queries else None,
        "bootstrap_failure": _bootstrap_failure(view.queries),
        "domain": queries[0].hostname if queries else "",
        "lookups": {_url(seen.endpoint, seen.address): _lookup(seen) for seen in asked},
        "x_default_addrs": "",
        "x_residual": False,
    }


def _bootstrap_failure(queries: Sequence[DNSQuery]) -> str | None:
    if not queries or any(query.failure is None for query in queries):
        return BOGON if _has_bogon(queries) else None
    return queries[0].failure


def _lookup(seen: OONIAttempt) -> dict[str, Any]:
    queries = [entry for entry in seen.entries if isinstance(entry, DNSQuery)]
    if seen.failure is None and _has_bogon(queries):
        return urlgetter_keys(lists_of(seen.entries), "resolve", BOGON)
    return urlgetter_keys(lists_of(seen.entries), seen.operation, seen.failure)


def _has_bogon(queries: Sequence[DNSQuery]) -> bool:
    return any(answer.address and is_bogon(answer.address) for query in queries for answer in query.answers)


def _url(endpoint: Endpoint, host: str) -> str:
    """Return the endpoint as OONI writes it, with `host` as its host. HTTPS has no default port."""
    scheme = endpoint.facts.ooni_scheme
    place = f"[{host}]" if ":" in host else host
    port = "" if (scheme, endpoint.port) == ("https", 443) else f":{endpoint.port}"
    return f"{scheme}://{place}{port}{endpoint.path}"


NETTEST = Nettest(
    "dnscheck",
    "0.9.3",
    OONI_SPECS + "ts-028-dnscheck.md",
    keys=keys,
    extent=extent,
    input_of=input_of,
    per_service=True,
)
