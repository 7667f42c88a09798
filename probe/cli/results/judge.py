"""Implement `probe judge`: verdicts from results files, with the same bytes as `probe run --json` printed."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from probe.analysis.run_result.run_targets import targets_of
from probe.cli.options import new_app, opt
from probe.cli.results.captured_measurements import judged_measurements
from probe.cli.results.unusable_lines import SkippedLines
from probe.cli.screen import UsageError, is_plain, print_verdicts
from probe.formats.origin import REAL, Origin, origin_of
from probe.messages import in_english, tr

Record = dict[str, Any]

app = new_app()


@app.command()
def judge(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE", help="Results files, packet captures, folders, or - for standard input."),
    ],
    json: Annotated[bool, opt("--json", help="Print verdict records, one JSON object per line.")] = False,
    why: Annotated[bool, opt("--why", help="Show the evidence, the rule, and what would change the verdict.")] = False,
    explain: Annotated[
        bool, opt("--explain", help="Show each step of judging one measurement. Name it as FILE:LINE.")
    ] = False,
    by: Annotated[
        Literal["service", "app", "network"],
        typer.Option(
            "--by",
            envvar="PROBE_JUDGE_BY",
            show_envvar=False,
            help="One verdict per service, per app, or per run on its network.",
        ),
    ] = "service",
    plain: Annotated[bool, opt("--plain", help="Print without colour and Unicode.")] = False,
    html: Annotated[
        Path | None, opt("--html", help="Draw the packets of captures on a page that opens without network.")
    ] = None,
) -> None:
    """Compute the verdicts of results files, OONI archives and packet captures, per service, app or network (--by).

    Captures (.pcap, .pcapng, also packed) that are named together are one set of flows.

    Lines that cannot be used are counted, the first ten are named on stderr, and the exit code is then 6. The other
    lines are judged.
    """
    if (by == "app" and (why or explain)) or (by == "network" and why):
        raise UsageError(tr("The options --why and --explain need verdicts per service. Leave out --by app."), 2)
    if html is not None:
        _write_ladders(files, html)
    elif by == "network":
        from probe.cli.results.regimes import judge_networks

        judge_networks(files, json, explain)
    elif explain:
        _explain(files, json, why)
    elif by == "app":
        _judge_apps(files, json, plain)
    else:
        _judge(files, json, why, plain)


def _write_ladders(files: list[str], html: Path) -> None:
    from probe.cli.results.captured_measurements import captures_of, read_set
    from probe.cli.results.saved_pages import write_ladder_page

    skipped = SkippedLines()
    captures, others = captures_of(files, skipped)
    if not captures or others:
        raise UsageError(tr("--html draws packet captures, and at least one of the files is none."), 2)
    write_ladder_page(html, *read_set(captures, skipped))
    skipped.end()


def _judge(files: list[str], json: bool, why: bool, plain: bool) -> None:
    from probe.analysis.verdicts.verdicts import judge_each, to_json

    if json and why:
        raise UsageError(tr("The options --why and --json cannot be combined. Give only one of them."), 2)
    skipped, headed, say = SkippedLines(), REAL, _explanations() if why else _say
    for (_, _, measurement), records in judge_each(judged_measurements(files, skipped)):
        if json:
            sys.stdout.writelines(to_json(record) + "\n" for record in records)
        else:
            origin = origin_of(measurement)
            shown = origin if origin != headed else REAL  # one heading for all measurements of a scenario or world
            say(records, measurement, is_plain(plain, sys.stdout), shown)
            headed = origin
    sys.stdout.flush()
    skipped.end()


def _judge_apps(files: list[str], json: bool, plain: bool) -> None:
    """Print one JSON object per app, or one screen per run."""
    from probe.analysis.run_result.runs import runs_in
    from probe.analysis.verdicts.app_verdicts import judge_apps
    from probe.analysis.verdicts.verdicts import to_json
    from probe.cli.summary.result import print_result

    skipped = SkippedLines()
    for run in runs_in(judged_measurements(files, skipped)):
        if json:
            with in_english():
                apps = judge_apps(run.records, run.targets)
            sys.stdout.writelines(to_json(dict(app)) + "\n" for app in apps)
        else:
            form = is_plain(plain, sys.stdout)
            print_result(
                run.records,
                sys.stdout,
                form,
                origin=run.origin,
                targets=run.targets,
                regime=run.regime(),
                ending=run.ending,
            )
    sys.stdout.flush()
    skipped.end()


def _explanations() -> Callable[[list[Record], Record, bool, Origin], None]:
    """Return the function that prints verdicts with their evidence. Its modules are not imported for verdicts alone."""
    from probe.analysis.engines.sql_engine import SQLiteEngine
    from probe.cli.results.why import Explanations

    return Explanations(SQLiteEngine(repeats=True)).say_all


def _say(records: list[Record], measurement: Record, plain: bool, origin: Origin) -> None:
    print_verdicts(records, sys.stdout, plain, origin=origin, targets=targets_of([measurement]))


def _explain(places: list[str], json: bool, why: bool) -> None:
    from probe.cli.results.judging_steps import print_json, print_steps

    if why:
        raise UsageError(tr("The options --why and --explain cannot be combined. Give only one of them."), 2)
    for place in places:
        (print_json if json else print_steps)(place)
