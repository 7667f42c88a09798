"""Run `probe` with recorded measurements in place of a network: `python -m tests.support.replayed ui`.

`PROBE_REPLAY` names the recording, or several that follow each other in later runs. `PROBE_REPLAY_SECONDS` is the time
between two targets. Everything else is the real program: consent, records, verdicts, signals and files.
"""

import asyncio
import os
from collections import defaultdict, deque
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from probe.cli import main
from probe.cli.ui.functions import Functions
from probe.lab.recordings import recording_of
from probe.privacy.redact import KnownIdentifiers
from probe.results import Problem, read_lines
from probe.run import runner
from probe.run.measure import measured_nothing
from probe.run.measurement_keys import Measured
from probe.run.vantage import Vantage
from probe.session.session import Session
from probe.targets.target import Target
from probe.ui.commands import Wanted

OURS, REPLAYED = "probe", "tests.support.replayed"
FACTS = {"network": True, "portal": None, "ipv4": True, "ipv4_proven": True, "udp": True, "vpn": False}
BETWEEN = float(os.environ.get("PROBE_REPLAY_SECONDS", "0"))
_started: list[str] = []


@cache
def recorded(name: str) -> dict[str, deque[dict[str, Any]]]:
    path = recording_of(name)
    assert path is not None
    found: dict[str, deque[dict[str, Any]]] = defaultdict(deque)
    for _, line in read_lines(path):
        if not isinstance(line, Problem):
            found[line["test_keys"]["x_target"]["name"]].append(line)
    return found


async def preflight(session: Session, roots: Any = None) -> None:
    """Find a network that works."""
    session.preflight = dict(FACTS)


async def where_are_we(session: Session, **_: Any) -> Vantage:
    """Return an invented network."""
    return Vantage("QX", "AS64500", "Example", "AS0", "", "test", {}, KnownIdentifiers(), "")


async def measure(target: Target, session: Session, **_: Any) -> Measured:
    """Return the recorded measurement of a target, after the targets that were begun earlier."""
    _started.append(target.name)
    waiting = asyncio.create_task(asyncio.sleep(BETWEEN * len(_started)))
    stopping = asyncio.create_task(session.stopping.wait())
    await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    lines = recorded(os.environ["PROBE_REPLAY"])[target.name]
    if session.stopping.is_set() or not lines:
        return measured_nothing(target, session)
    line = lines.popleft()
    return Measured(line["test_keys"], line["test_name"], line["test_version"], datetime.now(UTC), line["test_runtime"])


def run_command(self: Functions, wanted: Wanted, events: Path) -> list[str]:
    """Return the command of a run, with this module in place of the program and the next recording."""
    names = os.environ["PROBE_REPLAY"].split(",")
    name = names[min(len(self.runs()), len(names) - 1)]
    command = [REPLAYED if word == OURS else word for word in real_command(self, wanted, events)]
    return ["env", f"PROBE_REPLAY={name}", *command]


real_command = Functions.run_command
if __name__ == "__main__":
    for name, replacement in {"preflight": preflight, "where_are_we": where_are_we, "measure": measure}.items():
        setattr(runner, name, replacement)
    setattr(runner, "may_capture", lambda: False)  # noqa: B010
    Functions.run_command = run_command  # type: ignore[method-assign]
    main()
