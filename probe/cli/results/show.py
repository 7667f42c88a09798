"""Implement `probe show`: the result of a run on one screen, and with --why its evidence."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from probe.cli.completions import complete_run
from probe.cli.options import new_app, opt
from probe.cli.results.app_choice import of_app, of_service
from probe.cli.results.unusable_lines import INVALID_INPUT, SkippedLines, usable_measurements
from probe.cli.screen import UsageError, is_plain, say
from probe.formats.origin import REAL, Origin, origin_of
from probe.messages import tr
from probe.results import LAST, ResultsError, is_run, numbered_run, results_root

Measurements = Iterator[tuple[str, int, dict[str, Any]]]

app = new_app()


@app.command()
def show(
    source: Annotated[
        str,
        typer.Argument(
            metavar="[last|N|FILE]",
            help="The last run, the run with this number in `probe list`, or a results file.",
            autocompletion=complete_run,
        ),
    ] = LAST,
    app: Annotated[
        str | None, typer.Argument(metavar="[APP]", help="Only this app or service, such as telegram or telegram/web.")
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
    measurements = usable_measurements(_sources(source, results), skipped)
    if chosen is not None:
        measurements = of_app(measurements, chosen)
    if html is not None:
        from probe.cli.results.pages import write_run_page

        write_run_page(html, measurements)
    elif why:
        _print_reasons(measurements, is_plain(plain, sys.stdout), chosen)
    else:
        _print_results(measurements, is_plain(plain, sys.stdout), chosen, verbose or chosen is not None)
    skipped.end()


def _run_and_app(source: str, app: str | None) -> tuple[str, str | None]:
    """Return the run and the app. A single word that is no run and no file names an app of the last run."""
    is_path = (
        source.startswith(("/", ".", "-")) or source.count("/") > 1 or Path(source).suffix or Path(source).exists()
    )
    if app is not None or is_run(source) or is_path:
        return source, app
    return LAST, source


def _print_results(measurements: Measurements, plain: bool, app: str | None, verbose: bool) -> None:
    """Print the result of each run, and the command that shows more."""
    from probe.analysis.run_result.call_sentences import call_sentences
    from probe.analysis.run_result.runs import runs_in
    from probe.cli.summary.layout import screen_width, wrap
    from probe.cli.summary.next_command import next_command
    from probe.cli.summary.result import print_result

    command = ""
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
        )
        for sentence in call_sentences(run.calls):
            say(sys.stdout, "\n".join(wrap(sentence, screen_width())))
        command = next_command(run.records)
    if command:
        say(sys.stdout, tr("Next  {command}", command=command))


def _print_reasons(measurements: Measurements, plain: bool, app: str | None) -> None:
    from probe.analysis.engines.engine import SQLiteEngine
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


def _sources(source: str, results: Path | None) -> list[str]:
    """Return the named file, or the file of the run with this number. Raises UsageError."""
    if not is_run(source):
        return [source]
    try:
        path = numbered_run(source, results_root(results))
    except ResultsError as error:
        raise UsageError(str(error), INVALID_INPUT) from None
    say(sys.stderr, tr("Results file: {path}", path=path))
    return [str(path)]
