"""List few recordings in which together every rule decides that decides in any. `make test` looks closer at these.

After a new rule or recording: `python -m tests.analysis.rules.deciding_recordings` writes the list anew.
"""

from pathlib import Path

from tests.analysis.rules.test_every_rule_fires import fired_by_recording
from tests.support.lab_runs.cover import smallest_cover

LIST = Path(__file__).with_name("deciding_recordings.txt")


def main() -> None:
    """Write the list."""
    chosen = smallest_cover(fired_by_recording())
    LIST.write_text("".join(f"{name}\n" for name in sorted(chosen)))
    print(f"{len(chosen)} recordings in {LIST}")


if __name__ == "__main__":
    main()
