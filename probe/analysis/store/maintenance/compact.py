"""Merge the small files of a store, and give unused space back to the disk."""

from pathlib import Path

from probe.analysis.store.maintenance.info import sizes_of
from probe.analysis.store.versions import check_current
from probe.analysis.store.writing.ingest import open_for_writing
from probe.analysis.store.writing.merge import MB, MOST_BYTES, Merger, small
from probe.analysis.store.writing.partitions import load_staged
from probe.analysis.store.writing.workers import workers


def compact(folder: Path, *, jobs: int = 1, file_mb: int = MOST_BYTES // MB) -> dict[str, int]:
    """Merge small files into ones of a quarter of `file_mb` to `file_mb`, where a month has as much.

    Returns {"files_before", "files", "bytes_before", "bytes"}. Raises StoreError and FullDisk.
    """
    check_current(folder)
    with open_for_writing(folder) as manifest, workers(jobs) as pool:
        files_before, bytes_before = sizes_of(folder)
        load_staged(folder, manifest, pool)
        merger = Merger(folder, manifest, pool)
        merger.begin(small(folder, file_mb * MB))
        merger.finish()
        manifest.shrink()
        files, size = sizes_of(folder)
    return {"files_before": files_before, "files": files, "bytes_before": bytes_before, "bytes": size}
