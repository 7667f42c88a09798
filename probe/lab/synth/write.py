"""Write synthetic measurements to DIR/lines/*.jsonl.gz and their truth to DIR/truth.json, equal for equal seeds."""

import gzip
import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

from probe.lab.synth.plan import TARGETS, VERSIONS, WANTED, Network, Plan, days, draw_plan, truth_of
from probe.lab.synth.templates import ACCUSED, ExpectedVerdict, Template, load_templates

LINES_OF_A_FILE = 5000
LEVEL = 4  # of gzip: speed before size
ENOUGH, SHARE = 5, 0.8  # least measurements of a cell, and the least share with one state

Cell = tuple[str, tuple[tuple[str, str], ...]]


class Truth:
    """Count the true verdicts of every cell."""

    def __init__(self) -> None:
        self._verdicts: dict[Cell, Counter[ExpectedVerdict]] = defaultdict(Counter)

    def add(self, network: Network, truth: dict[str, ExpectedVerdict]) -> None:
        """Count one measurement, for its country and for its network."""
        for service, verdict in truth.items():
            for by in ((("cc", network.country),), (("asn", network.asn), ("cc", network.country))):
                self._verdicts[service, by][verdict] += 1

    def cells(self) -> list[dict[str, Any]]:
        """Return one object per cell: {service, by, state, mechanisms, n}. n counts valid and sufficient verdicts.

        `mechanisms` has all true ones, if the state of the cell is not `ok`.
        """
        return [_cell(service, dict(by), verdicts) for (service, by), verdicts in sorted(self._verdicts.items())]


def _cell(service: str, by: dict[str, str], verdicts: Counter[ExpectedVerdict]) -> dict[str, Any]:
    states: Counter[str] = Counter()
    mechanisms: set[str] = set()
    for verdict, count in verdicts.items():
        if verdict.state is not None and verdict.state != "insufficient":
            states[verdict.state] += count
    n = states.total()
    state, most = states.most_common(1)[0] if states else ("insufficient", 0)
    if n < ENOUGH:
        state = "insufficient"
    elif most < SHARE * n:
        state = "mixed"
    for verdict in verdicts:
        if verdict.state in ACCUSED and state in {*ACCUSED, "mixed", "insufficient"}:
            mechanisms.update(verdict.mechanisms)
    return {"service": service, "by": by, "state": state, "mechanisms": sorted(mechanisms), "n": n}


def synthesise(measurements: int, seed: int, folder: Path, *, light: bool = False) -> dict[str, Any]:
    """Write measurements and their truth. Return {"lines", "files", "bytes", "mean_bytes"} of the uncompressed text.

    `lines` and `truth.json` appear when they are complete. Raises OSError, and leaves neither in this case.
    """
    part = folder / "lines.part"
    shutil.rmtree(part, ignore_errors=True)  # of a killed process
    try:
        part.mkdir(parents=True)
        return _write_parts(measurements, seed, folder, part, light)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write_parts(measurements: int, seed: int, folder: Path, part: Path, light: bool) -> dict[str, Any]:
    """Write the measurements to the folder `part`, and rename it when the truth is written too."""
    templates, plan, truth = load_templates(WANTED, light=light), draw_plan(seed), Truth()
    made = _lines(measurements, seed, plan, templates, truth)
    files, size = 0, 0
    while lines := [line for _, line in zip(range(LINES_OF_A_FILE), made, strict=False)]:
        text = "".join(lines).encode()
        (part / f"{files:05}.jsonl.gz").write_bytes(gzip.compress(text, LEVEL, mtime=0))
        files, size = files + 1, size + len(text)
    events = [one for event in plan.events for one in truth_of(event, templates)]
    shutdowns = [
        {"cc": country, "onset": min(absent).isoformat(), "last": max(absent).isoformat()}
        for country, absent in plan.shutdowns.items()
    ]
    document = {"seed": seed, "cells": truth.cells(), "events": events, "shutdowns": shutdowns}
    (part / "truth.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (part / "truth.json").replace(folder / "truth.json")
    part.replace(folder / "lines")
    return {"lines": measurements, "files": files, "bytes": size, "mean_bytes": size // max(measurements, 1)}


def _lines(
    measurements: int, seed: int, plan: Plan, templates: dict[tuple[str, str], Template], truth: Truth
) -> Iterator[str]:
    rng = Random(f"lines {seed}")
    for network, day, second, template in drawn(measurements, plan, templates, rng):
        truth.add(network, template.truth)
        yield template.filled(_values(network, day, second, seed, rng)) + "\n"


def drawn(
    measurements: int, plan: Plan, templates: dict[tuple[str, str], Template], rng: Random
) -> Iterator[tuple[Network, date, int, Template]]:
    """Yield measurements in order of time: network, day, second of the day, and template."""
    calendar = days()
    for number, day in enumerate(calendar):
        share = (number + 1) * measurements // len(calendar) - number * measurements // len(calendar)
        networks = plan.measured(day)
        weights = [network.weight for network in networks]
        seconds = sorted(rng.randrange(86400) for _ in range(share))
        for second, network in zip(seconds, rng.choices(networks, weights, k=share), strict=True):
            target = rng.choice(TARGETS)
            key = plan.scenario(network, target, day, rng), target
            # Not every look-alike has every target.
            yield network, day, second, templates.get(key) or templates["clean", target]


def _values(network: Network, day: date, second: int, seed: int, rng: Random) -> dict[str, str]:
    return {
        "START": f"{day} {second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}",
        "COUNTRY": network.country,
        "NETWORK": network.asn,
        "NAME": network.name,
        "VERSION": rng.choice(VERSIONS),
        "RUN": f"{rng.getrandbits(64):016x}",
        "RUNTIME": f"{rng.uniform(2, 40):.3f}",
        "SEED": str(seed),
    }
