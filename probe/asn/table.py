"""Which network and country an address belongs to, looked up offline in a packed table that comes with the program."""

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

MAGIC = b"censorprobe asn 1\n"
BUNDLED = Path(__file__).parents[1] / "data" / "asn.bin"
NO_COUNTRY = "ZZ"
LARGEST_BLOCK = 1 << 16  # bytes, compressed
OPEN_BLOCKS = 24  # kept unpacked, some 30 kB each; one run looks up the networks of a few large companies
ENTRY = struct.Struct("<QI")  # first key of a block, where the block begins


class Network(NamedTuple):
    """An autonomous system and the country it announces from; 0, "ZZ" and "" stand for unknown."""

    asn: int = 0
    cc: str = NO_COUNTRY
    name: str = ""


UNKNOWN = Network()


class TableError(ValueError):
    """A table that cannot be read; its text is one sentence for the user."""


class AsnLookup(Protocol):
    """Anything that knows the networks of addresses. `database` names it and its date, as written to x_run."""

    database: str

    def lookup(self, ip: str) -> Network:
        """The network of `ip`; UNKNOWN when the table has none or `ip` is no public address."""


class AsnTable:
    """The packed table: sorted keys in compressed blocks, of which a look-up opens one.

    Layout: MAGIC; length of the header (u32); header (JSON: licence, attribution, date, sections); blocks; an index per
    section. A block is zlib over the number of rows (u32), the differences between keys (u64 each) and the values:
    u64 each (ASN << 16 | country) in `v4` and `v6`, lines in `names`. Keys are first addresses of ranges (of IPv6 the
    upper 64 bits), and AS numbers. All little-endian. `asn_pack.py` writes it.
    """

    def __init__(self, path: Path = BUNDLED) -> None:
        """Open the file, read its header and its indexes. Raises TableError."""
        try:
            self._file = os.open(path, os.O_RDONLY)  # read piece by piece: mapped, all of it would come to memory
            weakref.finalize(self, os.close, self._file)
            start = len(MAGIC)
            if self._read(0, start) != MAGIC:
                raise TableError(f"{path}: is no table of networks that this version can read")
            (length,) = struct.unpack("<I", self._read(start, 4))
            self.header: dict[str, Any] = json.loads(self._read(start + 4, length))
            self._indexes = {name: self._index(*place) for name, place in self.header["sections"].items()}
        except (OSError, ValueError, KeyError, struct.error) as error:
            raise error if isinstance(error, TableError) else TableError(f"{path}: cannot be read ({error})") from None
        self.database = f"{self.header['title']} {self.header['date']}"
        self._block = lru_cache(maxsize=OPEN_BLOCKS)(self._open_block)

    def lookup(self, ip: str) -> Network:
        """The network of `ip`; UNKNOWN when the table has none or `ip` is no public address."""
        address = public_address(ip)
        if address is None:
            return UNKNOWN
        section, key = ("v4", int(address)) if address.version == 4 else ("v6", int(address) >> 64)
        packed = self._value(section, key)
        asn, cc = packed >> 16, (packed & 0xFFFF).to_bytes(2, "big").decode() if packed & 0xFFFF else NO_COUNTRY
        return Network(asn, cc, self.name(asn))

    def name(self, asn: int) -> str:
        """Who runs the autonomous system; "" when unknown."""
        found = self._row("names", asn) if asn else None
        if found is None:
            return ""
        keys, values, row = found
        return str(values[row]) if keys[row] == asn else ""

    def _value(self, section: str, key: int) -> int:
        found = self._row(section, key)
        return int(found[1][found[2]]) if found else 0

    def _row(self, section: str, key: int) -> tuple["array[int]", Any, int] | None:
        """The last row whose key is at most `key`: the block's keys, its values and the row's number."""
        firsts, _ = self._indexes[section]
        number = bisect_right(firsts, key) - 1
        if number < 0:
            return None
        keys, values = self._block(section, number)
        return keys, values, bisect_right(keys, key) - 1

    def _read(self, offset: int, size: int) -> bytes:
        return os.pread(self._file, size, offset)

    def _index(self, offset: int, blocks: int) -> tuple[list[int], list[int]]:
        entries = list(ENTRY.iter_unpack(self._read(offset, blocks * ENTRY.size)))
        return [first for first, _ in entries], [begins for _, begins in entries]

    def _open_block(self, section: str, number: int) -> tuple["array[int]", Any]:
        begins = self._indexes[section][1][number]
        raw = zlib.decompressobj().decompress(self._read(begins, LARGEST_BLOCK))
        (rows,) = struct.unpack_from("<I", raw)
        middle = 4 + 8 * rows
        keys = array("Q", accumulate(_numbers(raw[4:middle])))  # a list of numbers would take five times as much
        return keys, raw[middle:].decode().split("\n") if section == "names" else _numbers(raw[middle:])


class MmdbTable:
    """A user's MaxMind-format file (GeoLite2-ASN, DB-IP Lite, IPinfo Lite …), read with `maxminddb`."""

    def __init__(self, path: Path) -> None:
        """Open the file. Raises TableError, also when the library is not installed."""
        try:
            import maxminddb
        except ImportError:
            raise TableError(f"{path}: reading it needs the Python package maxminddb") from None
        try:
            self._reader = maxminddb.open_database(str(path))
        except (OSError, maxminddb.InvalidDatabaseError) as error:
            raise TableError(f"{path}: cannot be read ({error})") from None
        meta = self._reader.metadata()
        self.database = f"{meta.database_type} {datetime.fromtimestamp(meta.build_epoch, UTC):%Y-%m-%d}"

    def lookup(self, ip: str) -> Network:
        """The network of `ip`, from whichever of the usual fields the file has."""
        address = public_address(ip)
        try:
            row = self._reader.get(str(address)) if address else None
        except ValueError:  # an IPv6 address, and the file has only IPv4
            row = None
        if not isinstance(row, dict):
            return UNKNOWN
        number = row.get("autonomous_system_number") or row.get("asn") or 0
        country = row.get("country_code") or row.get("country")
        if isinstance(country, dict):
            country = country.get("iso_code")
        name = row.get("autonomous_system_organization") or row.get("as_name") or ""
        return Network(int(str(number).upper().removeprefix("AS") or 0), str(country or NO_COUNTRY), str(name))


class Nothing:
    """No table: the program works without one, and says so."""

    database = "none"

    def lookup(self, ip: str) -> Network:
        """Nothing is known."""
        return UNKNOWN


@cache
def default_table() -> AsnLookup:
    """The user's table (PROBE_ASN_DB), else the bundled one, else none. Raises TableError for a bad user's table."""
    if named := os.environ.get("PROBE_ASN_DB"):
        path = Path(named)
        return MmdbTable(path) if path.suffix == ".mmdb" else AsnTable(path)
    return AsnTable() if BUNDLED.is_file() else Nothing()


def asn_of(ip: str) -> int:
    """The AS number of `ip` in the default table; 0 when unknown."""
    return default_table().lookup(ip).asn


def public_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address, IPv4 inside IPv6 unwrapped (mapped, NAT64); None when it is none, or not one of the internet's."""
    try:
        address = ipaddress.ip_address(text.split("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or (address in _NAT64 and ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)) or None
        address = inner or address
    return address if address.is_global and not address.is_multicast else None


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _numbers(raw: bytes) -> "array[int]":
    found = array("Q")
    found.frombytes(raw)
    if sys.byteorder == "big":
        found.byteswap()
    return found
