"""Carry out `probe run`: consent, the run, the verdicts and the summary."""

import os
import secrets
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from probe.cli.run import consent
from probe.cli.run.extras import missing_extras
from probe.cli.run.limits import remove_old_runs
from probe.cli.run.rounds import round_lines
from probe.cli.run.run_time import stopped_at_limit
from probe.cli.screen import UsageError, is_plain, say, size, wrapped
from probe.formats.origin import origin_of
from probe.messages import mark, printable, review_notice, tr, tr_plural
from probe.results import (
    STDIN,
    Problem,
    ResultsError,
    ResultsFile,
    can_pack,
    check_writable,
    file_name,
    read_lines,
    reason_of,
    remember,
    results_root,
)
from probe.targets.names import named_targets
from probe.targets.target import Target
from probe.targets.target_error import TargetError
from probe.targets.target_files import load_neutral, load_target, pick_targets

if TYPE_CHECKING:
    from probe.analysis.run_result.runs import RunVerdicts
    from probe.cli.run.progress import KnownVerdicts
    from probe.cli.run.request import RunRequest
    from probe.run.runner import RunOutcome
    from probe.run.vantage import Vantage
    from probe.session.session import Session
    from probe.steps.tls.certificates import Roots

NOT_WRITTEN, SIGNALLED = 7, 128  # exit codes. Codes of signals are above the second.
EXIT_CODES = {"blocked": 10, "likely_blocked": 10, "degraded": 11, "impaired": 11, "down": 11, "insufficient": 12}
NO_CONTROL = mark(
    "No test helper is used. The program cannot distinguish a service that is blocked here from one that is down, "
    "and fewer verdicts are certain. Name a helper with --control URL. "
    "`probe helper` starts one on a computer outside this network."
)
PLAIN_HTTP = mark("The helper is used over plain http. Any device on the way can read and change its answers.")


def pick(request: "RunRequest") -> tuple[list[Target], list[str]]:
    """Load the requested targets. The second value names rows of lists that were left out. Raises UsageError (2, 6)."""
    from probe.cli.run.web_input import WEB, read_inputs, split
    from probe.nettests import NETTESTS

    names, inputs = split(request.names, request.input)
    if WEB in names:
        raise UsageError(
            tr("The target web needs --input with a web address, a file of them, or - for standard input."), 2
        )
    try:
        known = named_targets(request.targets, names)
        found = pick_targets(request.targets, known, frozenset(NETTESTS)) if known or not inputs else []
    except TargetError as error:
        raise UsageError(str(error), 2) from None
    if not inputs:
        return found, []
    web = read_inputs(inputs)
    return found + web.targets, web.problems


def measure_and_judge(targets: list[Target], request: "RunRequest") -> int:
    """Measure, write, compute verdicts and print them. Return the exit code. Nothing is sent before consent (P5)."""
    session, roots = open_session(request)
    check_packets(request.pcap)
    consent.require(request.consent, request.targets)
    results = _Opener(request, session)
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


def open_session(request: "RunRequest") -> "tuple[Session, Roots]":
    """Open the session that all measurements share. Sends nothing. Raises UsageError (2)."""
    from probe.asn.table import TableError, asn_of, default_table
    from probe.session.pacing import Pace
    from probe.session.session import Session, Settings
    from probe.steps.tls.certificates import RootsError, load_roots

    settings = Settings(
        control=request.control,
        control_pin=request.control_pin,
        followups=request.followups,
        depth=request.depth,
        families=request.families,
        max_time=request.max_time,
        public_roots=os.environ.get("PROBE_PUBLIC_ROOTS"),
        measure_anyway=request.measure_anyway,
        network_withheld=request.asn == "AS0" or request.cc == "ZZ",
    )
    try:
        neutral = load_neutral(request.targets / "neutral.toml")
        resolvers = load_target(request.targets / "resolvers.toml")
        roots = load_roots(settings.public_roots)
        roots.check()
        networks = default_table().database
    except (TargetError, RootsError, TableError) as error:
        raise UsageError(str(error), 2) from None
    session = Session(secrets.token_hex(8), settings, Pace(deep=request.depth == "deep"), neutral, resolvers)
    session.asn_of, session.asn_database = asn_of, networks
    return session, roots


def check_packets(wanted: bool) -> None:
    """Check that the system shows raw packets if they are wanted. Raises UsageError (2)."""
    from probe.platforms.raw_packets import may_capture

    if wanted and not may_capture():
        raise UsageError(
            tr("--pcap needs the right to see raw packets (CAP_NET_RAW). Run as root, or leave --pcap out."), 2
        )


def hint_about_control(urls: tuple[str, ...]) -> None:
    """Print a hint if there is no helper, or one over plain http."""
    if not urls:
        say(sys.stderr, wrapped(tr(NO_CONTROL)))
    elif any(url.startswith(("http://", "ooni+http://")) for url in urls):
        say(sys.stderr, wrapped(tr(PLAIN_HTTP)))


class _Opener:
    """Open the results file with the first record. The folder is checked before the first packet."""

    def __init__(self, request: "RunRequest", session: "Session") -> None:
        self._session, self._began, self._packed = session, datetime.now(UTC), request.pack
        self._ready: ResultsFile | None = None
        self._root = results_root(request.results).absolute()
        try:
            if request.output == "-":
                self._ready = ResultsFile.to_stdout()
            elif request.output is not None:
                self._ready = ResultsFile.to_file(Path(request.output).absolute())
            else:
                check_writable(self._root)
                _remember(self._root)
                _say_unpacked(request.pack)
        except ResultsError as error:
            raise UsageError(str(error), 2) from None

    def __call__(self, vantage: "Vantage") -> ResultsFile:
        if self._ready is not None:
            return self._ready
        lab = "lab" in vantage.annotations
        return ResultsFile.in_folder(
            self._root, vantage.probe_cc, vantage.probe_asn, self._session.run_id, self._began, lab, self._packed
        )


def _say_unpacked(wanted: bool) -> None:
    if wanted and not can_pack():
        say(sys.stderr, tr("The results are not packed, because that needs Python 3.14 or the package backports.zstd."))


def _remember(root: Path) -> None:
    try:
        remember(root)
    except OSError as error:
        say(
            sys.stderr,
            tr(
                "`probe wipe` will not find the results in {path}, because the folder could not be noted ({reason}). "
                "Remove them yourself, or name the folder with `probe wipe --results DIR`.",
                path=root,
                reason=reason_of(error),
            ),
        )


def _measure(
    targets: list[Target], request: "RunRequest", session: "Session", roots: "Roots", results: _Opener
) -> "tuple[RunOutcome, KnownVerdicts]":
    """Measure, and return the outcome with the verdicts that were shown meanwhile."""
    from probe.cli.run.progress import KnownVerdicts, progress
    from probe.platforms import event_loop
    from probe.run.runner import Plan, run

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
