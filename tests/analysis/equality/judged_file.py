"""Keep measurements and the records that a commit gave them, in a file that later commits can read.

The file is a zip. It holds one member per source, GROUP/NAME.jsonl.zst, and the member `groups.json` that is written
last. A line of a source is `{"id", "measurement", "outcome"}`. The measurements are in the file because recordings and
makers change too.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from probe.results.unpacking import zstd_module
from tests.analysis.equality.judging import Outcome
from tests.analysis.equality.sources import Source

GROUPS = "groups.json"
PACKED = ".jsonl.zst"
LEVEL, WINDOW = 3, 25  # 2 ** 25 bytes hold most templates of the synthetic measurements


class Unreadable(Exception):
    """Report a file that was not written by `write`, or not to its end."""


@dataclass(frozen=True)
class Judged:
    """Hold one measurement and its outcome. `id` is unique in the file."""

    id: str
    raw: bytes
    outcome: Outcome


@dataclass
class Count:
    """Count a source or a group. The digest covers the ids and the outcomes, in order."""

    measurements: int = 0
    records: int = 0
    refused: int = 0
    raised: int = 0
    digest: str = ""

    def add(self, one: Judged) -> None:
        self.measurements += 1
        self.records += len(one.outcome.records)
        self.refused += bool(one.outcome.refused)
        self.raised += bool(one.outcome.raised)
        self.digest = digest(self.digest, one.id, one.outcome.text())

    def join(self, other: Self) -> None:
        """Count a whole source."""
        self.measurements += other.measurements
        self.records += other.records
        self.refused += other.refused
        self.raised += other.raised
        self.digest = digest(self.digest, other.digest)


def digest(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def member_of(source: Source) -> str:
    return f"{source.group}/{source.name}{PACKED}"


def pack(judged: Iterable[Judged]) -> tuple[bytes, Count]:
    """Return the bytes of a member. The measurements are taken one by one."""
    zstd, count, packed = zstd_module(), Count(), io.BytesIO()
    options = {zstd.CompressionParameter.compression_level: LEVEL, zstd.CompressionParameter.window_log: WINDOW}
    with zstd.ZstdFile(packed, "wb", options=options) as stream:
        for one in judged:
            count.add(one)
            line = {"id": one.id, "measurement": one.raw.decode("latin-1"), "outcome": one.outcome.packed()}
            stream.write(json.dumps(line).encode() + b"\n")
    return packed.getvalue(), count


def unpack(file: Path, member: str) -> Iterator[Judged]:
    with zipfile.ZipFile(file) as held, held.open(member) as packed, zstd_module().ZstdFile(packed, "rb") as stream:
        for line in stream:
            one = json.loads(line)
            yield Judged(one["id"], one["measurement"].encode("latin-1"), Outcome.of(one["outcome"]))


def write_file(file: Path, members: Iterable[tuple[Source, bytes, Count]], about: dict[str, Any]) -> dict[str, Count]:
    """Write the members and the counts of their groups. Return these."""
    groups: dict[str, Count] = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as held:
        for source, packed, count in members:
            held.writestr(member_of(source), packed)
            groups.setdefault(source.group, Count()).join(count)
        counts = {name: asdict(count) for name, count in groups.items()}
        held.writestr(GROUPS, json.dumps(about | {"groups": counts}, indent=1))
    return groups


def groups_of(file: Path) -> tuple[list[str], dict[str, Count]]:
    """Return the members, in order, and the counts of their groups. Raise Unreadable."""
    try:
        with zipfile.ZipFile(file) as held:
            groups = json.loads(held.read(GROUPS))["groups"]
            members = [name for name in held.namelist() if name.endswith(PACKED)]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise Unreadable(f"{file} was not written by `write`, or not to its end: {error}") from None
    return members, {name: Count(**count) for name, count in groups.items()}
