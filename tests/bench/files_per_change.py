"""Count the product files that a change of each kind touched, over the history of the repository.

`python -m tests.bench.files_per_change` prints the medians. `--of main..BRANCH` prints the files of one branch.

A change begins with the commit that first names an id of a mechanism, a dialect, a follow-up or a command. The commits
within `HOURS` of it that add or remove lines with this id belong to it, since a change is often committed by areas.
Counted are the files with such lines, and all product files of the first commit, because many files never spell the id.
"""

import argparse
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
HOURS = 6  # of one change. Later commits with the id are other changes.
MOST_IDS = 6  # of one commit. A commit with more moved or renamed them.
PRODUCT = ("probe/", "targets/")
GENERATED = re.compile(r"probe/(messages/locale|data/schema|data/man|data/targets|lab/recorded)/|DICTIONARY\.md$")


@dataclass(frozen=True)
class Kind:
    """Hold where the ids of one kind stand, or stood, and how a line names one."""

    name: str
    paths: tuple[str, ...]
    line: str
    recipe: int
    """Product files in the recipe of CONTRIBUTING.md."""


KINDS = (
    Kind(
        "mechanism",
        ("probe/analysis/mechanisms.py", "probe/analysis/rules/mechanisms.py", "probe/analysis/ruleset/mechanisms.py"),
        r'^ +"([a-z.0-9_]+)": "',
        8,
    ),
    Kind("dialect", (":(glob)probe/**/dialects.py",), r'scheme="([a-z+]+)"', 10),
    Kind("follow-up", (":(glob)probe/formats/followups*", "probe/formats/followups/"), r'^ +"([a-z0-9_]+)",$', 6),
    Kind("command", ("probe/cli/__init__.py",), r'^ +"([a-z-]+)": \("probe\.cli', 3),
)


@dataclass(frozen=True)
class Introduction:
    """Hold the commit that first names an id."""

    commit: str
    time: int
    id: str


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def is_product(path: str) -> bool:
    return path.startswith(PRODUCT) and not GENERATED.search(path)


def introductions(kind: Kind) -> Iterator[Introduction]:
    """Yield the first commit of each id, without those that came with many others."""
    known: set[str] = set()
    log = git("log", "--reverse", "--format=commit %H %ct", "-p", "-U0", "--", *kind.paths)
    for part in log.split("commit ")[1:]:
        head, _, patch = part.partition("\n")
        commit, _, time = head.partition(" ")
        if not time.isdigit():
            continue
        added = (re.search(kind.line, line[1:]) for line in patch.splitlines() if line[:1] == "+" and line[:3] != "+++")
        new = {found.group(1) for found in added if found} - known
        known |= new
        if 0 < len(new) <= MOST_IDS:
            yield from (Introduction(commit, int(time), each) for each in sorted(new))


def files_of(change: Introduction) -> set[str]:
    """Return the product files of a change."""
    window = (f"--since={change.time - HOURS * 3600}", f"--until={change.time + HOURS * 3600}")
    first = git("show", "--format=", "--name-only", change.commit).split("\n")
    word = rf"\b{re.escape(change.id)}\b"
    named = git("log", "--format=", "--name-only", *window, f"-G{word}", "--", *PRODUCT).split("\n")
    return set(filter(is_product, [*first, *named]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument(
        "--of", metavar="REVISIONS", help="print the product files of these commits, such as main..branch"
    )
    parser.add_argument("--since", default="", help="leave out changes before this date (2026-11-28)")
    arguments = parser.parse_args()
    if arguments.of:
        files = sorted(filter(is_product, git("diff", "--name-only", arguments.of).split("\n")))
        print("\n".join(files), f"{len(files)} product files", sep="\n")
        return
    since = int(git("log", "-1", "--format=%ct", f"--until={arguments.since}") or 0) if arguments.since else 0
    print(f"{'kind':12} {'changes':>7} {'median':>7} {'least':>6} {'most':>5}  at most, by the recipe")
    for kind in KINDS:
        by_commit = {each.commit: each for each in introductions(kind) if each.time >= since}
        counts = [len(files_of(each)) for each in by_commit.values()]
        if counts:
            figures = f"{len(counts):7} {median(counts):7g} {min(counts):6} {max(counts):5}"
            print(f"{kind.name:12} {figures}  {kind.recipe}")


if __name__ == "__main__":
    main()
