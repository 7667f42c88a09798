"""Open files that users and others name: regular files only, and never more bytes than a limit."""

from probe.files.regular import leads_outside, open_regular, read_regular, read_toml

__all__ = ["leads_outside", "open_regular", "read_regular", "read_toml"]
