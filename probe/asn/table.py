"""Look up the network and country of an address in a packed table, offline."""

import ipaddress
import json
import os
import struct
import sys
import weakref
import zlib
from array import array
from bisect import bisect_right
from datetime import UTC, datetime
from functools import cache, lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from probe.files import open_regular
from probe.messages import tr
from probe.platforms.descriptors import read_at

MAGIC = b"censorprobe asn 1\n"
BUNDLED = Path(__file__).parents[1] / "data" / "asn.bin"
NO_COUNTRY = "ZZ"
LARGEST_BLOCK = 1 << 16  # bytes, compressed
LARGEST_UNPACKED = 1 << 18  # bytes of one block. It has 1024 rows
LARGEST_HEADER = 1 << 16  # bytes
MOST_BLOCKS = 20_000  # of a section. The bundled table has about 500
SECTIONS = ("v4", "v6", "names")
UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError, struct.error)
DAMAGED = (OSError, ValueError, LookupError, OverflowError, struct.error, zlib.error)
"""Exceptions of a table that opens and whose blocks are not what its index says."""
KNOWN_ADDRESSES = 1024  # whose networks are kept. A run looks up each of its 200 addresses 5 to 20 times
OPEN_BLOCKS = 24  # kept unpacked, about 30 kB each. One run looks up the networks of a few large companies
ENTRY = struct.Struct("<QI")  # first key of a block, where the block begins


class Network(NamedTuple):
    """Represent an autonomous system and its country. 0, "ZZ" and "" stand for unknown."""

    asn: int = 0
    cc: str = NO_COUNTRY
    name: str = ""


UNKNOWN = Network()


class TableError(ValueError):
    """Report that a table cannot be read. The text is for the user."""


class AsnLookup(Protocol):
    """Hold a source of networks. `database` is its name and date, as recorded in x_run."""

    database: str

    def lookup(self, ip: str) -> Network:
        """Return the network of `ip`, UNKNOWN if the table has none or `ip` is no public address."""


class AsnTable:
    """Read the packed table: sorted keys in compressed blocks, of which a look-up unpacks one.

    Layout, all little-endian:

    - MAGIC, length of the header (u32), header (JSON with licence, attribution, date, sections)
    - blocks, each zlib over the number of rows (u32), the differences between keys (u64 each) and the values
    - an index per section

    Values are u64 each (ASN << 16 | country) in `v4` and `v6`, and lines of text in `names`. Keys are the first
    addresses of ranges (the upper 64 bits in IPv6), or AS numbers. `pack.py` writes the file.
    """

    def __init__(self, path: Path = BUNDLED) -> None:
        """Open the file and read its header and its indexes. Raise TableError."""
        try:
            self._file = open_regular(path)  # read in pieces, because a mapped file would fill the memory
            weakref.finalize(self, self._file.close)
            start = len(MAGIC)
            if self._read(0, start) != MAGIC:
                raise TableError(tr("{path} is no AS table that this version can read.", path=path))
            (length,) = struct.unpack("<I", self._read(start, 4))
            if length > LARGEST_HEADER:
                raise ValueError(tr("its header is longer than {count} bytes", count=LARGEST_HEADER))
            self.header: dict[str, Any] = json.loads(self._read(start + 4, length))
            self._indexes = {name: self._index(*self.header["sections"][name]) for name in SECTIONS}
            self.database = f"{self.header['title']} {self.header['date']}"
        except UNREADABLE as error:
            raise error if isinstance(error, TableError) else _unreadable(path, error) from None
        self._block = lru_cache(maxsize=OPEN_BLOCKS)(self._open_block)
        self._found = lru_cache(maxsize=KNOWN_ADDRESSES)(self._find)

    def lookup(self, ip: str) -> Network:
        """Return the network of `ip`, UNKNOWN if the table has none, or is damaged there, or `ip` is not public."""
        return self._found(ip)

    def _find(self, ip: str) -> Network:
        address = public_address(ip)
        try:
            return UNKNOWN if address is None else self._network(address)
        except DAMAGED:
            return UNKNOWN

    def _network(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Network:
        section, key = ("v4", int(address)) if address.version == 4 else ("v6", int(address) >> 64)
        packed = self._value(section, key)
        asn, cc = packed >> 16, (packed & 0xFFFF).to_bytes(2, "big").decode() if packed & 0xFFFF else NO_COUNTRY
        return Network(asn, cc, self.name(asn))

    def name(self, asn: int) -> str:
        """Return the operator of the autonomous system, "" if unknown. Raise one of DAMAGED."""
        found = self._row("names", asn) if asn else None
        if found is None:
            return ""
        keys, values, row = found
        return str(values[row]) if keys[row] == asn else ""

    def _value(self, section: str, key: int) -> int:
        found = self._row(section, key)
        return int(found[1][found[2]]) if found else 0

    def _row(self, section: str, key: int) -> tuple["array[int]", Any, int] | None:
        """Return the block's keys and values, and the index of the last row whose key is at most `key`."""
        firsts, _ = self._indexes[section]
        number = bisect_right(firsts, key) - 1
        if number < 0:
            return None
        keys, values = self._block(section, number)
        return keys, values, bisect_right(keys, key) - 1

    def _read(self, offset: int, size: int) -> bytes:
        return read_at(self._file, size, offset)

    def _index(self, offset: int, blocks: int) -> tuple[list[int], list[int]]:
        if not 0 <= blocks <= MOST_BLOCKS:
            raise ValueError(f"{blocks} blocks")
        entries = list(ENTRY.iter_unpack(self._read(offset, blocks * ENTRY.size)))
        return [first for first, _ in entries], [begins for _, begins in entries]

    def _open_block(self, section: str, number: int) -> tuple["array[int]", Any]:
        begins = self._indexes[section][1][number]
        raw = zlib.decompressobj().decompress(self._read(begins, LARGEST_BLOCK), LARGEST_UNPACKED)
        (rows,) = struct.unpack_from("<I", raw)
        middle = 4 + 8 * rows
        keys = array("Q", accumulate(_numbers(raw[4:middle])))  # a list of numbers would take five times the memory
        return keys, raw[middle:].decode().split("\n") if section == "names" else _numbers(raw[middle:])


class MmdbTable:
    """Read a user's MaxMind-format file (GeoLite2-ASN, DB-IP Lite, IPinfo Lite, …) with `maxminddb`."""

    def __init__(self, path: Path) -> None:
        """Open the file. Raise TableError, also if the library is not installed."""
        try:
            import maxminddb
        except ImportError:
            problem = tr("{path} cannot be read without the Python package maxminddb. Install it.", path=path)
            raise TableError(problem) from None
        try:
            open_regular(path).close()
            self._reader = maxminddb.open_database(str(path))
            meta = self._reader.metadata()
            self.database = f"{meta.database_type} {datetime.fromtimestamp(meta.build_epoch, UTC):%Y-%m-%d}"
        except (*UNREADABLE, maxminddb.InvalidDatabaseError) as error:
            raise _unreadable(path, error) from None
        self._damaged = (ValueError, maxminddb.InvalidDatabaseError)  # the first for IPv6 in a file of IPv4 only

    def lookup(self, ip: str) -> Network:
        """Return the network of `ip` from the usual fields of such files."""
        address = public_address(ip)
        try:
            row = self._reader.get(str(address)) if address else None
            return _network_in(row) if isinstance(row, dict) else UNKNOWN
        except self._damaged:
            return UNKNOWN


def _network_in(row: dict[str, Any]) -> Network:
    """Return the network in a row of a MaxMind-format file. Raise ValueError for a number that is none."""
    number = row.get("autonomous_system_number") or row.get("asn") or 0
    country = row.get("country_code") or row.get("country")
    if isinstance(country, dict):
        country = country.get("iso_code")
    name = row.get("autonomous_system_organization") or row.get("as_name") or ""
    return Network(int(str(number).upper().removeprefix("AS") or 0), str(country or NO_COUNTRY), str(name))


class NoTable:
    """Stand in for a missing table. `database` records that there was none."""

    database = "none"

    def lookup(self, ip: str) -> Network:
        """Return UNKNOWN."""
        return UNKNOWN


@cache
def default_table() -> AsnLookup:
    """Return the user's table (PROBE_ASN_DB), else the bundled one, else an empty one. Raise TableError."""
    if named := os.environ.get("PROBE_ASN_DB"):
        path = Path(named)
        return MmdbTable(path) if path.suffix == ".mmdb" else AsnTable(path)
    return AsnTable() if BUNDLED.is_file() else NoTable()


def asn_of(ip: str) -> int:
    """Return the AS number of `ip` in the default table, 0 if unknown."""
    return default_table().lookup(ip).asn


def public_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the public address, IPv4 in IPv6 unwrapped (mapped, NAT64). Return None for any other text or address."""
    try:
        address = ipaddress.ip_address(text.split("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or (address in _NAT64 and ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)) or None
        address = inner or address
    return address if address.is_global and not address.is_multicast else None


def _unreadable(path: Path, reason: Exception) -> TableError:
    why = getattr(reason, "strerror", None) or reason
    return TableError(tr("The AS table {path} cannot be read ({reason}).", path=path, reason=why))


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _numbers(raw: bytes) -> "array[int]":
    found = array("Q")
    found.frombytes(raw)
    if sys.byteorder == "big":
        found.byteswap()
    return found
