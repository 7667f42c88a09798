"""Pack a manifest and measurements with zstd, and unpack them line by line within the manifest's limits.

`zstd -dc FILE | head -n 1` prints the manifest and `zstd -dc FILE | tail -n +2` the measurements.
"""

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO

from probe.messages import mark, tr
from probe.results import LONGEST_LINE, zstd_module
from probe.sharing.share_manifest import (
    LARGEST_PACKED,
    LONGEST_MANIFEST,
    NO_MANIFEST,
    Digests,
    ShareError,
    ShareManifest,
)

MAGIC = b"\x28\xb5\x2f\xfd"
LEVEL = 12  # of zstd. A run of 4 MB takes under a second.
MOST_TIMES, BOMB_FLOOR = 200, 32 << 20  # a file above the second unpacks to at most so many times its size
UNLIKE_MANIFEST = mark(
    "The contents of the file do not agree with its first line (the manifest), so the file was changed or is damaged. "
    "Ask the sender for it again."
)


def pack_lines(manifest: ShareManifest, lines: Iterable[bytes]) -> bytes:
    """Return the packed file. Raise ShareError if it is too large, or if the lines are not those of the manifest."""
    target, digests = io.BytesIO(), Digests()
    with zstd_module().ZstdFile(target, "wb", level=LEVEL) as packed:
        packed.write(manifest.line())
        for line in lines:
            digests.add(line)
            packed.write(line)
            _check_size(target.tell())
    _check_size(target.tell())
    if digests.manifest(manifest.software_version) != manifest:
        raise ShareError(tr("The results file was changed while it was read. Run the same command again."))
    return target.getvalue()


def _check_size(size: int) -> None:
    if size > LARGEST_PACKED:
        raise ShareError(
            tr("The run is too large to be shared. Packed it has over {count} bytes.", count=LARGEST_PACKED)
        )


def unpack_lines(packed: bytes) -> tuple[ShareManifest, Iterator[bytes]]:
    """Return the manifest and an iterator over the lines. Both raise ShareError for a file that does not fit it.

    Never more is unpacked than the manifest announces, and one byte more.
    """
    if not packed.startswith(MAGIC):
        raise ShareError(
            tr(
                "This file was not made by `probe share`, because it is not packed with zstd. "
                "Ask for the file that `probe share` wrote."
            )
        )
    stream = zstd_module().ZstdFile(io.BytesIO(packed), "rb")
    with _damages():
        line = stream.readline(LONGEST_MANIFEST + 1)
    if len(line) > LONGEST_MANIFEST:
        raise ShareError(tr(NO_MANIFEST))
    manifest = ShareManifest.parse(line)
    if manifest.size > max(BOMB_FLOOR, MOST_TIMES * len(packed)):
        raise ShareError(
            tr(
                "This file would grow to more than {count} times its size when it is unpacked. Files of measurements "
                "do not, so the rest of the file was not read.",
                count=MOST_TIMES,
            )
        )
    return manifest, _lines(stream, manifest)


def _lines(stream: IO[bytes], manifest: ShareManifest) -> Iterator[bytes]:
    digests, left = Digests(), manifest.size
    for number, expected in enumerate(manifest.line_sha256, 1):
        with _damages():
            line = stream.readline(min(LONGEST_LINE, left) + 1)
        left -= len(line)
        _check_line(line, number, left)
        if digests.add(line) != expected:
            raise ShareError(tr("Line {number} was changed after the file was made.", number=number))
        yield line
    with _damages():
        more = stream.read(1)
    if left or more or digests.manifest(manifest.software_version) != manifest:
        raise ShareError(tr(UNLIKE_MANIFEST))


def _check_line(line: bytes, number: int, left: int) -> None:
    if not line:
        raise ShareError(
            tr("The file ends before line {number}, so it is incomplete. Ask the sender for it again.", number=number)
        )
    if len(line) > LONGEST_LINE:
        raise ShareError(
            tr(
                "Line {number} has over {count} bytes, so it is no measurement.",
                number=number,
                count=LONGEST_LINE,
            )
        )
    if left < 0 or not line.endswith(b"\n"):
        raise ShareError(tr(UNLIKE_MANIFEST))


@contextmanager
def _damages() -> Iterator[None]:
    """Raise ShareError for the exceptions of zstd's module, which may be missing until a file is read."""
    try:
        yield
    except EOFError:
        raise ShareError(tr("The file is incomplete. Ask the sender for it again.")) from None
    except Exception as error:
        if type(error).__name__ != "ZstdError":
            raise
        raise ShareError(tr("The file is damaged, so it cannot be unpacked. Ask the sender for it again.")) from None
