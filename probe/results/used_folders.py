"""Remember the results folders that runs used beside the default one, so that `probe wipe` finds them."""

import os
from pathlib import Path

from probe.files import read_regular
from probe.platforms.descriptors import PRIVATE
from probe.results.folders import default_root, make_private_folder

LARGEST = 1 << 20  # bytes
MOST = 200  # folders. Runs in that many others are rare, and the list must not grow without end.


def state_folder() -> Path:
    """Return the folder of what the program remembers: $XDG_STATE_HOME/censorprobe, or that below ~/.local/state."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "censorprobe"


def list_file() -> Path:
    """Return the file with one absolute path per line."""
    return state_folder() / "results-folders"


def used_folders() -> list[Path]:
    """Return the remembered folders that exist, the oldest first. Without the file there is none. Raise OSError."""
    try:
        lines = read_regular(list_file(), LARGEST).split(b"\n")
    except (FileNotFoundError, NotADirectoryError):
        return []
    named = (Path(os.fsdecode(line)) for line in lines if line and b"\0" not in line)
    return [path for path in named if path.is_absolute() and path.is_dir()]


def remember(root: Path) -> None:
    """Add a results folder to the file, unless it is the default one or has a line break in it. Raise OSError."""
    folder, known = root.absolute(), used_folders()
    if folder in (default_root(), *known) or "\n" in str(folder):
        return
    make_private_folder(state_folder())
    text = b"".join(os.fsencode(path) + b"\n" for path in [*known, folder][-MOST:])
    new = list_file().with_name(f"{list_file().name}.{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | PRIVATE, 0o600)
    with open(descriptor, "wb") as file:
        file.write(text)
    new.replace(list_file())
