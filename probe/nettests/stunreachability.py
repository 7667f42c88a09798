"""Send Binding requests to public STUN servers over UDP, TCP and TLS.

Spec: https://github.com/ooni/spec/blob/master/nettests/ts-025-stun-reachability.md
"""

from typing import Any

from probe.formats import failures as f
from probe.formats.keys import Lists
from probe.nettests.nettest import OONI_SPECS, Nettest
from probe.ooni.view import Extent, View
from probe.targets.target import Endpoint, Target

ASKED = "stun/udp"  # the dialect of OONI's inputs


def extent(endpoint: Endpoint) -> Extent:
    """Return how far OONI goes: the first address, over UDP only."""
    return "exchange" if endpoint.dialect == ASKED else "resolve"


def input_of(target: Target) -> str | None:
    """Return `stun://HOST:PORT` of the endpoint that is marked as OONI's."""
    asked = _asked(target)
    return f"stun://{_place(asked)}" if asked else None


def keys(view: View, lists: Lists) -> dict[str, Any]:
    """Return OONI's test keys. null means success there, so an endpoint that was not tried gets a failure."""
    seen = view.seen[0] if view.seen else None
    return {
        "endpoint": _place(seen.endpoint) if seen else "",
        "failure": seen.failure if seen else f.INTERRUPTED,
        "queries": lists.queries,
    }


def _asked(target: Target) -> Endpoint | None:
    return next((endpoint for _, endpoint in target.endpoints() if endpoint.ooni and endpoint.dialect == ASKED), None)


def _place(endpoint: Endpoint) -> str:
    return f"[{endpoint.host}]:{endpoint.port}" if ":" in endpoint.host else f"{endpoint.host}:{endpoint.port}"


NETTEST = Nettest(
    "stunreachability",
    "0.4.0",
    OONI_SPECS + "ts-025-stun-reachability.md",
    keys=keys,
    extent=extent,
    input_of=input_of,
    per_service=True,
)
