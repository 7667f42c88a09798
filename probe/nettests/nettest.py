"""Describe a nettest: its specification, how it tries endpoints, and which keys it writes."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any

from probe.connectivity.endpoint import Reach
from probe.dialogue import always_get
from probe.formats.keys import Lists
from probe.ooni.view import Extent, View, by_scheme, no_input, urlgetter_keys
from probe.session.trace import Trace
from probe.targets.target import Endpoint, Target

OONI_SPECS = "https://github.com/ooni/spec/blob/master/nettests/"
OURS = "probe/nettests/README.md"  # OONI's backend keeps such measurements without interpreting them


def lists_alone(view: View, lists: Lists) -> dict[str, Any]:
    """Return the keys of a nettest that OONI does not know: the lists."""
    del view
    return urlgetter_keys(lists)


@dataclass(frozen=True)
class Nettest:
    """Describe one nettest. For OONI's nettests `version` is OONI's while steps and summary agree. Ours is
    `x_revision`.
    """

    name: str
    version: str
    spec: str  # an OONI page, or OURS
    keys: Callable[[View, Lists], dict[str, Any]] = lists_alone
    """The test keys except ours, from OONI's view and its entries."""
    method: Callable[[Endpoint], str] = always_get
    """The HTTP method for an endpoint."""
    extent: Callable[[Endpoint], Extent] = by_scheme
    """How far OONI's probe goes at an endpoint that is marked as OONI's."""
    view: Callable[[Trace, Target], View] | None = None
    """Selects OONI's view, in place of `method` and `extent`."""
    input_of: Callable[[Target], str | None] = no_input
    """The `input` of the measurement, or None if the nettest takes none."""
    steps: Callable[[Reach, Target, Collection[str]], Awaitable[None]] | None = None
    """Replaces the default of trying every endpoint of the given roles."""
    one_address: bool = False
    """Try one address per host only. A third party's server need only answer once."""
    per_service: bool = False
    """One measurement per service, because OONI's nettest measures one input per measurement."""

    @property
    def is_oonis(self) -> bool:
        """Tell whether the lists hold exactly what OONI's probe would have written."""
        return self.spec.startswith(OONI_SPECS)

    async def measure(self, reach: Reach, target: Target, roles: Collection[str]) -> None:
        if self.steps is not None:
            await self.steps(reach, target, roles)
        else:
            await reach.services(target, roles, self.method, one_address=self.one_address)
