"""Generate probe/data/asn.bin. The probe itself does not run this module.

    apt-get install libloc-database python3-location
    /usr/bin/python3 -m probe.asn.pack probe/data/asn.bin

The networks of the location database are read one by one, because its own look-up misses some of them. A network
without an autonomous system has that of the network around it. Equal neighbours become one range. IPv6 networks smaller
than /64 are left out.
"""

import importlib
import ipaddress
import json
import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

SOURCE = Path("/usr/share/libloc-location/location.db")
MAGIC = b"censorprobe asn 1\n"
ENTRY = struct.Struct("<QI")
ROWS = 1024  # rows in a block. A look-up unpacks one block
LONGEST_NAME = 48


class Range(NamedTuple):
    """Represent the addresses from `first` to `last`, both included. `value` is ASN << 16 | country."""

    first: int
    last: int
    value: int


def flatten(networks: Iterable[Range]) -> Iterator[tuple[int, int]]:
    """Yield rows (first key, value) of nested ranges, outer before inner. Addresses in no range have value 0."""
    stack: list[Range] = []
    at = 0
    for network in networks:
        while stack and stack[-1].last < network.first:
            closed = stack.pop()
            at = closed.last + 1
            yield at, stack[-1].value if stack else 0
        value = network.value
        if stack and not value >> 16:
            value |= stack[-1].value >> 16 << 16
        if stack and not value & 0xFFFF:
            value |= stack[-1].value & 0xFFFF
        stack.append(network._replace(value=value))
        yield network.first, value
    while stack:
        closed = stack.pop()
        yield closed.last + 1, stack[-1].value if stack else 0


def merged(rows: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return sorted rows. The last of rows with one key counts. A row equal to the one before is left out."""
    last_value = dict(rows)
    kept: list[tuple[int, int]] = []
    for key in sorted(last_value):
        if not kept or kept[-1][1] != last_value[key]:
            kept.append((key, last_value[key]))
    return kept


def write(path: Path, about: dict[str, str], v4: list[Any], v6: list[Any], names: list[tuple[int, str]]) -> None:
    """Write the table in the layout that `probe.asn.table.AsnTable` describes."""
    sections: dict[str, list[int]] = {"v4": [0, 0], "v6": [0, 0], "names": [0, 0]}
    room = len(json.dumps(about | {"sections": sections})) + 60  # offsets grow when they are known
    body = bytearray()
    start = len(MAGIC) + 4 + room
    for name, rows in (("v4", v4), ("v6", v6), ("names", names)):
        index = bytearray()
        for at in range(0, len(rows), ROWS):
            index += ENTRY.pack(rows[at][0], start + len(body))
            body += _block(rows[at : at + ROWS])
        sections[name] = [start + len(body), len(index) // ENTRY.size]
        body += index
    header = json.dumps(about | {"sections": sections}).encode().ljust(room)
    path.write_bytes(MAGIC + struct.pack("<I", room) + header + body)


def _block(rows: list[Any]) -> bytes:
    keys = [key for key, _ in rows]
    steps = [key - before for before, key in zip([0, *keys], keys, strict=False)]
    values = [value for _, value in rows]
    tail = "\n".join(values).encode() if isinstance(values[0], str) else _little(values)
    return zlib.compress(struct.pack("<I", len(rows)) + _little(steps) + tail, 9)


def _little(numbers: list[int]) -> bytes:
    packed = array("Q", numbers)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def _ranges(database: Any, version: int) -> list[Range]:
    shift = 0 if version == 4 else 64
    found = []
    for network in database.networks:
        place = ipaddress.ip_network(str(network))
        if place.version == version and place.prefixlen <= (32 if version == 4 else 64):
            cc = (network.country_code or "").encode()
            country = int.from_bytes(cc, "big") if len(cc) == 2 and cc.isalpha() and cc.isupper() else 0
            found.append(Range(int(place[0]) >> shift, int(place[-1]) >> shift, (network.asn or 0) << 16 | country))
    return sorted(found, key=lambda one: (one.first, -one.last))


def main() -> None:
    """Read SOURCE and write the file that the command line names."""
    database = importlib.import_module("location").Database(str(SOURCE))
    about = {
        "title": "IPFire Location",
        "date": datetime.fromtimestamp(database.created_at, UTC).strftime("%Y-%m-%d"),
        "licence": "CC BY-SA 4.0, https://creativecommons.org/licenses/by-sa/4.0/",
        "attribution": "IPFire Project, https://location.ipfire.org/",
        "changes": "networks flattened into ranges, neighbours merged, names cut, packed by probe.asn.pack",
    }
    names = sorted((one.number, one.name.replace("\n", " ")[:LONGEST_NAME]) for one in database.ases if one.name)
    write(Path(sys.argv[1]), about, merged(flatten(_ranges(database, 4))), merged(flatten(_ranges(database, 6))), names)


if __name__ == "__main__":
    main()
