"""Find the targets that a user names: by file name or title, in any case, separated by spaces or commas."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from probe.files import read_toml
from probe.messages import tr
from probe.targets.target_error import TargetError, hint
from probe.targets.target_files import target_names
from probe.targets.titles import shown_title

ALL = "all"
_PARTS = re.compile(r"\s+and\s+|[()]")  # between the names in a title: "Facebook and Messenger", "X (Twitter)"
_HOST = re.compile(r"(?:https?://)?[\w-]+(?:\.[\w-]+)+(?::\d+)?(?:/.*)?", re.IGNORECASE)


def named_targets(folder: Path, words: Sequence[str]) -> list[str]:
    """Return the file names of the targets that the words name, each once. Raise TargetError for an unknown name.

    `all` stands for the targets that are measured by default.
    """
    found: list[str] = []
    known = target_names(folder)
    for name in (part.strip() for word in words for part in word.split(",")):
        found += _measured_by_default(folder, known) if _is_all(name, known) else [_resolved(folder, name, known)]
    return list(dict.fromkeys(found))


def titles(folder: Path) -> dict[str, str]:
    """Return the title of each target by its file name. Raise TargetError. The files are not checked."""
    return {name: _title(folder / f"{name}.toml") for name in target_names(folder)}


def _is_all(name: str, known: Sequence[str]) -> bool:
    return name.casefold() == ALL and name not in known


def _resolved(folder: Path, name: str, known: Sequence[str]) -> str:
    """Return the file name for a name or a title. A file name as it is written goes first."""
    if name in known:
        return name
    wanted = name.casefold()
    if same := [one for one in known if one.casefold() == wanted]:
        return same[0]
    if titled := [one for one, title in titles(folder).items() if wanted in _spellings(title)]:
        return titled[0]
    raise TargetError(_unknown(name, known))


def _spellings(title: str) -> set[str]:
    """Return a title, its translation and its parts in lower case."""
    return {part.strip().casefold() for part in (title, shown_title(title), *_PARTS.split(title)) if part.strip()}


def _unknown(name: str, known: Sequence[str]) -> str:
    if _HOST.fullmatch(name):
        address = name if "://" in name else f"https://{name}" + ("" if "/" in name else "/")
        return tr(
            "There is no target {name}. A web address is tested with `probe run web --input {address}`.",
            name=repr(name),
            address=shlex.quote(address),
        )
    problem = tr("There is no target {name}. `probe targets list` prints all targets.", name=repr(name))
    return problem + hint(name.casefold(), known)


def _measured_by_default(folder: Path, known: Sequence[str]) -> list[str]:
    return [name for name in known if _table(folder / f"{name}.toml").get("default", True) is not False]


def _title(path: Path) -> str:
    return str(_table(path).get("title", ""))


def _table(path: Path) -> dict[str, object]:
    try:
        return read_toml(path)[1]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TargetError(tr("{path}: The file cannot be read ({reason}).", path=path, reason=reason)) from None
