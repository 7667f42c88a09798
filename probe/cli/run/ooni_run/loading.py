"""Read the descriptor of `probe run --ooni-run`: a file, or a link that is fetched after the consent."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from probe.cli.run import consent
from probe.cli.run.ooni_run.agreement import agree, show
from probe.cli.screen import UsageError, say, wrapped
from probe.files import open_regular
from probe.messages import tr
from probe.targets.target import Target
from probe.targets.target_error import TargetError
from probe.targets.target_files import pick_targets
from probe.targets.url_lists import LONGEST_LIST

if TYPE_CHECKING:
    from probe.cli.run.request import RunRequest
    from probe.ooni.run_links.choice import Choice
    from probe.ooni.run_links.descriptor import Descriptor

UNUSABLE = 6


def load(source: str, request: "RunRequest", *, explain: bool) -> tuple[list[Target], list[str]]:
    """Return the targets of a descriptor, and what is left out. Raise UsageError (2, 3, 6).

    The user agrees to the consent text before a link is fetched, and to the descriptor before it is measured.
    """
    from probe.ooni.run_links.descriptor import DescriptorError, parse_descriptor

    try:
        raw = _raw(source, request, explain)
        descriptor = parse_descriptor(raw, datetime.now(UTC))
    except DescriptorError as error:
        raise UsageError(f"--ooni-run: {error}", UNUSABLE) from None
    choice = _chosen(descriptor, request.targets)
    if not request.quiet or request.ooni_run_digest is None:
        show(descriptor, choice)
    if not choice.targets:
        raise UsageError(tr("The descriptor has nothing that this program can measure."), UNUSABLE)
    if not explain:
        consent.require(request.consent, request.targets)
        agree(descriptor, choice, request.ooni_run_digest)
    return choice.targets, choice.left_out


def _raw(source: str, request: "RunRequest", explain: bool) -> bytes:
    """Return the bytes of the descriptor. Raise UsageError (2, 3) and DescriptorError."""
    from probe.ooni.run_links.links import API, is_link, parse_link

    if not is_link(source):
        return _file(source)
    link = parse_link(source)
    if explain:
        raise UsageError(
            tr("--explain sends nothing, so it cannot fetch a link. Save the descriptor in a file, and name the file."),
            2,
        )
    consent.require(request.consent, request.targets)
    from probe.cli.addresses import server_address
    from probe.ooni.run_links.fetching import fetch_descriptor
    from probe.platforms import event_loop

    server = server_address(request.ooni_run_server or API)
    told = tr(
        "The list is fetched from {host}. That server sees your IP address, and your network operator can see "
        "that you contact it.",
        host=urlsplit(server).hostname,
    )
    say(sys.stderr, wrapped(told))
    return event_loop.run(fetch_descriptor(link, server))


def _file(name: str) -> bytes:
    """Return the beginning of a file, one byte more than is allowed. Raise UsageError (2)."""
    try:
        with open_regular(Path(name)) as stream:
            return stream.read(LONGEST_LIST + 1)
    except OSError as error:
        sentence = tr(
            "--ooni-run {name} cannot be read ({reason}). Use a file or a link of OONI Run.",
            name=name,
            reason=error.strerror,
        )
        raise UsageError(sentence, 2) from None


def _chosen(descriptor: "Descriptor", folder: Path) -> "Choice":
    from probe.nettests import NETTESTS
    from probe.ooni.run_links.choice import choose
    from probe.targets.target_files import target_names

    try:
        known = pick_targets(folder, target_names(folder), frozenset(NETTESTS))
    except TargetError as error:
        raise UsageError(str(error), 2) from None
    return choose(descriptor, known, lambda target: NETTESTS[target.nettest].input_of(target))
