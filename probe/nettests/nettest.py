"""What a measuring method is: whose steps it takes, how it tries a target's endpoints, and which keys it writes."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any

from probe.connectivity.endpoint import Reach
from probe.dialogue import always_get
from probe.formats.keys import Lists
from probe.ooni.view import Extent, View, by_scheme, no_input, urlgetter_keys
from probe.targets.target import Endpoint, Target

OONI_SPECS = "https://github.com/ooni/spec/blob/master/nettests/"
OURS = "probe/nettests/README.md"  # OONI's backend keeps such lines and does not interpret them


def lists_alone(view: View, lists: Lists) -> dict[str, Any]:
    """The keys of a nettest whose name OONI does not know: its lists."""
    del view
    return urlgetter_keys(lists)


@dataclass(frozen=True)
class Nettest:
    """One method. Where it is OONI's, `version` is OONI's as long as steps and summary are; ours is `x_revision`."""

    name: str
    version: str
    spec: str  # a page of OONI's, or OURS
    keys: Callable[[View, Lists], dict[str, Any]] = lists_alone
    """The test keys that are not ours, from OONI's view and its entries."""
    method: Callable[[Endpoint], str] = always_get
    """The HTTP method for an endpoint."""
    extent: Callable[[Endpoint], Extent] = by_scheme
    """How far OONI's probe goes at an endpoint that is marked as its."""
    input_of: Callable[[Target], str | None] = no_input
    """The line's `input`; None where the method takes none."""
    steps: Callable[[Reach, Target, Collection[str]], Awaitable[None]] | None = None
    """What it does instead of trying every endpoint of the given roles."""
    one_address: bool = False
    """Whether one of a host's addresses is enough: strangers' servers are asked for nothing but an answer."""
    per_service: bool = False
    """Whether each service gets a line of its own, because OONI's nettest measures one input a line."""

    @property
    def is_oonis(self) -> bool:
        """Whether its lists hold exactly what OONI's probe would have written."""
        return self.spec.startswith(OONI_SPECS)

    async def measure(self, reach: Reach, target: Target, roles: Collection[str]) -> None:
        """Try the endpoints of the given roles."""
        if self.steps is not None:
            await self.steps(reach, target, roles)
        else:
            await reach.services(target, roles, self.method, one_address=self.one_address)
