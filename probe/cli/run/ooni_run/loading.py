"""Read the descriptor of `probe run --ooni-run`: a file, or a link that is fetched after the consent.

Show the author and the contents of an OONI Run descriptor, and ask whether to measure it.
"""

import sys
from typing import TYPE_CHECKING

from probe.cli.screen import UsageError, say, wrapped
from probe.cli.typed_answers import YES_OR_NO, answer_in
from probe.messages import listed, mark, printable, tr, tr_plural
from probe.targets.titles import shown_title

if TYPE_CHECKING:
    from probe.ooni.run_links.choice import ListChoice
    from probe.ooni.run_links.descriptor import Descriptor

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from probe.cli.run import consent
from probe.files import open_regular
from probe.targets.target import Target
from probe.targets.target_error import TargetError
from probe.targets.target_files import pick_targets
from probe.targets.url_lists import LONGEST_LIST

if TYPE_CHECKING:
    from probe.cli.run.run_request import RunRequest
    from probe.ooni.run_links.choice import ListChoice
    from probe.ooni.run_links.descriptor import Descriptor

MOST_SHOWN = 12  # web addresses on the first screen
NOT_AGREED = 3
STRANGER = mark(
    "Another person wrote this list, and it was not checked. Your network operator can see every name in it. "
    "Do not measure the list if it could harm you to be seen visiting one of these services."
)


def show(descriptor: "Descriptor", choice: "ListChoice") -> None:
    """Print on stderr the author of the list, its contents, and its parts that are left out."""
    say(sys.stderr, wrapped(tr('OONI Run list "{name}"', name=descriptor.name or "?") + _number(descriptor)))
    author = descriptor.author or tr("not named")
    say(sys.stderr, wrapped(tr("Author as the list says: {author}", author=author), 4, "  "))
    if descriptor.short_description:
        say(sys.stderr, wrapped(descriptor.short_description, 4, "  "))
    if apps := choice.apps:
        named = listed(_title(target.title, len(target.services), target.whole) for target in apps)
        say(sys.stderr, wrapped(tr("Measures: {apps}", apps=named), 4, "  "))
    if addresses := choice.addresses:
        count = tr_plural("{count} web address:", "{count} web addresses:", len(addresses))
        say(sys.stderr, wrapped(count, 4, "  "))
        _print_addresses(choice, MOST_SHOWN)
    for sentence in choice.left_out:
        say(sys.stderr, wrapped(sentence, 4, "  "))


def agree(descriptor: "Descriptor", choice: "ListChoice", given: str | None) -> None:
    """Return if the user agrees to this very list. Raise UsageError (3) if not, or without a terminal to ask at."""
    digest = descriptor.digest()
    say(sys.stderr, wrapped(tr(STRANGER)))
    if given is not None:
        if given.lower() == digest:
            return
        raise UsageError(
            tr(
                "Nothing was measured, because the list is not the one that you agreed to. Look at it, then use "
                "--ooni-run-digest {digest}.",
                digest=digest,
            ),
            NOT_AGREED,
        )
    if not sys.stdin.isatty():
        raise UsageError(
            tr(
                "Nothing was measured, because there is no terminal to ask at. To agree to this list, use "
                "--ooni-run-digest {digest}.",
                digest=digest,
            ),
            NOT_AGREED,
        )
    _ask(choice)


def _ask(choice: "ListChoice") -> None:
    """Ask until the answer is yes or no. `m` prints all web addresses. Raise UsageError (3) for no."""
    answer, question = None, tr("Measure this list? Type m to see all of it.")
    while answer != "yes":
        say(sys.stderr, f"{question} {tr(YES_OR_NO)}", end=" ")
        typed = sys.stdin.readline()
        answer = answer_in(typed)
        if answer == "more":
            _print_addresses(choice, len(choice.addresses))
        if answer == "no" or not typed:
            raise UsageError(tr("Nothing was measured, because you did not agree."), NOT_AGREED)


def _print_addresses(choice: "ListChoice", most: int) -> None:
    for target in choice.addresses[:most]:
        say(sys.stderr, f"      {printable(target.name)}")
    if (more := len(choice.addresses) - most) > 0:
        say(sys.stderr, "      " + tr_plural("and {count} more", "and {count} more", more))


def _number(descriptor: "Descriptor") -> str:
    return f" ({descriptor.oonirun_link_id})" if descriptor.oonirun_link_id else ""


def _title(title: str, services: int, whole: bool) -> str:
    """Return the title of a target, with the number of its services if they are not all."""
    if whole:
        return shown_title(title)
    return tr("{app} ({services})", app=shown_title(title), services=services)


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
    from probe.ooni.run_links.run_link import API, is_link, parse_link

    if not is_link(source):
        return _file(source)
    link = parse_link(source)
    if explain:
        raise UsageError(
            tr("--explain sends nothing, so it cannot fetch a link. Save the descriptor in a file, and name the file."),
            2,
        )
    consent.require(request.consent, request.targets)
    from probe.cli.server_addresses import server_address
    from probe.ooni.run_links.run_link import fetch_descriptor
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


def _chosen(descriptor: "Descriptor", folder: Path) -> "ListChoice":
    from probe.nettests import NETTESTS
    from probe.ooni.run_links.choice import choose
    from probe.targets.target_files import target_names

    try:
        known = pick_targets(folder, target_names(folder), frozenset(NETTESTS))
    except TargetError as error:
        raise UsageError(str(error), 2) from None
    return choose(descriptor, known, lambda target: NETTESTS[target.nettest].input_of(target))
