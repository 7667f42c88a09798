"""Prepare `probe run`: the targets, the session that all measurements share, and the results file. Nothing is sent."""

import os
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from probe.cli.screen import UsageError, say, wrapped
from probe.messages import mark, tr
from probe.results import (
    ResultsError,
    ResultsFile,
    can_pack,
    check_writable,
    reason_of,
    remember,
    results_root,
)
from probe.targets.names import named_targets
from probe.targets.target import Target
from probe.targets.target_error import TargetError
from probe.targets.target_files import load_neutral, load_target, pick_targets

if TYPE_CHECKING:
    from probe.cli.run.request import RunRequest
    from probe.run.vantage import Vantage
    from probe.session.session import Session
    from probe.steps.tls.certificates import Roots

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


class ResultsOpener:
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
