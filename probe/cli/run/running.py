"""What `probe run` does after its options are read: consent, the run, the verdicts, the last lines on the screen."""

import asyncio
import os
import secrets
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from probe.cli.run import consent
from probe.cli.screen import UsageError, is_plain, print_verdicts, say, size, wrapped
from probe.results import (
    STDIN,
    Problem,
    ResultsError,
    ResultsFile,
    check_writable,
    file_name,
    read_lines,
    results_root,
)
from probe.targets.target import Target, TargetError, load_neutral, load_target, pick_targets

if TYPE_CHECKING:
    from probe.cli.run.request import RunRequest
    from probe.run.runner import RunOutcome
    from probe.run.vantage import Vantage
    from probe.session.session import Session
    from probe.steps.tls.certificates import Roots

EXIT_CODES = {"blocked": 10, "likely_blocked": 10, "degraded": 11, "impaired": 11, "down": 11, "insufficient": 12}
NO_CONTROL = (
    "No test helper is asked, so what fails here cannot be told from what fails everywhere, and fewer verdicts are "
    "certain. Name one with --control URL; `probe helper` runs one on a machine outside this network."
)
PLAIN_HTTP = "The helper is asked over plain http: whoever sits between can read and change its answers."


def pick(wishes: "RunRequest") -> tuple[list[Target], list[str]]:
    """Load the wished targets; the second says which rows of lists were left out. Raises UsageError (2, 6)."""
    from probe.cli.run.web_input import WEB, read_inputs, split
    from probe.nettests import NETTESTS

    names, inputs = split(wishes.names, wishes.input)
    if WEB in names:
        raise UsageError(f"{WEB} needs --input: a web address, a file of them, or - for standard input", 2)
    try:
        found = pick_targets(wishes.targets, names, frozenset(NETTESTS)) if names or not inputs else []
    except TargetError as error:
        raise UsageError(str(error), 2) from None
    if not inputs:
        return found, []
    web = read_inputs(inputs)
    return found + web.targets, web.problems


def measure_and_judge(targets: list[Target], wishes: "RunRequest") -> int:
    """Run, write, judge and print; returns the exit code. Before consent nothing is sent."""
    session, roots = open_session(wishes)
    check_packets(wishes.pcap)
    consent.require(wishes.consent, wishes.targets)
    results = _Opener(wishes, session)
    hint_about_control(wishes.control)
    outcome = _measure(targets, wishes, session, roots, results)
    code = outcome.code
    out = sys.stderr if wishes.output == "-" else sys.stdout
    try:
        records = list(_judged(outcome))
        _print(records, outcome, wishes, out)
    except Exception as bug:  # the lines are safe: say so before the bug is reported
        _print_summary(outcome)
        raise bug
    if wishes.exit_code and code == 0:
        code = earned(records)
    _print_summary(outcome)
    return code


def open_session(wishes: "RunRequest") -> "tuple[Session, Roots]":
    """Make the session that all measurements share; sends nothing. Raises UsageError (2)."""
    from probe.asn.table import TableError, asn_of, default_table
    from probe.session.pacing import Pace
    from probe.session.session import Session, Settings
    from probe.steps.tls.certificates import RootsError, load_roots

    settings = Settings(
        control=wishes.control,
        control_pin=wishes.control_pin,
        followups=wishes.followups,
        depth=wishes.depth,
        families=wishes.families,
        max_time=wishes.max_time,
        public_roots=os.environ.get("PROBE_PUBLIC_ROOTS"),
        network_withheld=wishes.asn == "AS0" or wishes.cc == "ZZ",
    )
    try:
        neutral = load_neutral(wishes.targets / "neutral.toml")
        resolvers = load_target(wishes.targets / "resolvers.toml")
        roots = load_roots(settings.public_roots)
        roots.check()
        networks = default_table().database
    except (TargetError, RootsError, TableError) as error:
        raise UsageError(str(error), 2) from None
    session = Session(secrets.token_hex(8), settings, Pace(deep=wishes.depth == "deep"), neutral, resolvers)
    session.asn_of, session.asn_database = asn_of, networks
    return session, roots


def check_packets(wanted: bool) -> None:
    """Refuse to promise packets that the system will not show. Raises UsageError (2)."""
    from probe.packets.capture import may_capture

    if wanted and not may_capture():
        raise UsageError("--pcap needs the right to see raw packets (CAP_NET_RAW); run as root, or leave --pcap out", 2)


def hint_about_control(urls: tuple[str, ...]) -> None:
    """Say once what it costs to have no helper, or one on plain http."""
    if not urls:
        say(sys.stderr, wrapped(NO_CONTROL))
    elif any(url.startswith(("http://", "ooni+http://")) for url in urls):
        say(sys.stderr, wrapped(PLAIN_HTTP))


class _Opener:
    """Where the lines go: proven writable before the first packet, opened with the first line."""

    def __init__(self, wishes: "RunRequest", session: "Session") -> None:
        self._session, self._began = session, datetime.now(UTC)
        self._ready: ResultsFile | None = None
        self._root = results_root(wishes.results).absolute()
        try:
            if wishes.output == "-":
                self._ready = ResultsFile.to_stdout()
            elif wishes.output is not None:
                self._ready = ResultsFile.to_file(Path(wishes.output).absolute())
            else:
                check_writable(self._root)
        except ResultsError as error:
            raise UsageError(str(error), 2) from None

    def __call__(self, vantage: "Vantage") -> ResultsFile:
        if self._ready is not None:
            return self._ready
        lab = "lab" in vantage.annotations
        return ResultsFile.in_folder(
            self._root, vantage.probe_cc, vantage.probe_asn, self._session.run_id, self._began, lab
        )


def _measure(
    targets: list[Target], wishes: "RunRequest", session: "Session", roots: "Roots", results: _Opener
) -> "RunOutcome":
    from probe.cli.run.progress import progress
    from probe.run.runner import Plan, run

    plan = Plan(targets, wishes.repeat, wishes.cc, wishes.asn, wishes.pcap)
    with progress(len(targets) * wishes.repeat, sys.stderr, is_plain(wishes.plain, sys.stderr)) as watch:
        return asyncio.run(run(plan, session, roots, results, watch))


def _judged(outcome: "RunOutcome") -> Iterator[dict[str, Any]]:
    """The verdicts on the lines as they were written: read back from the file wherever it can be."""
    from probe.analysis.verdicts.verdicts import judge_measurements

    yield from judge_measurements(_lines(outcome))


def _lines(outcome: "RunOutcome") -> Iterator[tuple[str, int, dict[str, Any]]]:
    path = outcome.path
    if path is None or path == STDIN or not path.is_file():
        yield from ((file_name(path or STDIN), number, line) for number, line in enumerate(outcome.documents, 1))
        return
    for number, line in read_lines(path):
        if not isinstance(line, Problem):
            yield file_name(path), number, line


def _print(records: list[dict[str, Any]], outcome: "RunOutcome", wishes: "RunRequest", out: TextIO) -> None:
    if wishes.json:
        from probe.analysis.verdicts.verdicts import to_json

        for record in records:
            print(to_json(record), file=out)
        out.flush()
        return
    plain = is_plain(wishes.plain, out)
    print_verdicts(records, out, plain, lab=outcome.annotations.get("lab"))
    if outcome.path is not None and outcome.path != STDIN:
        say(out)
        say(out, f"File  {outcome.path}")
        say(out, f"Next  {next_command(records, wishes)}")


def next_command(records: list[dict[str, Any]], wishes: "RunRequest") -> str:
    """The command that is most useful after these verdicts."""
    if any(not record["valid"] for record in records):
        return "probe doctor             what is wrong with this network"
    accused = [record for record in records if record["state"] not in {"ok", "insufficient"}]
    if not accused:
        return "probe list               earlier runs"
    return "probe show last --why    the evidence, the rule, what would change it"


def earned(records: list[dict[str, Any]]) -> int:
    """The smallest code that any service earned, for --exit-code."""
    codes = [EXIT_CODES.get(record["state"] or "insufficient", 0) for record in records]
    return min((code for code in codes if code), default=0)


def _print_summary(outcome: "RunOutcome") -> None:
    """The last lines on stderr: what it cost, what went wrong, where the file is."""
    err = sys.stderr
    moved = outcome.bytes_sent + outcome.bytes_received
    say(err, f"used {size(moved)} in {outcome.seconds:.0f} s")
    for bug in dict.fromkeys(outcome.bugs):
        say(err, wrapped(f"probe: a bug of ours, please report it: {bug}"))
    if outcome.problem:
        say(err, f"probe: {outcome.problem}")
    if outcome.packets is not None:
        say(err, f"packets {outcome.packets}")
    if outcome.path is not None:
        say(err, f"saved {outcome.path}")
