"""Read `--input` of `probe run web`: web addresses, files of them, or standard input. Bad rows are named."""

import sys
from collections.abc import Sequence
from pathlib import Path

from probe.cli.screen import UsageError, say
from probe.files import open_regular
from probe.messages import printable, tr, tr_plural
from probe.targets.url_lists import LONGEST_LIST, WebList, read_list

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
        sentence = tr("--input {name} is longer than {limit} bytes. Split it.", name=name, limit=LONGEST_LIST)
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
