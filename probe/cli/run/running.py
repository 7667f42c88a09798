"""Carry out `probe run`: consent, the run, the verdicts and the summary."""

import os
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TextIO

from probe.cli.run import consent
from probe.cli.run.extras import missing_extras
from probe.cli.run.limits import remove_old_runs
from probe.cli.run.preparation import ResultsOpener, check_packets, hint_about_control, open_session
from probe.cli.run.rounds import round_lines
from probe.cli.run.run_time import stopped_at_limit
from probe.cli.screen import is_plain, say, size, wrapped
from probe.formats.origin import origin_of
from probe.messages import printable, review_notice, tr, tr_plural
from probe.results import (
    STDIN,
    Problem,
    file_name,
    read_lines,
    reason_of,
    results_root,
)
from probe.targets.target import Target

if TYPE_CHECKING:
    from probe.analysis.run_result.runs import RunVerdicts
    from probe.cli.run.progress import KnownVerdicts
    from probe.cli.run.request import RunRequest
    from probe.run.plan import RunOutcome
    from probe.session.session import Session
    from probe.steps.tls.certificates import Roots

NOT_WRITTEN, SIGNALLED = 7, 128  # exit codes. Codes of signals are above the second.
EXIT_CODES = {"blocked": 10, "likely_blocked": 10, "degraded": 11, "impaired": 11, "down": 11, "insufficient": 12}


def measure_and_judge(targets: list[Target], request: "RunRequest") -> int:
    """Measure, write, compute verdicts and print them. Return the exit code. Nothing is sent before consent (P5)."""
    session, roots = open_session(request)
    check_packets(request.pcap)
    consent.require(request.consent, request.targets)
    results = ResultsOpener(request, session)
    if not request.quiet:
        if request.consent is not None:  # the text of `probe consent` has the notice, and was not shown
            for sentence in review_notice():
                say(sys.stderr, wrapped(sentence))
        hint_about_control(request.control)
        for sentence in missing_extras(targets, request.depth):
            say(sys.stderr, wrapped(sentence))
    from probe.analysis.run_result.runs import RunVerdicts

    outcome, known = _measure(targets, request, session, roots, results)
    code = outcome.code
    out = sys.stderr if request.output == "-" else sys.stdout
    try:
        found = RunVerdicts()
        found.records = records = list(known.judge(_noted(_lines(outcome), found)))
        problem = _print_or_explain(found, outcome, request, out, targets)
    except Exception as bug:  # the file is complete, and the user learns that before the bug
        _print_last_lines(outcome, request.quiet)
        raise bug
    if problem is not None:
        outcome.problem, code = outcome.problem or problem, code if code > SIGNALLED else NOT_WRITTEN
    if request.exit_code and code == 0:
        code = exit_code_of(records)
    if outcome.out_of_time:
        say(sys.stderr, wrapped(stopped_at_limit(records, outcome.seconds)))
    remove_old_runs(results_root(request.results).absolute(), request.limits, outcome.path, records)
    _print_last_lines(outcome, request.quiet)
    return code


def _print_or_explain(
    found: "RunVerdicts", outcome: "RunOutcome", request: "RunRequest", out: TextIO, targets: list[Target]
) -> str | None:
    """Print the verdicts. Return a sentence if the stream cannot be written, and None if it can."""
    try:
        _print(found, outcome, request, out, targets)
    except BrokenPipeError:
        raise
    except OSError as error:
        with open(os.devnull, "wb") as nothing:  # the interpreter writes the rest of the buffer when it ends
            os.dup2(nothing.fileno(), out.fileno())
        return tr("The verdicts cannot be printed ({reason}).", reason=reason_of(error))
    return None


def _measure(
    targets: list[Target], request: "RunRequest", session: "Session", roots: "Roots", results: ResultsOpener
) -> "tuple[RunOutcome, KnownVerdicts]":
    """Measure, and return the outcome with the verdicts that were shown meanwhile."""
    from probe.cli.run.progress import KnownVerdicts, progress
    from probe.platforms import event_loop
    from probe.run.plan import Plan
    from probe.run.runner import run

    plan = Plan(targets, request.repeat, request.cc, request.asn, request.pcap)
    plain = is_plain(request.plain, sys.stderr)
    planned, quiet, events, known = len(targets) * request.repeat, request.quiet, request.events, KnownVerdicts()
    with progress(planned, sys.stderr, plain, request.control, known=known, quiet=quiet, events=events) as watch:
        return event_loop.run(run(plan, session, roots, results, watch)), known


def _lines(outcome: "RunOutcome") -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Yield the measurements in the file, then those that are only in memory, as lines of `-`."""
    path = outcome.path
    if path is not None and path.is_file():
        for number, line in read_lines(path):
            if not isinstance(line, Problem):
                yield file_name(path), number, line
    name = file_name(STDIN if path is None or path.is_file() else path)
    yield from ((name, number, line) for number, line in enumerate(outcome.documents, 1))


def _noted(
    lines: Iterable[tuple[str, int, dict[str, Any]]], found: "RunVerdicts"
) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Pass the lines on, and note what they say about the network."""
    for line in lines:
        found.network_facts.add(line[2])
        yield line


def _print(
    found: "RunVerdicts", outcome: "RunOutcome", request: "RunRequest", out: TextIO, targets: list[Target]
) -> None:
    if request.json:
        from probe.analysis.verdicts.verdicts import to_json

        for record in found.records:
            print(to_json(record), file=out)
        out.flush()
        return
    from probe.cli.summary.next_command import next_command
    from probe.cli.summary.result import print_result

    facts, origin = {each.name: _facts(each) for each in targets}, origin_of({"annotations": outcome.annotations})
    form, regime, records = is_plain(request.plain, out), found.regime(), found.records
    print_result(records, out, form, origin=origin, targets=facts, verbose=request.verbose, regime=regime)
    if request.repeat > 1:
        say(out)
        for line in round_lines(records, {each.name: each.title for each in targets}):
            say(out, line)
    if outcome.path is not None and outcome.path != STDIN:
        if not sys.stderr.isatty():  # else the last line on the same screen names it
            say(out, tr("File  {path}", path=outcome.path))
        say(out, tr("Next  {command}", command=next_command(records)))


def _facts(target: Target) -> dict[str, Any]:
    """Return what the screen needs of a target, with the keys of a measurement's `x_target`."""
    services = {role: {"needs": list(service.needs)} for role, service in target.services.items()}
    return {
        "title": target.title,
        "retired": target.retired,
        "successor": target.successor,
        "services": services,
    }


def exit_code_of(records: list[dict[str, Any]]) -> int:
    """Return the smallest exit code that any service gives, for --exit-code."""
    codes = [EXIT_CODES.get(record["state"] or "insufficient", 0) for record in records]
    return min((code for code in codes if code), default=0)


def _print_last_lines(outcome: "RunOutcome", quiet: bool) -> None:
    """Print the last lines on stderr: bytes and seconds, problems, the path of the file. With `quiet` only problems."""
    err = sys.stderr
    moved = outcome.bytes_sent + outcome.bytes_received
    if not quiet:
        say(err, tr("used {size} in {seconds} s", size=size(moved), seconds=round(outcome.seconds)))
    for bug in dict.fromkeys(outcome.bugs):
        say(err, wrapped("probe: " + tr("This is a bug in probe. Please report it: {bug}", bug=bug)))
    if outcome.problem:
        say(err, f"probe: {outcome.problem}")
    if outcome.unwritten:
        unwritten = tr_plural(
            "{count} result is in no file, but its verdict is above. Free some disk space, then run again.",
            "{count} results are in no file, but their verdicts are above. Free some disk space, then run again.",
            outcome.unwritten,
        )
        say(err, wrapped(f"probe: {unwritten}"))
    if quiet:
        return
    if outcome.packets is not None:
        say(err, tr("packets {path}", path=outcome.packets))
    if outcome.path is not None:
        say(err, f"saved {printable(outcome.path)}")
