"""Check whether TLS hellos with Encrypted ClientHello pass: with random bytes, and with the published key.

Spec: https://github.com/ooni/spec/blob/master/nettests/ts-039-echcheck.md
"""

from collections.abc import Collection
from typing import Any

from probe.connectivity.endpoint import Reach
from probe.dialogue import written_url
from probe.formats.keys import Lists
from probe.nettests.nettest import OONI_SPECS, Nettest
from probe.ooni.ech_view import ech_view
from probe.ooni.view import View
from probe.targets.target import Target


def input_of(target: Target) -> str | None:
    """Return the URL of the endpoint that is marked as OONI's."""
    return next((written_url(endpoint) for _, endpoint in target.endpoints() if endpoint.ooni), None)


def keys(view: View, lists: Lists) -> dict[str, Any]:
    """Return OONI's test keys, which are lists alone."""
    del view
    return {"queries": lists.queries, "tcp_connects": lists.tcp_connect, "tls_handshakes": lists.tls_handshakes}


async def steps(reach: Reach, target: Target, roles: Collection[str]) -> None:
    """Try the endpoints, and after a success the hellos with Encrypted ClientHello."""
    reach.compare_hellos()
    await reach.services(target, roles)


NETTEST = Nettest(
    "echcheck",
    "0.3.0",
    OONI_SPECS + "ts-039-echcheck.md",
    keys=keys,
    view=ech_view,
    input_of=input_of,
    steps=steps,
    per_service=True,
)
