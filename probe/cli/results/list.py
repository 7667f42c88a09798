"""Implement `probe list`: the runs in the results folder."""

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

from probe.cli.options import new_app, opt
from probe.cli.screen import say, wrapped
from probe.formats.origin import REAL, Origin, origin_of
from probe.messages import printable, tr, tr_plural
from probe.results import Problem, read_lines, results_root, run_files

MOST_TESTS, LONGEST = 50, 60  # names of tests in one file, and characters of a text
OTHERS = "other tests"

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

            say(sys.stdout, dumps({"path": str(path), **about}))
        else:
            _print(path, about)


def describe(path: Path) -> dict[str, Any]:
    """Return what a results file contains: start time, network, origin, tests, number of unusable lines.

    Texts are cut, and further names of tests are counted together, because a file can contain anything.
    """
    tests: Counter[str] = Counter()
    start, network, origin, problems = "", "", REAL, 0
    for _, read in read_lines(path):
        if isinstance(read, Problem):
            problems += 1
            continue
        name = _cut(read.get("test_name"))
        tests[name if name in tests or len(tests) < MOST_TESTS else OTHERS] += 1
        start = start or _cut(read.get("test_start_time", ""))
        network = network or f"{_cut(read.get('probe_cc', 'ZZ'))} {_cut(read.get('probe_asn', 'AS0'))}"
        origin = origin if origin.artificial else origin_of(read)
    artificial = {name: _cut(value) if value else None for name, value in origin._asdict().items()}
    return {"start": start, "network": network, **artificial, "tests": dict(tests), "problems": problems}


def _cut(value: object) -> str:
    return str(value)[:LONGEST]


def _print(path: Path, about: dict[str, Any]) -> None:
    marks = [f"{name.upper()} {about[name]}" for name in Origin._fields if about[name]]
    place = " ".join(marks) or about["network"]
    tests = ", ".join(f"{name} ({count})" if count > 1 else name for name, count in about["tests"].items())
    say(sys.stdout, printable(f"{about['start']}  {place}"))
    say(sys.stdout, wrapped(tests or tr("no measurements"), 4))
    if about["problems"]:
        say(sys.stdout, "    " + tr_plural("{count} unusable line", "{count} unusable lines", about["problems"]))
    if path.name.endswith(".part"):
        say(sys.stdout, "    " + tr("The run was interrupted, or is still going on."))
    say(sys.stdout, f"    {printable(path)}")
