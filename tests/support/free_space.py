"""Say before the tests if they would fill the disk: `python -m tests.support.free_space`. The exit code is 1 then."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

NEEDED = 5_000_000_000  # bytes. Results, packets of lab runs and stores of a whole run are about 3 GB


def complaints(
    folders: list[Path], free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free
) -> Iterator[str]:
    """Yield a sentence for each folder whose disk has too little space."""
    for folder in dict.fromkeys(folders):
        if (left := free(folder)) < NEEDED:
            yield (
                f"Only {left / 1e9:.1f} GB are free in {folder}, and the tests need {NEEDED / 1e9:.0f} GB. "
                "Free some space, or set TMPDIR to a folder on another disk."
            )


if __name__ == "__main__":
    found = list(complaints([Path.cwd(), Path(tempfile.gettempdir())]))
    print(*found, sep="\n", end="\n" if found else "", file=sys.stderr)
    sys.exit(bool(found))
