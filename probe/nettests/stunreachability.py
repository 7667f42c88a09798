"""STUN: do public servers answer a Binding request from a stranger, over UDP, TCP and TLS?

Spec: https://github.com/ooni/spec/blob/master/nettests/ts-025-stun-reachability.md
"""

from collections.abc import Collection
from typing import Any

from probe.dialogue import always_get as method
from probe.formats import failures as f
from probe.formats.testkeys import Lists
from probe.ooni_view import Extent, View
from probe.reach import Reach
from probe.targets import Endpoint, Target

TEST_NAME = "stunreachability"
TEST_VERSION = "0.4.0"  # OONI's, while steps and summary rules are OONI's; our own revision is x_revision
SPEC = "https://github.com/ooni/spec/blob/master/nettests/ts-025-stun-reachability.md"
OONI = True
PER_SERVICE = True
ASKED = "stun/udp"  # the dialect of OONI's inputs

__all__ = [
    "OONI",
    "PER_SERVICE",
    "SPEC",
    "TEST_NAME",
    "TEST_VERSION",
    "extent",
    "input_of",
    "keys",
    "measure",
    "method",
]


async def measure(reach: Reach, target: Target, roles: Collection[str]) -> None:
    """Try every endpoint of the given roles on every address."""
    await reach.services(target, roles, method)


def extent(endpoint: Endpoint) -> Extent:
    """OONI asks the first address, over UDP and no other way."""
    return "exchange" if endpoint.dialect == ASKED else "resolve"


def input_of(target: Target) -> str | None:
    """`stun://HOST:PORT` of the endpoint that is marked as OONI's."""
    asked = _asked(target)
    return f"stun://{_place(asked)}" if asked else None


def keys(view: View, lists: Lists) -> dict[str, Any]:
    """OONI's test keys (reference/ooni.md 3.5); what was not tried has not succeeded, and null would say so."""
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
