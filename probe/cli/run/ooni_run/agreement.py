"""Show the author and the contents of an OONI Run descriptor, and ask whether to measure it."""

import sys
from typing import TYPE_CHECKING

from probe.cli.answers import YES_OR_NO, answer_in
from probe.cli.screen import UsageError, say, wrapped
from probe.messages import listed, mark, printable, tr, tr_plural
from probe.targets.titles import shown_title

if TYPE_CHECKING:
    from probe.ooni.run_links.choice import Choice
    from probe.ooni.run_links.descriptor import Descriptor

MOST_SHOWN = 12  # web addresses on the first screen
NOT_AGREED = 3
STRANGER = mark(
    "Another person wrote this list, and it was not checked. Your network operator can see every name in it. "
    "Do not measure it if one of them is not safe for you to be seen visiting."
)


def show(descriptor: "Descriptor", choice: "Choice") -> None:
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


def agree(descriptor: "Descriptor", choice: "Choice", given: str | None) -> None:
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


def _ask(choice: "Choice") -> None:
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


def _print_addresses(choice: "Choice", most: int) -> None:
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
