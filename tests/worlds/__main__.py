"""Measure every claim on made-up worlds, and print the table. Exit code 1 if a promise does not hold.

Each module of this package that has CLAIMS, functions without arguments that return a Claim, is run.
"""

import pkgutil
import sys
from collections.abc import Iterator
from importlib import import_module

import tests.worlds
from tests.worlds.claim import Claim


def measured() -> Iterator[Claim]:
    """Yield the claims of all modules, in order of the modules' names."""
    names = sorted(module.name for module in pkgutil.iter_modules(tests.worlds.__path__))
    for name in names:
        if not name.startswith(("_", "test_")):
            for claim in getattr(import_module(f"tests.worlds.{name}"), "CLAIMS", ()):
                yield claim()


def main() -> int:
    print("| claim | promised | measured | beside |\n|---|---|---|---|")
    broken = 0
    for claim in measured():
        mark = "" if claim.holds else " (broken)"
        print(f"| {claim.claim} | {claim.promised} | {claim.measured}{mark} | {claim.beside} |", flush=True)
        broken += not claim.holds
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
