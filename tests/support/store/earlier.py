"""Provide stores that earlier releases made."""

import tarfile
from pathlib import Path

FIXTURES = Path(__file__).parents[2] / "fixtures" / "stores"
EARLIER = sorted(FIXTURES.glob("*.tar.xz"))
"""Stores with the lines of lines.jsonl.gz, as releases of these days made them: one measurement is in them twice."""


def earlier_store(archive: Path, folder: Path) -> Path:
    """Unpack a store of an earlier release."""
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return folder / "store"
