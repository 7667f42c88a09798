"""Describe a run: its plan, the listener to its progress, and its outcome."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from probe.run.phases import Phase
from probe.run.vantage import Vantage
from probe.signatures.unfit_networks import Unfit
from probe.targets.target import Target


class Watcher(Protocol):
    """Receive the progress of a run, in order to show it. The progress contains nothing that identifies the user."""

    def prepared(self, facts: Mapping[str, Any], vantage: Vantage) -> None: ...
    def refused(self, facts: Mapping[str, Any], reason: Unfit) -> None: ...
    def round_begins(self, number: int, rounds: int) -> None: ...
    def started(self, target: Target, phase: Callable[[], Phase]) -> None: ...
    def expected(self, seconds: float, limit: float | None) -> None: ...
    def finished(self, target: Target, documents: Sequence[Mapping[str, Any]], seconds: float) -> None: ...
    def stopping(self, why: str) -> None: ...


@dataclass(frozen=True)
class RunPlan:
    """Describe a run: `repeat` rounds over `targets`. `cc` and `asn` are the user's own statements, if any.

    `contributor_secret` is None if measurements get no contributor token.
    """

    targets: list[Target]
    repeat: int = 1
    cc: str | None = None
    asn: str | None = None
    pcap: bool = False  # also write the packets
    contributor_secret: bytes | None = field(default=None, repr=False)


@dataclass
class RunOutcome:
    """Hold the result of a run. `path` is None if nothing was written. `code` is the exit code without --exit-code."""

    path: Path | None = None
    packets: Path | None = None  # the pcapng file, if one was asked for and written
    # those that cannot be read again: the output is a pipe, or the disk refused them
    documents: list[dict[str, Any]] = field(default_factory=list)
    unwritten: int = 0  # measurements that the disk refused
    annotations: dict[str, str] = field(default_factory=dict)  # of the measurements
    code: int = 0
    problem: str | None = None
    seconds: float = 0.0
    out_of_time: bool = False  # the time limit of the run ended it
    bytes_sent: int = 0
    bytes_received: int = 0
    bugs: list[str] = field(default_factory=list)
