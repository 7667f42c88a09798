"""Receive a shared file: check it to its last byte, and keep it where `probe ingest` reads."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from probe.messages import tr
from probe.platforms.durability import sync
from probe.results import RECEIVED, Problem, make_private_folder, read_pieces, sync_folder, unfinished, zstd_module
from probe.sharing.container import unpack_lines
from probe.sharing.measurement_lines import VantagePoint, parse_line, vantage_point
from probe.sharing.share_manifest import ShareError, ShareManifest


@dataclass(frozen=True)
class Received:
    """Hold what a shared file contained. `known` says that the same lines were received before."""

    path: Path
    manifest: ShareManifest
    first: VantagePoint
    known: bool


def receive(packed: bytes, root: Path, *, artificial: bool = False) -> Received:
    """Keep the measurements under `root` as `received/<date>/<CC>-<ASN>/<digest>.jsonl.zst`. Raise ShareError, OSError.

    The digest in the name is computed from the lines, so two different files never have one name.
    """
    manifest, lines = unpack_lines(packed)
    with unfinished(root / RECEIVED) as part:
        first = _write(part, lines, artificial)
        path = root / RECEIVED / first.day / f"{first.cc}-{first.asn}" / f"{manifest.sha256}.jsonl.zst"
        known = _is_known(path, manifest)
        if not known:
            make_private_folder(path.parent)
            part.rename(path)
            sync_folder(path.parent)
    return Received(path, manifest, first, known)


def _write(part: Path, lines: Iterator[bytes], artificial: bool) -> VantagePoint:
    """Check and write the lines, and return the vantage point of the first one."""
    points = list[VantagePoint]()
    with part.open("wb") as file:
        with zstd_module().ZstdFile(file, "wb") as target:
            for number, line in enumerate(lines, 1):
                point = vantage_point(parse_line(line, number), number)
                _check_origin(point, artificial)
                points = points or [point]
                target.write(line)
        file.flush()
        sync(file.fileno())
    return points[0]


def _check_origin(point: VantagePoint, artificial: bool) -> None:
    if point.origin.artificial and not artificial:
        raise ShareError(
            tr(
                "The measurements in this file were made in the lab or invented by a program. "
                "To receive them anyway, add --lab."
            )
        )


def _is_known(path: Path, manifest: ShareManifest) -> bool:
    """Return whether the same lines are there already. Raise ShareError if the name leads to anything else."""
    if not os.path.lexists(path):
        return False
    digest = sha256()
    for piece in read_pieces(path):
        digest.update(b"" if isinstance(piece, Problem) else piece.raw)
    if path.is_symlink() or digest.hexdigest() != manifest.sha256:
        raise ShareError(
            tr(
                "{path} exists already and is another file. It was not changed. Move it to another folder, then "
                "receive this file again.",
                path=path,
            )
        )
    return True
