"""Implement `probe list`: the runs in the results folder."""

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

from probe.cli.options import new_app, opt
from probe.cli.screen import clean, say, wrapped
from probe.messages import tr, tr_plural
from probe.results import Problem, read_lines, results_root, run_files

app = new_app()


@app.command()
def runs(
    results: Annotated[Path | None, opt("--results", help="Results folder.")] = None,
    json: Annotated[bool, opt("--json", help="Print one JSON object per run.")] = False,
) -> None:
    """List earlier runs, oldest first."""
    root = results_root(results)
    found = run_files(root) if root.is_dir() else []
    if not found and not json:
        say(sys.stderr, tr("There are no runs in {folder} yet. `probe run` makes one.", folder=root))
    for path in found:
        about = describe(path)
        if json:
            from json import dumps

            print(dumps({"path": str(path), **about}))
        else:
            _print(path, about)


def describe(path: Path) -> dict[str, Any]:
    """Return what a results file contains: start time, network, lab scenario, tests, number of unusable lines."""
    tests: Counter[str] = Counter()
    start, network, lab, problems = "", "", None, 0
    for _, read in read_lines(path):
        if isinstance(read, Problem):
            problems += 1
            continue
        tests[str(read.get("test_name"))] += 1
        start = start or str(read.get("test_start_time", ""))
        network = network or f"{read.get('probe_cc', 'ZZ')} {read.get('probe_asn', 'AS0')}"
        annotations = read.get("annotations")
        lab = lab or (annotations.get("lab") if isinstance(annotations, dict) else None)
    return {"start": start, "network": network, "lab": lab, "tests": dict(tests), "problems": problems}


def _print(path: Path, about: dict[str, Any]) -> None:
    place = f"LAB {about['lab']}" if about["lab"] else about["network"]
    tests = ", ".join(f"{name} ({count})" if count > 1 else name for name, count in about["tests"].items())
    say(sys.stdout, clean(f"{about['start']}  {place}"))
    say(sys.stdout, wrapped(tests or tr("no measurements"), 4))
    if about["problems"]:
        say(sys.stdout, "    " + tr_plural("{count} unusable line", "{count} unusable lines", about["problems"]))
    if path.name.endswith(".part"):
        say(sys.stdout, "    " + tr("The run was interrupted, or is still going on."))
    say(sys.stdout, f"    {path}")
