"""Carry out `probe run`: consent, the run, the verdicts and the summary.

Say what was the same in all rounds of `--repeat`, and what changed.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TextIO

from probe.analysis.run_result.unfinished_runs import UNTESTED
from probe.cli.found_words import INVALID, ORDER, found_words, state_of
from probe.cli.run.disk_limits import remove_old_runs
from probe.cli.run.extras import missing_extras
from probe.cli.run.preparation import (
    ResultsOpener,
    contributor_secret,
    hint_about_control,
    open_with_consent,
)
from probe.cli.run.run_time import stopped_at_limit
from probe.cli.screen import is_plain, say, size, wrapped
from probe.formats.origin import origin_of
from probe.messages import listed, mark, printable, review_notice, tr, tr_plural
from probe.results import (
    STDIN,
    Problem,
    file_name,
    read_lines,
    reason_of,
    results_root,
)
from probe.targets.target import Target
from probe.targets.titles import shown_title

if TYPE_CHECKING:
    from probe.analysis.run_result.runs import RunVerdicts
    from probe.cli.run.progress import KnownVerdicts
    from probe.cli.run.run_request import RunRequest
    from probe.run.run_plan import RunOutcome
    from probe.session.session import Session
    from probe.steps.tls.certificate_checks import Roots

States = dict[str, Counter[str]]
"""How often each service had each state."""


def round_lines(records: Iterable[Mapping[str, Any]], titles: Mapping[str, str]) -> Iterator[str]:
    """Yield the table of what was stable, in 80 columns. `titles` has the title of each target by its name."""
    states, targets = States(), dict[str, str]()
    for record in records:
        service = str(record.get("service"))
        states.setdefault(service, Counter())[state_of(record)] += 1
        targets[service] = str(record.get("target"))
    rounds = max((found.total() for found in states.values()), default=0)
    for several in filter(lambda each: len(each) > 1, states.values()):
        del several[UNTESTED]  # what was not tested to its end has not changed
    if rounds < 2:
        return
    yield tr_plural("What {count} round found:", "What {count} rounds found:", rounds)
    stable = {name: next(iter(found)) for name, found in states.items() if len(found) == 1 and found.total() == rounds}
    for state in (*ORDER, *sorted(set(stable.values()) - set(ORDER))):
        if alike := [name for name, found in stable.items() if found == state]:
            shown = listed(_named(alike, targets, titles))
            yield wrapped(tr("{state}: {services}", state=_in_all_rounds(state), services=shown), 4, "  ")
    for name in (name for name in states if name not in stable):
        found = {state: states[name][state] for state in (*ORDER, *states[name]) if states[name][state]}
        changed = mark("{service} changed: {counts}") if len(found) > 1 else mark("{service}: {counts}")
        counts = tr(changed, service=name, counts=found_words(found))
        yield wrapped(counts, 4, "  ")
        if (missing := rounds - states[name].total()) > 0:
            yield wrapped(
                tr_plural("It was not measured in {count} round.", "It was not measured in {count} rounds.", missing), 4
            )


def _named(services: Iterable[str], targets: Mapping[str, str], titles: Mapping[str, str]) -> Iterator[str]:
    """Yield each target with its services of one state: `WhatsApp (chat, media)`."""
    roles: dict[str, list[str]] = {}
    for service in services:
        target = targets[service]
        roles.setdefault(target, []).append(service.removeprefix(f"{target}/").replace("_", " "))
    for target, names in roles.items():
        title = shown_title(titles.get(target, target))
        yield title if "://" in target else tr("{app} ({services})", app=title, services=listed(names))


def _in_all_rounds(state: str) -> str:
    words = {
        "blocked": tr("Blocked in all rounds"),
        "likely_blocked": tr("Likely blocked in all rounds"),
        "degraded": tr("Working badly in all rounds"),
        "filtered_locally": tr("Filtered on your own side in all rounds"),
        "impaired": tr("Not working in all rounds, cause unclear"),
        "down": tr("Not working in all rounds, no sign of blocking"),
        "ok": tr("Working in all rounds"),
        "insufficient": tr("Not tested enough in all rounds"),
        INVALID: tr("Not usable in all rounds"),
    }
    return words.get(state, state)


LAST_LINES = 3  # on a terminal: the bytes and seconds, and the path of the file
NOT_WRITTEN, SIGNALLED = 7, 128  # exit codes. Codes of signals are above the second.
EXIT_CODES = {
    "blocked": 10,
    "likely_blocked": 10,
    "degraded": 11,
    "impaired": 11,
    "down": 11,
    "filtered_locally": 13,
    "insufficient": 12,
}
"""The exit code of each state, the gravest state first."""


def measure_and_judge(targets: list[Target], request: "RunRequest") -> int:
    """Measure, write, compute verdicts and print them. Return the exit code. Nothing is sent before consent (P5)."""
    request, session, roots = open_with_consent(request)
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
    answer_last = out.isatty()  # the answer stays on the screen. Other programs read the path in the last line.
    try:
        found = RunVerdicts()
        found.records = records = list(known.judge(_noted(_lines(outcome), found)))
        if answer_last:
            _end(outcome, request, records)
        problem = _print_or_explain(found, outcome, request, out, targets)
    except Exception as bug:  # the file is complete, and the user learns that before the bug
        _print_last_lines(outcome, request.quiet)
        raise bug
    if problem is not None:
        outcome.problem, code = outcome.problem or problem, code if code > SIGNALLED else NOT_WRITTEN
    if request.exit_code and code == 0:
        code = exit_code_of(records)
    if not answer_last or problem is not None:
        _end(outcome, request, records)
    return code


def _end(outcome: "RunOutcome", request: "RunRequest", records: list[dict[str, Any]]) -> None:
    """Say how the run ended, remove old runs, and name the file."""
    if outcome.out_of_time:
        say(sys.stderr, wrapped(stopped_at_limit(records, outcome.seconds)))
    remove_old_runs(results_root(request.results).absolute(), request.limits, outcome.path, records)
    _print_last_lines(outcome, request.quiet)


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
    from probe.run.run_plan import RunPlan
    from probe.run.runner import run

    plan = RunPlan(targets, request.repeat, request.cc, request.asn, request.pcap, contributor_secret(request))
    plain = is_plain(request.plain, sys.stderr)
    planned, quiet, events, known = len(targets) * request.repeat, request.quiet, request.events, KnownVerdicts()
    with progress(
        planned, sys.stderr, plain, session.settings.control, targets=targets, known=known, quiet=quiet, events=events
    ) as watch:
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
    """Pass the lines on, and note what they say about the network and the end of the run."""
    for line in lines:
        found.note(line[2])
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
    is_saved = outcome.path is not None and outcome.path != STDIN
    if request.repeat > 1:
        for line in round_lines(found.records, {each.name: each.title for each in targets}):
            say(out, line)
        say(out)
    print_result(
        found.records,
        out,
        is_plain(request.plain, out),
        origin=origin,
        targets=facts,
        verbose=request.verbose,
        regime=found.regime(),
        ending=found.ending,
        command=next_command(found.records) if is_saved else "",
        taken=LAST_LINES,
    )
    if is_saved and not sys.stderr.isatty():  # else a line on the same screen names it
        say(out, tr("File  {path}", path=outcome.path))


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
    """Return the exit code for --exit-code: that of the gravest state that any service has."""
    found = {record["state"] or "insufficient" for record in records}
    return next((code for state, code in EXIT_CODES.items() if state in found), 0)


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
            "{count} result is in no file, but its verdict is printed. Free some disk space, then run again.",
            "{count} results are in no file, but their verdicts are printed. Free some disk space, then run again.",
            outcome.unwritten,
        )
        say(err, wrapped(f"probe: {unwritten}"))
    if quiet:
        return
    if outcome.packets is not None:
        say(err, tr("packets {path}", path=outcome.packets))
    if outcome.path is not None:
        say(err, f"saved {printable(outcome.path)}")
