"""Run `probe` in a simulated system.

Usage: python -m tests.support.systems SYSTEM ARGUMENT…
"""

import sys

from tests.support.systems.simulation import simulate


def main() -> None:
    """Simulate the system of the first argument, and run the program with the others."""
    system = sys.argv.pop(1)
    simulate(system)
    sys.argv[0] = "probe"
    from probe.cli import main as run

    run()


main()
