"""Write files that only their owner can read. The name of a file appears when the file is complete."""

from pathlib import Path

from probe.platforms.durability import sync
from probe.results import sync_folder, unfinished


def write_new(path: Path, content: bytes) -> None:
    """Write a file, or replace it by the complete new one. Raise OSError."""
    with unfinished(path.parent) as part:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            sync(file.fileno())
        part.replace(path)
    sync_folder(path.parent)
