"""Implement `probe show`: the result of a run on one screen, and with --why its evidence.

Choose one app or service of a run by its name or title.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from probe.analysis.observations.lenient_json import table, text
from probe.cli.completions import complete_run
from probe.cli.options import new_app, opt
from probe.cli.results.run_files import lines_of_path, run_files
from probe.cli.results.unusable_lines import SkippedLines, usable_measurements
from probe.cli.screen import UsageError, is_plain
from probe.formats.origin import REAL, Origin, origin_of
from probe.messages import listed, tr
from probe.results import LAST, is_run
from probe.targets.titles import shown_title

Measurements = Iterator[tuple[str, int, dict[str, Any]]]
MOST_NAMED = 20  # apps in the sentence about an unknown one


def of_app(measurements: Measurements, wanted: str) -> Measurements:
    """Yield the measurements of an app, or of the app that has the service `telegram/web`. Raises UsageError (2)."""
    names: dict[str, None] = {}
    found = False
    for file, number, measurement in measurements:
        target = table(table(measurement.get("test_keys")).get("x_target"))
        name = text(target.get("name")) or text(measurement.get("test_name"))
        names[name] = None
        app, _, role = wanted.casefold().partition("/")
        is_service = app == name.casefold() and role in table(target.get("services"))
        title = text(target.get("title"))
        if is_service or wanted.casefold() in {one.casefold() for one in (name, title, shown_title(title))}:
            found = True
            yield file, number, measurement
    if not found:
        known = listed(list(names)[:MOST_NAMED])
        raise UsageError(tr("There is no app {app} in this run. It has: {names}.", app=repr(wanted), names=known), 2)


def of_service(records: list[dict[str, Any]], wanted: str | None) -> list[dict[str, Any]]:
    """Return the records of the service `telegram/web`, or all records if `wanted` names none of their services."""
    chosen = [record for record in records if wanted is not None and record["service"] == wanted.casefold()]
    return chosen or records


app = new_app()


@app.command()
def show(
    source: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="The last run, the run with this number in `probe list`, or a results file.",
            autocompletion=complete_run,
        ),
    ] = LAST,
    app: Annotated[
        str | None, typer.Argument(metavar="APP", help="Only this app or service, such as telegram or telegram/web.")
    ] = None,
    why: Annotated[bool, opt("--why", help="Show the evidence, the rule, and what would change the verdict.")] = False,
    verbose: Annotated[bool, opt("--verbose", "-v", help="Show the verdict on each service too.")] = False,
    results: Annotated[Path | None, opt("--results", help="Results folder.")] = None,
    plain: Annotated[bool, opt("--plain", help="Print without colour and Unicode.")] = False,
    html: Annotated[Path | None, opt("--html", help="Write the result as a page that opens without network.")] = None,
) -> None:
    """Show what a run found, on one screen. --why shows the evidence, `--why APP` that of one app.

    The verdicts are computed again from the measurements.
    """
    source, chosen = _run_and_app(source, app)
    skipped = SkippedLines()
    files = run_files(source, results)
    measurements = usable_measurements(files, skipped)
    if chosen is not None:
        measurements = of_app(measurements, chosen)
    if html is not None:
        from probe.cli.results.saved_pages import write_run_page

        write_run_page(html, measurements)
    elif why:
        _print_reasons(measurements, is_plain(plain, sys.stdout), chosen)
    else:
        taken = lines_of_path(files[0]) if is_run(source) else 0
        _print_results(measurements, is_plain(plain, sys.stdout), chosen, verbose or chosen is not None, taken)
    skipped.end()


def _run_and_app(source: str, app: str | None) -> tuple[str, str | None]:
    """Return the run and the app. A single word that is no run and no file names an app of the last run."""
    is_path = (
        source.startswith(("/", ".", "-")) or source.count("/") > 1 or Path(source).suffix or Path(source).exists()
    )
    if app is not None or is_run(source) or is_path:
        return source, app
    return LAST, source


def _print_results(measurements: Measurements, plain: bool, app: str | None, verbose: bool, taken: int) -> None:
    """Print the result of each run, with the command that shows more."""
    from probe.analysis.run_result.figure_sentences import call_sentences
    from probe.analysis.run_result.runs import runs_in
    from probe.cli.summary.next_command import next_command
    from probe.cli.summary.result import print_result

    for run in runs_in(measurements):
        print_result(
            run.records,
            sys.stdout,
            plain,
            origin=run.origin,
            targets=run.targets,
            verbose=verbose,
            service=app.casefold() if app else None,
            regime=run.regime(),
            ending=run.ending,
            further=call_sentences(run.calls),
            command=next_command(run.records),
            taken=taken,
        )


def _print_reasons(measurements: Measurements, plain: bool, app: str | None) -> None:
    from probe.analysis.engines.sql_engine import SQLiteEngine
    from probe.analysis.verdicts.verdicts import judge_measurement
    from probe.cli.results.why import Explanations

    headed: Origin = REAL
    with SQLiteEngine(repeats=True) as engine:
        reasons = Explanations(engine)
        for file, number, measurement in measurements:
            records = judge_measurement(measurement, file=file, number=number, engine=engine)
            origin = origin_of(measurement)
            reasons.say_all(of_service(records, app), measurement, plain, origin if origin != headed else REAL)
            headed = origin
