"""`probe list`: earlier runs, one a line."""

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

from probe.cli.options import new_app, opt
from probe.cli.screen import clean, say
from probe.results import Problem, read_lines, results_root, run_files

app = new_app()


@app.command()
def runs(
    results: Annotated[Path | None, opt("--results", help="Folder of the results.")] = None,
    json: Annotated[bool, opt("--json", help="Print one JSON object a run.")] = False,
) -> None:
    """List earlier runs, oldest first."""
    root = results_root(results)
    found = run_files(root) if root.is_dir() else []
    if not found and not json:
        say(sys.stderr, f"no runs under {root}")
    for path in found:
        about = describe(path)
        if json:
            from json import dumps

            print(dumps({"path": str(path), **about}))
        else:
            _print(path, about)


def describe(path: Path) -> dict[str, Any]:
    """What a file holds, from its lines: when, where, which tests, how many lines are unusable."""
    tests: Counter[str] = Counter()
    start, network, lab, problems = "", "", None, 0
    for _, line in read_lines(path):
        if isinstance(line, Problem):
            problems += 1
            continue
        tests[str(line.get("test_name"))] += 1
        start = start or str(line.get("test_start_time", ""))
        network = network or f"{line.get('probe_cc', 'ZZ')} {line.get('probe_asn', 'AS0')}"
        annotations = line.get("annotations")
        lab = lab or (annotations.get("lab") if isinstance(annotations, dict) else None)
    return {"start": start, "network": network, "lab": lab, "tests": dict(tests), "problems": problems}


def _print(path: Path, about: dict[str, Any]) -> None:
    where = f"LAB {about['lab']}" if about["lab"] else about["network"]
    tests = ", ".join(f"{name} ({count})" if count > 1 else name for name, count in about["tests"].items())
    unusable = f"; {about['problems']} unusable line(s)" if about["problems"] else ""
    unfinished = "; not closed" if path.name.endswith(".part") else ""
    say(sys.stdout, clean(f"{about['start']}  {where}  {tests or 'no lines'}{unusable}{unfinished}"))
    say(sys.stdout, f"    {path}")
