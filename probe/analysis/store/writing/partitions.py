"""Load staged files into the tables, as one sorted file for each month and load."""

import uuid
from pathlib import Path

from probe.analysis.store.columns import TABLES
from probe.analysis.store.files import WORK, staged_file
from probe.analysis.store.manifest import Manifest
from probe.analysis.store.writing.moves import move
from probe.analysis.store.writing.sorting import write_sorted
from probe.analysis.store.writing.workers import Workers


def load_staged(folder: Path, manifest: Manifest, pool: Workers) -> None:
    """Load all staged files into the tables. The next ingest repeats a killed load."""
    staged = list(manifest.staged())
    if not staged:
        return
    name = uuid.uuid4().hex
    files = {table: [staged_file(folder, table, one) for one in staged] for table in TABLES}
    write_sorted(files, folder / WORK, name, pool)
    move(folder, manifest, name)
    manifest.finish_load(name)
    for table in TABLES:
        for one in staged:
            staged_file(folder, table, one).unlink()
