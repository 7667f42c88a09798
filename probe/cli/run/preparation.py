"""Prepare `probe run`: the targets, the session that all measurements share, and the results file. Nothing is sent.

Read `--input` of `probe run web`: web addresses, files of them, or standard input. Bad rows are named.
"""

import os
import secrets
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from probe.cli.run import consent
from probe.cli.run.consent_choices import with_choices
from probe.cli.run.run_request import with_public_helpers
from probe.cli.run.settings import config_folder
from probe.cli.screen import UsageError, say, wrapped
from probe.files import open_regular
from probe.messages import mark, printable, tr, tr_plural
from probe.privacy.contributor_token import SECRET_FILE, hides_network, load_secret
from probe.results import (
    ResultsError,
    ResultsFile,
    can_pack,
    check_writable,
    reason_of,
    remember,
    results_root,
)
from probe.targets.chosen_targets import named_targets
from probe.targets.filter_file import load_filters
from probe.targets.target import Target
from probe.targets.target_error import TargetError
from probe.targets.target_files import load_neutral, load_target, pick_targets
from probe.targets.url_lists import LONGEST_LIST, WebList, read_list

if TYPE_CHECKING:
    from probe.cli.run.run_request import RunRequest
    from probe.run.vantage import Vantage
    from probe.session.session import Session
    from probe.steps.tls.certificate_checks import Roots

WEB = "web"  # used like a target's name
STDIN = "-"


def split(names: Sequence[str], inputs: Sequence[str]) -> tuple[list[str], list[str]]:
    """Separate target names from inputs. In `--input A B`, B arrives among the names and is recognised as a URL."""
    if not inputs:
        return list(names), []
    addresses = [name for name in names if "://" in name]
    return [name for name in names if name != WEB and name not in addresses], [*inputs, *addresses]


def read_inputs(inputs: Sequence[str]) -> WebList:
    """Read every input and name its bad rows on stderr. Raises UsageError (2, 6)."""
    found = WebList()
    for one in inputs:
        if "://" in one:
            found.take(one, "", "--input")
        else:
            read_list(_text(one), "standard input" if one == STDIN else one, found)
    _name(found)
    if not found.targets:
        raise UsageError(
            tr("--input has no web address that can be measured. Use http://… or https://…, one per line."), 6
        )
    return found


def _text(name: str) -> str:
    """Return the text of a file or of standard input. Raises UsageError (2, 6)."""
    try:
        raw = _beginning(name)
    except OSError as error:
        sentence = tr(
            "--input {name} cannot be read ({reason}). Use a file or a web address.",
            name=name,
            reason=error.strerror,
        )
        raise UsageError(sentence, 2) from None
    if len(raw) > LONGEST_LIST:
        sentence = tr(
            "--input {name} is longer than {limit} bytes. Split the list into several files, and measure them one "
            "after the other.",
            name=name,
            limit=LONGEST_LIST,
        )
        raise UsageError(sentence, 6)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        sentence = tr(
            "--input {name} is no UTF-8 text (byte {offset}). Use one web address per line.",
            name=name,
            offset=error.start,
        )
        raise UsageError(sentence, 6) from None


def _beginning(name: str) -> bytes:
    if name == STDIN:
        return sys.stdin.buffer.read(LONGEST_LIST + 1)
    with open_regular(Path(name)) as stream:
        return stream.read(LONGEST_LIST + 1)


def _name(found: WebList) -> None:
    for problem in found.problems:
        say(sys.stderr, f"probe: {printable(problem)}")
    if (more := found.unusable - len(found.problems)) > 0:
        say(sys.stderr, "probe: " + tr_plural("{count} more row is left out.", "{count} more rows are left out.", more))


NO_CONTROL = mark(
    "No test helper is used. The program cannot distinguish a service that is blocked here from one that is down, "
    "and fewer verdicts are certain. --control ooni uses OONI's public helpers, and --control URL one that you know. "
    "`probe helper` starts one on a computer outside this network."
)
PLAIN_HTTP = mark("The helper is used over plain http. Any device on the way can read and change its answers.")


def pick(request: "RunRequest") -> tuple[list[Target], list[str]]:
    """Load the requested targets. The second value names rows of lists that were left out. Raises UsageError (2, 6)."""
    from probe.cli.run.preparation import WEB, read_inputs, split
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
    from probe.session.session import RunSettings, Session
    from probe.steps.tls.certificate_checks import RootsError, load_roots

    settings = RunSettings(
        control=with_public_helpers(request.control, request.targets),
        control_pin=request.control_pin,
        followups=request.followups,
        depth=request.depth,
        families=request.families,
        max_time=request.max_time,
        public_roots=os.environ.get("PROBE_PUBLIC_ROOTS"),
        measure_anyway=request.measure_anyway,
        network_withheld=hides_network(request.asn, request.cc),
    )
    try:
        neutral = load_neutral(request.targets / "neutral.toml")
        resolvers, filters = load_target(request.targets / "resolvers.toml"), load_filters(request.targets)
        roots = load_roots(settings.public_roots)
        roots.check()
        networks = default_table().database
    except (TargetError, RootsError, TableError) as error:
        raise UsageError(str(error), 2) from None
    session = Session(secrets.token_hex(8), settings, Pace(deep=request.depth == "deep"), neutral, resolvers)
    session.filters = filters
    session.asn_of, session.asn_database = asn_of, networks
    return session, roots


def open_with_consent(request: "RunRequest") -> "tuple[RunRequest, Session, Roots]":
    """Open the session, and ask for consent if it is missing. What the user chooses then holds for this run too.

    Nothing is sent before consent (P5). Raises UsageError (2, 3).
    """
    session, roots = open_session(request)
    check_packets(request.pcap)
    if consent.require(request.consent, request.targets):
        request = with_choices(request)
        session.settings = replace(session.settings, control=with_public_helpers(request.control, request.targets))
    return request, session, roots


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


def contributor_secret(request: "RunRequest") -> bytes | None:
    """Return the secret of this installation if the user agreed to contributor tokens, None otherwise.

    It is made when it is first needed. A secret that cannot be used costs only the tokens.
    """
    if not request.contributor_token or hides_network(request.asn, request.cc):
        return None
    try:
        return load_secret(config_folder())
    except (OSError, ValueError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else tr("it is damaged")
        say(
            sys.stderr,
            wrapped(
                tr(
                    "The results get no contributor token, because the file {path} cannot be used ({reason}). "
                    "Remove this file, and the next run makes a new one.",
                    path=config_folder() / SECRET_FILE,
                    reason=reason,
                )
            ),
        )
        return None


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
                _say_unpacked(request.pack is True)
        except ResultsError as error:
            raise UsageError(str(error), 2) from None

    def __call__(self, vantage: "Vantage") -> ResultsFile:
        if self._ready is not None:
            return self._ready
        lab = "lab" in vantage.annotations
        packed = not lab if self._packed is None else self._packed
        return ResultsFile.in_folder(
            self._root, vantage.probe_cc, vantage.probe_asn, self._session.run_id, self._began, lab, packed
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
