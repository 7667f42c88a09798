"""Measure claims on made-up worlds, and print their table. Exit code 1 if a promise does not hold."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.worlds import cells, events, repetition, shutdowns
from tests.worlds.claim import Claim
from tests.worlds.kinds import claims as kinds
from tests.worlds.kinds import partial_claims as partial
from tests.worlds.saved_claims import HEAD, row, save, table

PARTS = {
    "marks": cells,
    "rule": repetition,
    "events": events,
    "shutdowns": shutdowns,
    "kinds": kinds,
    "partial": partial,
}


def main(words: Sequence[str] | None = None) -> int:
    wanted = _parsed(words)
    if wanted.show:
        print(table(wanted.show, PARTS))
        return 0
    print(HEAD, flush=True)
    broken = 0
    for part in wanted.parts or PARTS:
        seeds = PARTS[part].SEEDS[: wanted.seeds]
        claims = list(map(_printed, PARTS[part].claims(seeds)))
        broken += sum(not claim.holds for claim in claims)
        if wanted.save:
            save(wanted.save, part, claims, seeds)
    return int(broken > 0)


def _parsed(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.worlds", description=__doc__)
    parser.add_argument("parts", nargs="*", type=_part, metavar="PART", help=f"Some of {', '.join(PARTS)}.")
    parser.add_argument("--seeds", type=int, metavar="N", help="Only the first N worlds of each part.")
    parser.add_argument(
        "--save", type=Path, metavar="FILE", help="Put the figures into FILE, beside those of other parts."
    )
    parser.add_argument("--show", type=Path, metavar="FILE", help="Measure nothing. Print the table of FILE.")
    return parser.parse_args(words)


def _part(word: str) -> str:
    if word not in PARTS:
        raise argparse.ArgumentTypeError(f"'{word}' is no part. Use some of {', '.join(PARTS)}.")
    return word


def _printed(claim: Claim) -> Claim:
    print(row(claim), flush=True)
    return claim


if __name__ == "__main__":
    sys.exit(main())
