"""The measuring methods, one file each, their pages in README.md, and the table that finds them by name."""

from collections.abc import Collection
from typing import Any, Protocol

from probe.formats.testkeys import Lists
from probe.nettests import (
    dnscheck,
    endpoint_reachability,
    facebook_messenger,
    mail_reachability,
    signal,
    sip_reachability,
    stunreachability,
    telegram,
    web_connectivity,
    whatsapp,
)
from probe.ooni_view import Extent, View
from probe.reach import Reach
from probe.targets import Endpoint, Target


class Nettest(Protocol):
    """What a module of this package offers. `OONI`: its lists hold exactly what OONI's probe would have written.

    `PER_SERVICE`: each service of a target gets a line of its own, because OONI's nettest measures one input a line.
    """

    TEST_NAME: str
    TEST_VERSION: str
    SPEC: str
    OONI: bool
    PER_SERVICE: bool

    async def measure(self, reach: Reach, target: Target, roles: Collection[str]) -> None:
        """Try the endpoints of the given roles."""

    def method(self, endpoint: Endpoint) -> str:
        """The HTTP method for an endpoint."""

    def extent(self, endpoint: Endpoint) -> Extent:
        """How far OONI's probe goes at an endpoint that is marked as its."""

    def input_of(self, target: Target) -> str | None:
        """The line's `input`; None where the method takes none."""

    def keys(self, view: View, lists: Lists) -> dict[str, Any]:
        """The test keys that are not ours, from OONI's view; `lists` are its entries."""


NETTESTS: dict[str, Nettest] = {
    "dnscheck": dnscheck,
    "endpoint_reachability": endpoint_reachability,
    "facebook_messenger": facebook_messenger,
    "mail_reachability": mail_reachability,
    "signal": signal,
    "sip_reachability": sip_reachability,
    "stunreachability": stunreachability,
    "telegram": telegram,
    "web_connectivity": web_connectivity,
    "whatsapp": whatsapp,
}


def lines_of(target: Target) -> list[Target]:
    """The target in the parts that get a line each: one per service where OONI's nettest measures one input a line.

    A service stands in one line only, so that a run says one thing of it, and the record names the line.
    """
    return [target.only([role]) for role in target.services] if NETTESTS[target.nettest].PER_SERVICE else [target]
