"""Test the reader of capture files on each form, and on files that want to crash it or to fill the memory."""

import gzip
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.utils import PcapNgWriter

from probe.captures.capture_file import LONGEST_FRAME, PCAPNG, CapturedFrame, is_capture, read_frames
from probe.captures.captured_set import read_captures
from probe.captures.link_headers import ip_packet
from probe.results.unpacking import BOMB_FLOOR, UNREADABLE
from tests.support.made_captures import MadeCapture, packed, pcap

WHEN = 1_790_000_000.25


def frames(path: Path, data: bytes) -> list[CapturedFrame]:
    path.write_bytes(data)
    return list(read_frames(path))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nanoseconds", [False, True])
def test_pcap_is_read_in_both_byte_orders(tmp_path: Path, order: str, nanoseconds: bool) -> None:
    found = frames(tmp_path / "a", pcap([(WHEN, b"one"), (WHEN, b"")], order=order, link=1, nanoseconds=nanoseconds))
    assert found == [CapturedFrame(pytest.approx(WHEN), 1, b"one"), CapturedFrame(pytest.approx(WHEN), 1, b"")]


@pytest.mark.parametrize("how", ["gz", "zst"])
def test_packed_captures_are_read(tmp_path: Path, how: str) -> None:
    path = tmp_path / f"a.pcap.{how}"
    path.write_bytes(packed(pcap([(WHEN, b"one")]), how))
    assert is_capture(path)
    assert len(list(read_frames(path))) == 1


def test_pcapng_of_scapy_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    with PcapNgWriter(str(path)) as writer:
        writer.linktype = 101
        writer.write_header(None)
        writer.write_packet(b"E" * 40, sec=WHEN)
    (frame,) = read_frames(path)
    assert (frame.link, frame.raw) == (101, b"E" * 40)
    assert frame.when == pytest.approx(WHEN, abs=1e-5)


def block(kind: int, body: bytes, order: str = "<", length: int | None = None) -> bytes:
    size = len(body) + 12 if length is None else length
    return struct.pack(f"{order}II", kind, size) + body + struct.pack(f"{order}I", size)


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(order: str = "<", options: bytes = b"") -> bytes:
    return block(1, struct.pack(f"{order}HHI", 101, 0, 0) + options, order)


def enhanced(raw: bytes, ticks: int, order: str = "<") -> bytes:
    body = struct.pack(f"{order}IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(raw), len(raw))
    return block(6, body + raw + bytes(-len(raw) % 4), order)


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_has_sections_resolutions_and_unknown_blocks(tmp_path: Path, order: str) -> None:
    nanoseconds = struct.pack(f"{order}HHB3x", 9, 1, 9) + struct.pack(f"{order}HH", 0, 0)
    data = section(order) + interface(order, nanoseconds) + block(5, bytes(8), order)
    data += enhanced(b"abc", int(WHEN * 10**9), order) + section() + interface() + enhanced(b"d", int(WHEN * 10**6))
    data += block(3, struct.pack("<I", 2) + b"xy" + bytes(2))
    found = frames(tmp_path / "a", data)
    assert [frame.raw for frame in found] == [b"abc", b"d", b"xy"]
    assert [frame.when for frame in found[:2]] == [pytest.approx(WHEN)] * 2


@pytest.mark.parametrize(
    "data",
    [
        pcap([(WHEN, b"one")])[:-1],
        pcap([])[:-1],
        pcap([]) + struct.pack("<IIII", 1, 1, LONGEST_FRAME + 1, 1),
        pcap([]) + struct.pack("<IIII", 1, 1, 0xFFFFFFFF, 1),
        PCAPNG,
        section()[:-4],
        section() + interface() + block(6, bytes(20), length=13),
        section() + interface() + block(6, bytes(20), length=4),
        section() + interface() + block(6, bytes(20))[:-4] + bytes(4),
        section() + interface() + block(6, bytes(4)),
        section() + enhanced(b"a", 1),
        section() + interface() * 1025,
        section() + struct.pack("<II", 6, 0xFFFFFFFC),
        section()[:8] + b"abcd" + section()[12:],
    ],
)
def test_damaged_files_end_with_a_sentence(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(UNREADABLE) as error:
        frames(tmp_path / "a", data)
    assert str(error.value).endswith("The packets before it are used.")


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([b"", PCAPNG, section(), section() + interface(), pcap([]), pcap([(1.0, b"E" * 40)])]),
    st.binary(max_size=400),
)
def test_any_bytes_raise_documented_errors_only(start: bytes, rest: bytes) -> None:
    import tempfile

    with tempfile.NamedTemporaryFile() as file:
        file.write(start + rest)
        file.flush()
        try:
            for frame in read_frames(Path(file.name)):
                ip_packet(frame.link, frame.raw)
        except UNREADABLE:
            pass


def test_decompression_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap.gz"
    path.write_bytes(gzip.compress(pcap([]) + bytes(4 * BOMB_FLOOR)))
    reading = read_captures([path])
    assert reading.flows == []
    assert len(reading.problems) == 1


def test_packets_before_the_damage_count(tmp_path: Path) -> None:
    made = MadeCapture()
    made.tls("www.example.com")
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(made.packets) + b"\xff" * 7)
    reading = read_captures([path])
    assert [each.name for each in reading.conversations] == ["www.example.com"]
    assert len(reading.problems) == 1


@pytest.mark.parametrize(
    ("link", "header"),
    [
        (0, bytes(4)),
        (1, bytes(12) + b"\x08\x00"),
        (1, bytes(12) + b"\x81\x00\x00\x07\x08\x00"),
        (1, bytes(12) + b"\x88\x64\x11\x00\x00\x01\x00\x20\x00\x21"),
        (1, bytes(12) + b"\x88\x47\x00\x01\x01\x40"),
        (12, b""),
        (101, b""),
        (113, bytes(14) + b"\x08\x00"),
        (228, b""),
        (276, b"\x08\x00" + bytes(18)),
    ],
)
def test_packet_is_found_behind_link_headers(link: int, header: bytes) -> None:
    packet = b"\x45" + bytes(30)
    assert ip_packet(link, header + packet) == packet


def test_numbers_of_links_are_those_of_scapy() -> None:
    import scapy.data as numbers

    from probe.captures import link_headers as ours

    assert (ours.NULL, ours.ETHERNET, ours.RAW, ours.LOOP) == (
        numbers.DLT_NULL,
        numbers.DLT_EN10MB,
        numbers.DLT_RAW_ALT,
        numbers.DLT_LOOP,
    )
    assert (ours.SLL, ours.SLL2, ours.IPV4, ours.IPV6, ours.RAW_BSD) == (
        numbers.DLT_LINUX_SLL,
        numbers.DLT_LINUX_SLL2,
        numbers.DLT_IPV4,
        numbers.DLT_IPV6,
        numbers.DLT_RAW,
    )
