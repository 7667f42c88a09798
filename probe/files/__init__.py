"""Open files that users and others name: regular files only, and never more bytes than a limit."""

from probe.files.regular import open_regular, read_regular
from probe.files.toml import read_toml

__all__ = ["open_regular", "read_regular", "read_toml"]
