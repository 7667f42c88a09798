"""The measuring methods, one file each beside its spec, and the table that finds them by name."""

from collections.abc import Collection
from typing import Any, Protocol

from probe.nettests import (
    endpoint_reachability,
    mail_reachability,
    sip_reachability,
    telegram,
    web_connectivity,
    whatsapp,
)
from probe.ooni_view import View
from probe.reach import Reach
from probe.targets import Endpoint, Target


class Nettest(Protocol):
    """What a module of this package offers. `OONI`: its lists hold exactly what OONI's probe would have written."""

    TEST_NAME: str
    TEST_VERSION: str
    SPEC: str
    OONI: bool

    async def measure(self, reach: Reach, target: Target, roles: Collection[str]) -> None:
        """Try the endpoints of the given roles."""

    def method(self, endpoint: Endpoint) -> str:
        """The HTTP method for an endpoint."""

    def summary(self, view: View) -> dict[str, Any]:
        """OONI's summary keys, from OONI's view."""


NETTESTS: dict[str, Nettest] = {
    "endpoint_reachability": endpoint_reachability,
    "mail_reachability": mail_reachability,
    "sip_reachability": sip_reachability,
    "telegram": telegram,
    "web_connectivity": web_connectivity,
    "whatsapp": whatsapp,
}
