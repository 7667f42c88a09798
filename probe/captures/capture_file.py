"""Read the frames of pcap and pcapng files, packed or not, within limits. Captures may come from strangers.

pcap has one byte order and one kind of link for the whole file (draft-ietf-opsawg-pcap). pcapng has blocks, and each
section has its own byte order and interfaces (draft-ietf-opsawg-pcapng).
"""

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from probe.messages import tr
from probe.results.folders import ResultsError
from probe.results.remote import Source
from probe.results.unpacking import open_unpacked

LONGEST_FRAME = 262_144  # bytes, the limit of libpcap and Wireshark
LONGEST_BLOCK = LONGEST_FRAME + 65_536  # bytes of a pcapng block that is kept, options included
MOST_INTERFACES = 1024  # of a section
_PIECE = 1 << 16

PCAPNG = b"\x0a\x0d\x0d\x0a"
_PCAP: dict[bytes, tuple[str, float]] = {
    b"\xa1\xb2\xc3\xd4": (">", 1e-6),
    b"\xd4\xc3\xb2\xa1": ("<", 1e-6),
    b"\xa1\xb2\x3c\x4d": (">", 1e-9),
    b"\x4d\x3c\xb2\xa1": ("<", 1e-9),
}
"""The byte order, and the unit of the part of a second, by the first four bytes."""
_SECTION, _INTERFACE, _PACKET, _SIMPLE, _ENHANCED = 0x0A0D0D0A, 1, 2, 3, 6
_ORDERS = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
_RESOLUTION, _OFFSET = 9, 14  # options of an interface


class CapturedFrame(NamedTuple):
    """Hold one captured frame. `link` is the number of its link type, `when` the seconds since the epoch."""

    when: float
    link: int
    raw: bytes


class _Interface(NamedTuple):
    link: int
    unit: float = 1e-6  # seconds of one tick
    offset: int = 0  # seconds that are added


def is_capture(source: Source) -> bool:
    """Return whether the file begins like a capture. Raise an exception of UNREADABLE.

    A pipe or a descriptor of this program is none, because what is read from it is gone.
    """
    if isinstance(source, Path) and (not source.is_file() or source.is_relative_to("/dev")):
        return False
    with open_unpacked(source) as stream:
        start = stream.read(4)
    return start == PCAPNG or start in _PCAP


def read_frames(source: Source) -> Iterator[CapturedFrame]:
    """Iterate over the frames. Raise an exception of UNREADABLE where the file is damaged or ends too early."""
    with open_unpacked(source) as stream:
        start = stream.read(4)
        if start == PCAPNG:
            yield from _Pcapng(stream).frames()
        elif start in _PCAP:
            yield from _pcap_frames(stream, *_PCAP[start])
        else:
            raise ResultsError(tr("It is no packet capture in the format pcap or pcapng."))


def _pcap_frames(stream: io.BufferedReader, order: str, unit: float) -> Iterator[CapturedFrame]:
    link = struct.unpack(f"{order}I", _exactly(stream, 20)[16:])[0] & 0xFFFF  # the other bits are about checksums
    header = struct.Struct(f"{order}IIII")
    while head := stream.read(header.size):
        if len(head) < header.size:
            raise _cut_off()
        seconds, part, length, _ = header.unpack(head)
        if length > LONGEST_FRAME:
            raise _damaged()
        yield CapturedFrame(seconds + part * unit, link, _exactly(stream, length))


class _Pcapng:
    """Read the blocks of a pcapng file. Its first four bytes have been read."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream, self._order = stream, "<"
        self._interfaces: list[_Interface] = []

    def frames(self) -> Iterator[CapturedFrame]:
        self._begin_section()
        while head := self._stream.read(8):
            if len(head) < 8:
                raise _cut_off()
            kind, length = struct.unpack(f"{self._order}II", head)
            if head[:4] == PCAPNG:
                self._begin_section(head[4:])
            elif (body := self._body(length)) and (frame := self._read(kind, body)) is not None:
                yield frame

    def _begin_section(self, length: bytes = b"") -> None:
        length = length or _exactly(self._stream, 4)
        mark = _exactly(self._stream, 4)
        if mark not in _ORDERS:
            raise _damaged()
        self._order, self._interfaces = _ORDERS[mark], []
        size = struct.unpack(f"{self._order}I", length)[0]
        if size < 28 or size % 4:
            raise _damaged()
        self._pass_over(size - 12)

    def _body(self, length: int) -> bytes:
        """Return a block's contents, empty for one that is too long to be a packet's. It is passed over."""
        if length < 12 or length % 4:
            raise _damaged()
        if length > LONGEST_BLOCK:
            self._pass_over(length - 8)
            return b""
        body = _exactly(self._stream, length - 8)
        if struct.unpack(f"{self._order}I", body[-4:])[0] != length:
            raise _damaged()
        return body[:-4]

    def _pass_over(self, count: int) -> None:
        while count:
            count -= len(_exactly(self._stream, min(count, _PIECE)))

    def _read(self, kind: int, body: bytes) -> CapturedFrame | None:
        try:
            if kind == _INTERFACE:
                self._add_interface(body)
            elif kind == _ENHANCED:
                number, high, low, length = struct.unpack_from(f"{self._order}IIII", body)
                return self._frame(number, high, low, body[20 : 20 + length])
            elif kind == _PACKET:
                number, _, high, low, length = struct.unpack_from(f"{self._order}HHIII", body)
                return self._frame(number, high, low, body[20 : 20 + length])
            elif kind == _SIMPLE:
                length = struct.unpack_from(f"{self._order}I", body)[0]
                return self._frame(0, 0, 0, body[4 : 4 + length])
        except struct.error:
            raise _damaged() from None
        return None

    def _frame(self, number: int, high: int, low: int, raw: bytes) -> CapturedFrame:
        if number >= len(self._interfaces):
            raise _damaged()
        interface = self._interfaces[number]
        return CapturedFrame((high << 32 | low) * interface.unit + interface.offset, interface.link, raw)

    def _add_interface(self, body: bytes) -> None:
        if len(self._interfaces) >= MOST_INTERFACES:
            raise _damaged()
        link, options = struct.unpack_from(f"{self._order}H", body)[0], dict(self._options(body[8:]))
        resolution, offset = options.get(_RESOLUTION, b""), options.get(_OFFSET, b"")
        unit = _unit(resolution[0]) if resolution else 1e-6
        seconds = struct.unpack(f"{self._order}q", offset)[0] if len(offset) == 8 else 0
        self._interfaces.append(_Interface(link, unit, seconds if abs(seconds) < 1 << 40 else 0))

    def _options(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        at = 0
        while at + 4 <= len(data):
            kind, length = struct.unpack_from(f"{self._order}HH", data, at)
            if kind == 0:
                return
            yield kind, data[at + 4 : at + 4 + length]
            at += 4 + length + -length % 4


def _unit(resolution: int) -> float:
    """Return the seconds of one tick. The highest bit says if the number is a power of 2 or of 10."""
    return 2.0 ** -(resolution & 127) if resolution & 128 else 10.0**-resolution


def _exactly(stream: io.BufferedReader, size: int) -> bytes:
    piece = stream.read(size)
    if len(piece) < size:
        raise _cut_off()
    return piece


def _cut_off() -> EOFError:
    return EOFError(tr("The capture ends in the middle of a packet. The packets before it are used."))


def _damaged() -> ResultsError:
    return ResultsError(tr("The capture is damaged at this position. The packets before it are used."))
