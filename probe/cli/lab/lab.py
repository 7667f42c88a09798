"""Implement `probe lab`: measure in the emulated Internet, run a command in it, list scenarios and their classes."""

import json as jsonlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from probe.analysis.run_result.run_sentences import origin_header
from probe.analysis.run_result.runs import RunVerdicts
from probe.analysis.verdicts.network_regimes import judge_regime
from probe.cli.completions import complete_scenario
from probe.cli.lab.score import score
from probe.cli.options import new_app, opt, targets_folder
from probe.cli.screen import UsageError, is_plain, say, wrapped
from probe.formats.origin import Origin
from probe.messages import printable, tr

if TYPE_CHECKING:
    from pydantic import BaseModel

    from probe.lab.run import Finished
    from probe.lab.scenario.scenario import Scenario

app = new_app()
app.command("score")(score)

LAST_LINES = 4  # the comparison with the scenario, and the path of the file

Named = Annotated[
    str,
    typer.Argument(
        metavar="SCENARIO",
        help="A scenario by name, or your own scenario file.",
        autocompletion=complete_scenario,
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Draws addresses, hops and TTLs. 0 is the usual layout.")]
Targets = Annotated[Path | None, opt("--targets", help="Folder of target files instead of the bundled ones.")]
Results = Annotated[Path | None, opt("--results", help="Folder for results. Measurements go below its lab/.")]


@app.callback()
def lab() -> None:
    """Measure in an emulated Internet with a censor. Nothing leaves this computer."""


@app.command("list")
def list_scenarios(
    json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
    classes: Annotated[bool, typer.Option("--classes", help="The classes of censors and faults, with keys.")] = False,
) -> None:
    """List the scenarios, or with --classes the censors and faults that a scenario can have."""
    documents = list(_classes() if classes else _scenarios())
    width = max(len(document["name"]) for document in documents) + 1
    for document in documents:
        say(sys.stdout, jsonlib.dumps(document) if json else "\n".join(_text_lines(document, width)))


def _scenarios() -> Iterator[dict[str, Any]]:
    from probe.lab.scenario.bundled_scenarios import scenario_names
    from probe.lab.scenario.scenario import find_scenario, load_scenario

    with _usage_errors():
        for name in scenario_names():
            yield {"name": name, "title": load_scenario(find_scenario(name)).title}


def _classes() -> Iterator[dict[str, Any]]:
    from probe.lab.censors import CLASSES
    from probe.lab.scenario.faults import KINDS

    tables: tuple[tuple[str, Mapping[str, type[BaseModel]]], ...] = (("censor", CLASSES), ("fault", KINDS))
    for table, known in tables:
        for name, kind in sorted(known.items()):
            keys = {key: _about(field) for key, field in kind.model_fields.items()}
            yield {"table": table, "name": name, "title": " ".join((kind.__doc__ or "").split()), "keys": keys}


def _about(field: Any) -> str:
    default = "" if field.is_required() else f" (default: {jsonlib.dumps(field.get_default(), default=str)})"
    return f"{field.description}{default}"


def _text_lines(document: Mapping[str, Any], width: int) -> Iterator[str]:
    if "keys" not in document:
        yield wrapped(document["title"], width, f"{document['name']:<{width}}")
        return
    by = "class" if document["table"] == "censor" else "kind"
    yield f"[[{document['table']}]] {by} = {jsonlib.dumps(document['name'])}"
    yield wrapped(document["title"], 2)
    for key, about in document["keys"].items():
        yield wrapped(f"{key}: {about}", 8, "    ")


@app.command("run")
def run(
    name: Named,
    command: Annotated[
        list[str] | None, typer.Argument(metavar="-- COMMAND", help="Run this in the lab instead of measuring.")
    ] = None,
    seed: Seed = 0,
    json: Annotated[bool, typer.Option("--json", help="Verdict records on stdout and nothing else.")] = False,
    verbose: Annotated[bool, opt("--verbose", "-v", help="Print the verdict on each service too.")] = False,
    targets: Targets = None,
    results: Results = None,
) -> None:
    """Measure all targets in a scenario and compare the verdicts (exit code 1 if they differ), or run COMMAND in it."""
    scenario, folder = _load(name), targets_folder(targets)
    if command:
        raise typer.Exit(_run_command(scenario, folder, seed, command))
    from probe.lab.sandbox.unsupported import LabUnavailable

    _check_results(results)
    say(sys.stderr, origin_header(Origin(lab=scenario.name)))
    say(sys.stderr, wrapped(scenario.title + "."))
    with _usage_errors():
        try:
            finished = _run_scenario(scenario, folder, seed, results)
        except LabUnavailable as unavailable:
            _show_recording(scenario, str(unavailable), json, verbose)
            return
    raise typer.Exit(_report(scenario, finished, results, json, verbose))


def _run_scenario(scenario: "Scenario", folder: Path, seed: int, results: Path | None) -> "Finished":
    from probe.lab.sandbox.unsupported import check_system

    check_system()
    from probe.lab.run import run_scenario

    return run_scenario(scenario, folder, consent=_consent(), seed=seed, results=results)


def _check_results(results: Path | None) -> None:
    """Make the results folder before the lab starts. The lab has its own /tmp, where a new folder would be lost."""
    from probe.results import ResultsError, check_writable, results_root

    try:
        check_writable(results_root(results))
    except ResultsError as error:
        raise UsageError(str(error), 2) from None


@app.command("shell")
def shell(name: Named, seed: Seed = 0, targets: Targets = None) -> None:
    """Open a shell at the user's position in a scenario."""
    scenario = _load(name)
    say(sys.stderr, origin_header(Origin(lab=scenario.name)))
    say(sys.stderr, wrapped(scenario.title + "."))
    raise typer.Exit(_run_command(scenario, targets_folder(targets), seed, [os.environ.get("SHELL") or "/bin/sh"]))


def _load(name: str) -> "Scenario":
    from probe.lab.scenario.scenario import find_scenario, load_scenario

    with _usage_errors():
        return load_scenario(find_scenario(name))


@contextmanager
def _usage_errors() -> Iterator[None]:
    """Turn the lab's errors into messages with exit codes."""
    from probe.lab.sandbox.unsupported import BROKEN, LabBroken
    from probe.lab.scenario.scenario import ScenarioError
    from probe.targets.target_error import TargetError

    try:
        yield
    except (ScenarioError, TargetError) as error:
        raise UsageError(str(error), 2) from None
    except LabBroken as error:
        raise UsageError(tr("The lab itself failed: {reason}", reason=error), BROKEN) from None


def _consent() -> str:
    """Return the consent for the lab. The sandbox proves that nothing can leave it before it starts anything."""
    from probe.cli.run.consent_text import VERSION

    return VERSION


def _run_command(scenario: "Scenario", folder: Path, seed: int, command: list[str]) -> int:
    from probe.lab.sandbox.unsupported import LabUnavailable, check_system

    with _usage_errors():
        try:
            check_system()
            from probe.lab.run import run_command

            return run_command(scenario, folder, command, consent=_consent(), seed=seed)
        except LabUnavailable as error:
            raise UsageError(tr("The lab cannot run on this computer: {reason}", reason=error), 1) from None


def _report(scenario: "Scenario", finished: "Finished", results: Path | None, json: bool, verbose: bool) -> int:
    """Print verdicts, differences and the path of the results file. Return the exit code."""
    from probe.lab.run import table

    if finished.code > 128:
        return finished.code
    path = _results_file(finished.records, results)
    stream: TextIO = sys.stderr if json else sys.stdout
    if finished.differences:
        say(stream, tr("These verdicts differ from those that scenario {name} expects:", name=scenario.name))
        for line in table(finished.differences):
            say(stream, f"  {line}")
        say(stream)
    elif not json:
        say(stream, wrapped(tr("All verdicts are as scenario {name} expects.", name=scenario.name)))
    if path is not None:
        say(stream, f"saved {printable(path)}")
    _print_records(finished.records, json, verbose, Origin(lab=scenario.name), _run_in(path))
    return 1 if finished.differences else 0


def _print_records(
    records: Iterable[Mapping[str, Any]],
    json: bool,
    verbose: bool,
    origin: Origin,
    run: RunVerdicts,
) -> None:
    if not json:
        from probe.cli.summary.result import print_result

        plain = is_plain(False, sys.stdout)
        regime = judge_regime(list(records), run.network_facts)
        print_result(
            records,
            sys.stdout,
            plain,
            origin=origin,
            targets=run.targets,
            verbose=verbose,
            regime=regime,
            ending=run.ending,
            taken=LAST_LINES,
        )
        return
    from probe.analysis.verdicts.verdicts import to_json

    for record in records:
        say(sys.stdout, to_json(dict(record)))


def _results_file(records: list[dict[str, Any]], results: Path | None) -> Path | None:
    """Return the results file of the run, found by the name in its verdicts."""
    from probe.results import results_root

    name = str(records[0].get("measurement_file", "")) if records else ""
    found = sorted((results_root(results) / "lab").rglob(name)) if name else []
    return found[-1] if found else None


def _run_in(path: Path | None) -> RunVerdicts:
    """Return what the measurements of a file say about targets and network, without their verdicts."""
    from probe.results import Problem, read_lines

    run = RunVerdicts()
    for _, measurement in read_lines(path) if path is not None else ():
        if not isinstance(measurement, Problem):
            run.add([], measurement)
    return run


def _show_recording(scenario: "Scenario", why: str, json: bool, verbose: bool) -> None:
    """Print why the lab cannot run, then the verdicts of the scenario's recorded measurements."""
    from probe.analysis.verdicts.verdicts import judge_measurements
    from probe.lab.recordings import RecordingNotInstalled, recording_of
    from probe.results import Problem, file_name, read_lines

    try:
        path = recording_of(scenario.name)
    except RecordingNotInstalled as error:
        raise UsageError(
            " ".join([tr("The lab cannot run on this computer: {reason}", reason=why), str(error)]), 1
        ) from None
    if path is None:
        sentence = tr(
            "The lab cannot run on this computer, and scenario {name} has no recording: {reason}",
            name=scenario.name,
            reason=why,
        )
        raise UsageError(sentence, 1)
    say(sys.stderr, "probe: " + tr("The lab cannot run on this computer: {reason}", reason=why))
    say(sys.stderr, wrapped(tr("The following verdicts come from a recorded run of the same scenario.")))
    name = file_name(path)
    measurements = [(name, number, found) for number, found in read_lines(path) if not isinstance(found, Problem)]
    date = str(measurements[0][2].get("measurement_start_time", ""))[:10] if measurements else ""
    say(sys.stderr if json else sys.stdout, tr("RECORDED on {date}, the lab cannot run here", date=date))
    run = RunVerdicts()
    for _, _, found in measurements:
        run.add([], found)
    _print_records(list(judge_measurements(measurements)), json, verbose, run.origin, run)
