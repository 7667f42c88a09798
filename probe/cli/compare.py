"""`probe compare`: vantage points side by side."""

import sys
from typing import Annotated, Any

import typer

from probe.cli.judge import INVALID_INPUT, Skipped, usable_lines
from probe.cli.options import new_app, opt
from probe.cli.screen import Refusal, lab_of, say

app = new_app()


@app.command()
def compare(
    sources: Annotated[list[str], typer.Argument(metavar="FILE|DIR…", help="One or more per vantage point.")],
    json: Annotated[bool, opt("--json", help="Print one JSON object per service.")] = False,
    lab: Annotated[bool, opt("--lab", help="Take lines that were written inside the lab, too.")] = False,
) -> None:
    """Lay vantage points side by side: services by vantage points, each with its state and mechanisms."""
    from probe.analysis.compare import to_json, to_text

    skipped = Skipped()
    comparison, left_out = _gather(sources, lab, skipped)
    if left_out:
        say(sys.stderr, f"left out {left_out} line(s) that were written inside the lab; --lab takes them too")
    if not comparison.vantages:
        raise Refusal("nothing is left to compare", INVALID_INPUT)
    sys.stdout.write(to_json(comparison) if json else to_text(comparison))
    sys.stdout.flush()
    if skipped.lines:
        raise typer.Exit(INVALID_INPUT)


def _gather(sources: list[str], lab: bool, skipped: Skipped) -> tuple[Any, int]:
    """Judge everything; also says how many lines of the lab were left out."""
    from probe.analysis.compare import Comparison, Vantage
    from probe.analysis.reading import text
    from probe.analysis.verdicts import judge_line

    comparison, left_out = Comparison(), 0
    for place, source in enumerate(sources):
        name = source.rstrip("/").rpartition("/")[2]
        for file, number, line in usable_lines([source], skipped):
            scenario = lab_of([line])
            if scenario is not None and not lab:
                left_out += 1
                continue
            where = text(line.get("probe_cc")), text(line.get("probe_asn"))
            records = judge_line(line, file=file, number=number)
            comparison.add(Vantage(place, name, *where, scenario or ""), records)
    return comparison, left_out
