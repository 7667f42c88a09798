"""Write the verdict records of all measurements to a file, or compare them with those of a file.

`python -m tests.analysis.equality write FILE` judges everything that `sources.py` lists. `compare FILE` judges the
measurements of the file again, with the present code, and prints each difference by key. `engines FILE` compares the
rows and records that SQLite and DuckDB compute from these measurements. Exit code 1 if anything differs.

To compare with an older commit, write the file in a worktree of it. A commit from before this folder needs a copy of
this folder and of tests/support/hostile.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.analysis.equality.commands import compare, engines, write
from tests.analysis.equality.judged_file import Count, Unreadable, groups_of
from tests.analysis.equality.sources import GROUPS, sources_of


def main(words: Sequence[str] | None = None) -> int:
    """Run one command. Return its exit code."""
    asked = _parser().parse_args(words)
    try:
        return COMMANDS[asked.command](asked)
    except Unreadable as error:
        print(f"{error}.", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.analysis.equality")
    parser.add_argument("command", choices=list(COMMANDS))
    parser.add_argument("file", type=Path)
    parser.add_argument("--synthetic", type=int, default=20_000, help="Number of synthetic measurements to write.")
    parser.add_argument("--seed", type=int, default=1, help="Seed of the synthetic measurements.")
    parser.add_argument(
        "--only", type=_groups, default="", help=f"Some of {', '.join(GROUPS)}, with commas. Default: all."
    )
    parser.add_argument("--except", dest="left_out", default="", help="Keys that may differ, with commas.")
    parser.add_argument("--jobs", type=int, default=2, help="Number of processes.")
    return parser


def _write(asked: argparse.Namespace) -> int:
    only = asked.only
    with tempfile.TemporaryDirectory() as folder:
        sources = sources_of(0 if only and "synthetic" not in only else asked.synthetic, asked.seed, Path(folder))
        chosen = [source for source in sources if not only or source.group in only]
        groups = write(asked.file, chosen, asked.jobs)
    _print_counts(groups)
    raised = sum(count.raised for count in groups.values())
    if raised:
        print(f"{raised} measurements raised an exception.", file=sys.stderr)
    return 1 if raised else 0


def _compare(asked: argparse.Namespace) -> int:
    only = asked.only
    report = compare(asked.file, asked.jobs, only, _words(asked.left_out))
    _print_counts({name: count for name, count in groups_of(asked.file)[1].items() if not only or name in only})
    print("\n".join(report.lines()) or "No record differs.")
    return 1 if report.counts else 0


def _engines(asked: argparse.Namespace) -> int:
    rows, found = engines(asked.file, asked.jobs, asked.only)
    print("\n".join(found) or f"SQLite and DuckDB decide alike for {rows} rows.")
    return 1 if found else 0


COMMANDS = {"write": _write, "compare": _compare, "engines": _engines}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split(",")) - {""}


def _groups(text: str) -> frozenset[str]:
    if unknown := _words(text) - set(GROUPS):
        raise argparse.ArgumentTypeError(f"there is no group {', '.join(sorted(unknown))}")
    return _words(text)


def _print_counts(groups: dict[str, Count]) -> None:
    print(f"{'group':<10} {'measurements':>12} {'records':>8} {'refused':>8}  digest")
    for name, count in groups.items():
        print(f"{name:<10} {count.measurements:>12} {count.records:>8} {count.refused:>8}  {count.digest}")


if __name__ == "__main__":
    sys.exit(main())
