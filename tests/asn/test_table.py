"""Test the AS table: known addresses, its packing, a user's own file, and bad files."""

import random
import subprocess
import sys
import time
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.asn.pack import Range, flatten, merged, write
from probe.asn.table import BUNDLED, UNKNOWN, AsnTable, MmdbTable, Network, TableError, default_table, public_address

ABOUT = {"title": "Test", "date": "2026-11-24", "licence": "none", "attribution": "us", "changes": ""}
IR, US = 0x4952, 0x5553


@pytest.mark.parametrize(
    ("ip", "asn", "cc"),
    [
        ("8.8.8.8", 15169, "US"),
        ("1.1.1.1", 13335, "AU"),
        ("149.154.167.51", 62041, "GB"),
        ("157.240.22.53", 32934, "US"),
        ("2001:4860:4860::8888", 15169, "US"),
        ("::ffff:8.8.8.8", 15169, "US"),
        ("64:ff9b::808:808", 15169, "US"),
    ],
)
def test_known_addresses_are_found_in_the_bundled_table(ip: str, asn: int, cc: str) -> None:
    """Compare with AS numbers that were looked up when the table was chosen."""
    found = AsnTable().lookup(ip)
    assert (found.asn, found.cc) == (asn, cc)
    assert found.name


def test_address_is_looked_up_once() -> None:
    table = AsnTable()
    first = table.lookup("8.8.8.8")
    table._block = lru_cache(lambda *_: pytest.fail("a block was unpacked again"))  # type: ignore[assignment]
    assert table.lookup("8.8.8.8") is first and first.asn == 15169


def test_address_that_the_source_librarys_lookup_misses_is_found() -> None:
    assert AsnTable().lookup("77.88.8.8").asn != 0


@pytest.mark.parametrize("ip", ["192.168.1.1", "127.0.0.1", "fe80::1", "", "example.org", "224.0.0.1", "100.64.0.1"])
def test_text_or_address_outside_the_internet_is_unknown(ip: str) -> None:
    assert AsnTable().lookup(ip) == UNKNOWN == Network(0, "ZZ", "")


def test_bundled_file_has_its_licence_and_date() -> None:
    header = AsnTable().header
    assert "CC BY-SA 4.0" in header["licence"] and "IPFire" in header["attribution"] and header["date"] == "2025-03-26"
    beside = (BUNDLED.parent / "ASN-LICENSE.txt").read_text()
    assert "CC BY-SA 4.0" in beside and header["date"] in beside
    assert BUNDLED.stat().st_size < 3_500_000


def test_bundled_table_opens_within_20_ms() -> None:
    def seconds() -> float:
        before = time.process_time()
        AsnTable()
        return time.process_time() - before

    assert min(seconds() for _ in range(5)) < 0.02


@st.composite
def nested(draw: st.DrawFn) -> list[Range]:
    """Draw prefixes as in a registry: two are disjoint, or one contains the other."""
    found = {}
    for _ in range(draw(st.integers(0, 12))):
        bits = draw(st.integers(0, 6))
        first = draw(st.integers(0, 63)) >> bits << bits
        asn, country = draw(st.sampled_from([0, 7, 8])), draw(st.sampled_from([0, IR, US]))
        found[first, bits] = Range(first, first + (1 << bits) - 1, asn << 16 | country)
    return sorted(found.values(), key=lambda one: (one.first, -one.last))


@given(nested())
def test_flattened_ranges_have_the_value_of_the_innermost_network(networks: list[Range]) -> None:
    rows = merged(flatten(networks))
    for key in range(66):
        around = [one for one in networks if one.first <= key <= one.last]  # outer before inner
        asn = next((one.value >> 16 for one in reversed(around) if one.value >> 16), 0)
        country = next((one.value & 0xFFFF for one in reversed(around) if one.value & 0xFFFF), 0)
        said = next((value for first, value in reversed(rows) if first <= key), 0)
        assert said == asn << 16 | country


def test_written_table_returns_its_rows(tmp_path: Path) -> None:
    chooser = random.Random(1)
    starts = sorted(chooser.sample(range(1 << 24, 9 << 24), 5000))
    v4 = [(first, chooser.choice([0, 64500 << 16 | IR, 4200000000 << 16 | US])) for first in starts]
    v6 = [(0x20010DB9 << 32, 64501 << 16 | US), ((0x20010DB9 << 32) + 5, 0)]
    write(tmp_path / "t.bin", ABOUT, v4, v6, [(64500, "Ümlaut Net"), (4200000000, "Big")])
    table = AsnTable(tmp_path / "t.bin")
    assert table.database == "Test 2026-11-24"
    for first, value in chooser.sample(v4, 300):
        text = ".".join(str(byte) for byte in first.to_bytes(4, "big"))
        names = {64500: "Ümlaut Net", 4200000000: "Big"}
        expected = (
            Network(value >> 16, (value & 0xFFFF).to_bytes(2, "big").decode(), names[value >> 16]) if value else UNKNOWN
        )
        assert table.lookup(text) == (expected if public_address(text) else UNKNOWN)
    assert table.lookup("2001:db9:0:4::1") == Network(64501, "US", "")
    assert table.lookup("2001:db9:0:5::1") == table.lookup("0.1.2.3") == UNKNOWN


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"censorprobe asn 1\n", b"censorprobe asn 1\n\xff\xff\xff\xff{", None]
)
def test_bad_table_is_reported_in_one_sentence(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "bad.bin"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TableError, match=str(path)):
        AsnTable(path)


def test_users_table_is_used_and_a_missing_one_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "mine.bin", ABOUT, [(8 << 24, 64500 << 16 | IR)], [(1, 0)], [(64500, "Mine")])
    default_table.cache_clear()
    try:
        monkeypatch.setenv("PROBE_ASN_DB", str(tmp_path / "mine.bin"))
        assert default_table().lookup("8.8.8.8") == Network(64500, "IR", "Mine")
        default_table.cache_clear()
        monkeypatch.setenv("PROBE_ASN_DB", str(tmp_path / "none.mmdb"))
        with pytest.raises(TableError, match=r"none\.mmdb"):
            default_table()
    finally:
        default_table.cache_clear()


def mmdb(row: dict[str, object], kind: str) -> bytes:
    """Build a MaxMind-format file (specification 2.0) with `row` for 8.0.0.0/8 and no other networks."""

    def coded(value: object, bits: int = 32) -> bytes:
        if isinstance(value, dict):
            return bytes([7 << 5 | len(value)]) + b"".join(
                coded(k) + coded(v, width.get(k, 32)) for k, v in value.items()
            )
        if isinstance(value, list):
            return bytes([0, 11 - 7])
        if isinstance(value, int):
            kind = {16: [5 << 5 | 2], 32: [6 << 5 | 4], 64: [8, 9 - 7]}[bits]
            return bytes(kind) + value.to_bytes(bits // 8, "big")
        raw = str(value).encode()
        return bytes([2 << 5 | min(len(raw), 29)]) + (bytes([len(raw) - 29]) if len(raw) >= 29 else b"") + raw

    width = {"record_size": 16, "ip_version": 16, "build_epoch": 64}
    width |= {"binary_format_major_version": 16, "binary_format_minor_version": 16}
    nodes, nothing, data = 8, 8, 8 + 16
    tree = b""
    for depth, bit in enumerate(f"{8:08b}"):
        onward = depth + 1 if depth < 7 else data
        pair = (nothing, onward) if bit == "1" else (onward, nothing)
        tree += b"".join(record.to_bytes(3, "big") for record in pair)
    about = {"node_count": nodes, "record_size": 24, "ip_version": 4, "database_type": kind, "build_epoch": 1793836800}
    about |= {"binary_format_major_version": 2, "binary_format_minor_version": 0, "languages": [], "description": {}}
    return tree + bytes(16) + coded(row) + b"\xab\xcd\xefMaxMind.com" + coded(about)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            {"autonomous_system_number": 64500, "autonomous_system_organization": "Mine"},
            Network(64500, "ZZ", "Mine"),
        ),  # GeoLite2-ASN, DB-IP ASN Lite
        ({"asn": "AS64500", "as_name": "Mine", "country_code": "IR"}, Network(64500, "IR", "Mine")),  # IPinfo Lite
        ({"country": {"iso_code": "IR"}}, Network(0, "IR", "")),  # GeoLite2-Country
        ({}, UNKNOWN),
    ],
)
def test_users_mmdb_is_read(tmp_path: Path, row: dict[str, object], expected: Network) -> None:
    (tmp_path / "mine.mmdb").write_bytes(mmdb(row, "Mine-ASN"))
    table = MmdbTable(tmp_path / "mine.mmdb")
    assert table.lookup("8.8.8.8") == expected
    assert table.lookup("9.9.9.9") == table.lookup("192.168.1.1") == table.lookup("2001:4860:4860::8888") == UNKNOWN
    assert table.database == "Mine-ASN 2026-11-05"


def test_bad_mmdb_is_reported_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "bad.mmdb").write_bytes(b"hello")
    with pytest.raises(TableError, match=r"bad\.mmdb cannot be read"):
        MmdbTable(tmp_path / "bad.mmdb")


def test_packing_code_is_not_loaded_at_run_time() -> None:
    code = "import probe.asn.table, sys; probe.asn.table.asn_of('8.8.8.8'); print('probe.asn.pack' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
