"""Provide stores that earlier releases made."""

import tarfile
from pathlib import Path

FIXTURES = Path(__file__).parents[2] / "fixtures" / "stores"
CLAIMS = FIXTURES / "2-2026-12-01.tar.xz"
"""A store of version 2 with the lines of lines.jsonl.gz. Its `line_hash` is the claim, as before 2026-12-02."""
EARLIER = sorted(FIXTURES.glob("1-*.tar.xz"))
"""Stores of version 1 with these lines, as releases of these days made them: one measurement is in them twice."""


def earlier_store(archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return folder / "store"
