"""Define the first line of a shared file: the number, size and digests of the lines that follow."""

import json
import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from probe.messages import mark, tr

FORMAT, FORMAT_VERSION = "censorprobe-share", 1
LARGEST_PACKED = 64 << 20  # bytes of a shared file. It is held in memory, encrypted and not.
MOST_UNPACKED = 1 << 30  # bytes
MOST_LINES = 100_000
LONGEST_MANIFEST = 8 << 20  # bytes
KEYS = frozenset(
    {"format", "format_version", "software_name", "software_version", "lines", "bytes", "sha256", "line_sha256"}
)
NO_MANIFEST = mark(
    "This file was not made by `probe share`, because its first line is no manifest. "
    "Ask for the file that `probe share` wrote."
)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_VERSION = re.compile(r"[0-9A-Za-z.+-]{1,40}", re.ASCII)


class ShareError(Exception):
    """Report that a run cannot be shared or received. The text is one sentence for the user."""


@dataclass(frozen=True)
class ShareManifest:
    """Hold the first line of a shared file. `sha256` is the digest of all following bytes."""

    software_version: str
    lines: int
    size: int  # bytes of all lines
    sha256: str
    line_sha256: tuple[str, ...]

    def line(self) -> bytes:
        """Return the line as it is written."""
        document = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "software_name": "censorprobe",
            "software_version": self.software_version,
            "lines": self.lines,
            "bytes": self.size,
            "sha256": self.sha256,
            "line_sha256": list(self.line_sha256),
        }
        return json.dumps(document, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def parse(cls, line: bytes) -> "ShareManifest":
        """Return the manifest in a line. Raise ShareError for all that `line` does not write."""
        return _checked(_fields(line))


@dataclass
class Digests:
    """Compute the digests of lines that are added one by one."""

    lines: list[str] = field(default_factory=list)
    size: int = 0
    _whole: Any = field(default_factory=sha256)

    def add(self, line: bytes) -> str:
        """Add a line and return its digest. Raise ShareError if there are too many lines or bytes."""
        self.size += len(line)
        if self.size > MOST_UNPACKED or len(self.lines) >= MOST_LINES:
            raise ShareError(
                tr(
                    "The file is too large. A shared file holds at most {lines} measurements and {bytes} bytes.",
                    lines=MOST_LINES,
                    bytes=MOST_UNPACKED,
                )
            )
        self._whole.update(line)
        self.lines.append(sha256(line).hexdigest())
        return self.lines[-1]

    def manifest(self, software_version: str) -> ShareManifest:
        """Return the manifest of the lines that were added."""
        return ShareManifest(software_version, len(self.lines), self.size, self._whole.hexdigest(), tuple(self.lines))


def _fields(line: bytes) -> dict[str, Any]:
    not_shared = tr(NO_MANIFEST)
    try:
        found = json.loads(line.decode(), object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError):
        raise ShareError(not_shared) from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ShareError(not_shared)
    return found


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ShareError(
            tr(
                "The first line of the file (its manifest) has a key twice. `probe share` does not write this, "
                "so the file may be made to mislead. Do not use it."
            )
        )
    return found


def _checked(found: dict[str, Any]) -> ShareManifest:
    version = found.get("format_version")
    if type(version) is int and version > FORMAT_VERSION:
        raise ShareError(tr("It was made by a newer version of this program. Update censorprobe to read it."))
    fits = (
        version == FORMAT_VERSION
        and type(version) is int
        and set(found) == KEYS
        and found["software_name"] == "censorprobe"
        and _is_text(found["software_version"], _VERSION)
        and _is_text(found["sha256"], _DIGEST)
        and _is_count(found["lines"], MOST_LINES)
        and _is_count(found["bytes"], MOST_UNPACKED)
        and isinstance(found["line_sha256"], list)
        and len(found["line_sha256"]) == found["lines"]
        and all(_is_text(digest, _DIGEST) for digest in found["line_sha256"])
    )
    if not fits:
        raise ShareError(tr("Its manifest is damaged, or another program wrote it."))
    return ShareManifest(
        found["software_version"], found["lines"], found["bytes"], found["sha256"], tuple(found["line_sha256"])
    )


def _is_text(value: Any, pattern: re.Pattern[str]) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_count(value: Any, most: int) -> bool:
    return type(value) is int and 1 <= value <= most
