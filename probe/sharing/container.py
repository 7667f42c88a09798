"""Pack a manifest and measurements with zstd, and unpack them line by line within the manifest's limits.

`zstd -dc FILE | head -n 1` prints the manifest and `zstd -dc FILE | tail -n +2` the measurements.
"""

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO

from probe.messages import tr
from probe.results import LONGEST_LINE, zstd_module
from probe.sharing.manifest import LARGEST_PACKED, LONGEST_MANIFEST, Digests, Manifest, ShareError

MAGIC = b"\x28\xb5\x2f\xfd"
LEVEL = 12  # of zstd. A run of 4 MB takes under a second.
MOST_TIMES, BOMB_FLOOR = 200, 32 << 20  # a file above the second unpacks to at most so many times its size


def pack_lines(manifest: Manifest, lines: Iterable[bytes]) -> bytes:
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


def unpack_lines(packed: bytes) -> tuple[Manifest, Iterator[bytes]]:
    """Return the manifest and an iterator over the lines. Both raise ShareError for a file that does not fit it.

    Never more is unpacked than the manifest announces, and one byte more.
    """
    if not packed.startswith(MAGIC):
        raise ShareError(tr("It is no file of `probe share`, because it is not packed with zstd."))
    stream = zstd_module().ZstdFile(io.BytesIO(packed), "rb")
    with _damages():
        line = stream.readline(LONGEST_MANIFEST + 1)
    if len(line) > LONGEST_MANIFEST:
        raise ShareError(tr("It is no file of `probe share`, because its first line is no manifest."))
    manifest = Manifest.parse(line)
    if manifest.size > max(BOMB_FLOOR, MOST_TIMES * len(packed)):
        raise ShareError(
            tr("It unpacks to more than {count} times its size, so it contains no measurements.", count=MOST_TIMES)
        )
    return manifest, _lines(stream, manifest)


def _lines(stream: IO[bytes], manifest: Manifest) -> Iterator[bytes]:
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
        raise ShareError(tr("It does not contain what its manifest says, so it was changed or is damaged."))


def _check_line(line: bytes, number: int, left: int) -> None:
    if not line:
        raise ShareError(tr("It ends before line {number}, so it is incomplete. Ask for it again.", number=number))
    if len(line) > LONGEST_LINE:
        raise ShareError(
            tr(
                "Line {number} has over {count} bytes, so it is no measurement.",
                number=number,
                count=LONGEST_LINE,
            )
        )
    if left < 0 or not line.endswith(b"\n"):
        raise ShareError(tr("It does not contain what its manifest says, so it was changed or is damaged."))


@contextmanager
def _damages() -> Iterator[None]:
    """Raise ShareError for the exceptions of zstd's module, which may be missing until a file is read."""
    try:
        yield
    except EOFError:
        raise ShareError(tr("It is incomplete. Ask for it again.")) from None
    except Exception as error:
        if type(error).__name__ != "ZstdError":
            raise
        raise ShareError(tr("It is damaged, so it cannot be unpacked. Ask for it again.")) from None
