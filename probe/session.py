"""What all measurements of one run share: settings, pace, neutral hosts, resolvers, facts found by preflight."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from probe.pacing import Pace
from probe.targets import Endpoint, Neutral, Target


@dataclass(frozen=True)
class Settings:
    """What the volunteer asked for. `control` is the base URL of a helper; roots: a PEM file or None."""

    control: str | None = None
    control_pin: str | None = None
    followups: bool = True
    depth: Literal["standard", "deep"] = "standard"
    families: frozenset[int] = frozenset({4, 6})
    max_time: float | None = None
    public_roots: str | None = None


@dataclass
class Session:
    """One run. `as_control` is set in the test helper: no innocuous hellos, no confirmations, no follow-ups."""

    run_id: str
    settings: Settings
    pace: Pace
    neutral: Neutral
    resolvers: Target  # services = public resolvers; endpoints dns+udp://, dot://, doh://
    preflight: dict[str, Any] = field(default_factory=dict)  # facts, as written to x_run.preflight
    ipv4: bool = True  # families that work here, as preflight found
    ipv6: bool = False
    as_control: bool = False
    stopping: asyncio.Event = field(default_factory=asyncio.Event)  # set by Ctrl-C or --max-time: start nothing new
    neutral_addresses: list[tuple[str, Endpoint]] = field(default_factory=list)  # proven by preflight: (IP, endpoint)
    asn_of: Callable[[str], int] = lambda address: 0  # offline lookup; 0 when unknown

    def family_works(self, family: int) -> bool:
        """Say whether preflight found the family (4 or 6) working and the volunteer did not switch it off."""
        return family in self.settings.families and (self.ipv4 if family == 4 else self.ipv6)
