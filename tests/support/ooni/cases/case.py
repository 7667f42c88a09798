"""Define a case: a measurement of our own making in the shape of a published sample, and its verdict."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Case:
    """Hold a case. `states` has the states by role, with the mechanism of accusing ones. `why` tells why OONI differs.

    `ooni` is OONI's word for the sample: ok, blocked, down, or failed if it concludes nothing.
    """

    sample: str
    measurement: dict[str, Any]
    states: str | dict[str, str]
    ooni: str
    why: str = ""

    @property
    def by_role(self) -> dict[str, str]:
        """Return the states by role. A single state is that of the role `web`."""
        return {"web": self.states} if isinstance(self.states, str) else self.states
