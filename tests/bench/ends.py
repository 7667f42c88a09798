"""Measure when the first and the last measurement of a run end, with and without a helper, and in censored networks.

With PROBE_BESIDE=FOLDER the program of another working copy is measured in turn, and the ratio is printed.
"""

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from probe.lab.scenario.scenario import Scenario, find_scenario, load_scenario
from probe.targets.target_files import bundled_targets
from tests.bench.cost import compared, medians
from tests.bench.running import ran, scenario_of
from tests.bench.table import row

FIRST, WITH_HELPER, WITHOUT_HELPER, BLOCKED, WORST = 3.0, 14.0, 6.0, 14.0, 30.0  # aims in seconds
MEDIA = "[helper]\nmedia = true\n"
CENSORED = ("sni-reset", "great-firewall", "address-block-wide", "freeze-packets", "media-cutoff", "throttled-shaped")


def ends(folder: Path) -> None:
    """Measure runs from the first packet of the preflight on. A verdict follows within half a second."""
    clean = scenario_of(MEDIA, folder, "clean-media")
    first, last = zip(*medians(_ends_of(clean, folder)), strict=True)
    compared("clean run with a helper that offers media: first target", list(first), "{:.1f} s", FIRST)
    compared("  last target", list(last), "{:.1f} s", WITH_HELPER)
    alone = medians(_ends_of(clean, folder, control=False))
    compared("clean run without a helper: last target", [end for _, end in alone], "{:.1f} s", WITHOUT_HELPER)
    found = []
    for name in CENSORED:
        each = [end for _, end in medians(_ends_of(load_scenario(find_scenario(name)), folder))]
        compared(f"{name}: last target", each, "{:.1f} s", WORST)
        found.append(each[0])
    median = statistics.median(found)
    row("  median of these", f"{median:.1f} s", f"at most {BLOCKED} s", median <= BLOCKED)


def _ends_of(scenario: Scenario, folder: Path, *, control: bool = True) -> Callable[[Path], tuple[float, float]]:
    """Return a function that runs a working copy's program and returns when the first and the last target ended."""

    def once(tree: Path) -> tuple[float, float]:
        run = ran(scenario, folder, *scenario.targets, targets=bundled_targets(), control=control, tree=tree)
        targets: dict[str, float] = {}
        for line in run.lines:
            name, end = line["test_keys"]["x_target"]["name"], _end(line)
            targets[name] = max(end, targets.get(name, 0.0))
        return min(targets.values()), max(targets.values())

    return once


def _end(line: dict[str, Any]) -> float:
    """Return the seconds from the begin of the preflight to the end of a measurement."""
    return float(line["test_runtime"]) - float(line["test_keys"]["x_run"]["preflight"]["began"])
