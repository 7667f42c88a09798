"""`--input` of `probe run web`: web addresses, files of them, or standard input; what cannot be used is named."""

import sys
from collections.abc import Sequence
from pathlib import Path

from probe.cli.screen import UsageError, clean, say
from probe.targets.url_lists import LONGEST_LIST, WebList, read_list

WEB = "web"  # stands in the place of a target's name
STDIN = "-"
MOST_SAID = 20  # problems that are named one by one


def split(names: Sequence[str], inputs: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names of targets, and inputs: `--input A B` leaves B among the names, and no target's name is an address."""
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
    _name(found.problems)
    if not found.targets:
        raise UsageError(
            "--input holds no web address that can be measured; expected http://… or https://…, one a line", 6
        )
    return found


def _text(name: str) -> str:
    """The text of a file, or of standard input. Raises UsageError (2, 6)."""
    about = f"--input {clean(name)}"
    try:
        raw = _beginning(name)
    except OSError as error:
        raise UsageError(f"{about} cannot be read ({error.strerror}); expected a file or an address", 2) from None
    if len(raw) > LONGEST_LIST:
        raise UsageError(f"{about} is longer than {LONGEST_LIST} bytes; split it", 6)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{about} is no UTF-8 text (byte {error.start}); expected one address a line", 6) from None


def _beginning(name: str) -> bytes:
    if name == STDIN:
        return sys.stdin.buffer.read(LONGEST_LIST + 1)
    with Path(name).open("rb") as stream:
        return stream.read(LONGEST_LIST + 1)


def _name(problems: Sequence[str]) -> None:
    for problem in problems[:MOST_SAID]:
        say(sys.stderr, f"probe: {clean(problem)}")
    if len(problems) > MOST_SAID:
        say(sys.stderr, f"probe: and {len(problems) - MOST_SAID} more rows are left out")
