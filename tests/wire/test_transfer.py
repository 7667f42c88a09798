"""Test the frames of a transfer: every way of cutting a stream gives the same frames, and other bytes are refused."""

import pytest

from probe.signatures.silent_streams import LARGEST_FRAME
from probe.wire.transfer import (
    BUSY,
    DATA,
    END,
    HEADER,
    FrameReader,
    SenderCounters,
    request_path,
    requested_token,
    write_frame,
)

FIRST, LAST = SenderCounters(12, 1, 40_000, 20_000), SenderCounters(None, None, None, None)
STREAM = (
    write_frame(DATA, bytes(100), 123, FIRST) + write_frame(DATA, b"", 146, FIRST) + write_frame(END, b"", 169, LAST)
)


@pytest.mark.parametrize("size", [1, 2, 7, HEADER, HEADER + 1, 99, len(STREAM)])
def test_stream_is_read_in_pieces_of_any_size(size: int) -> None:
    reader, seen = FrameReader(), []
    for start in range(0, len(STREAM), size):
        assert not reader.ended
        reader.feed(STREAM[start : start + size])
        if reader.newest is not None and reader.newest not in seen:
            seen.append(reader.newest)
    assert reader.ended and seen[-1] == (END, 0, 169, LAST)
    assert size > HEADER or [frame[:3] for frame in seen] == [(DATA, 100, 123), (DATA, 0, 146), (END, 0, 169)]
    assert size > HEADER or seen[0].known == FIRST


def test_refusal_ends_the_transfer() -> None:
    reader = FrameReader()
    reader.feed(write_frame(BUSY, b"", 0, SenderCounters()))
    assert reader.ended and reader.newest is not None and reader.newest.kind == BUSY


@pytest.mark.parametrize("raw", [b"\0" * HEADER, b"GET / HTTP/1.1\r\nHost: x\r\n", b"\1\xff\xff" + bytes(HEADER)])
def test_other_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="a frame of kind"):
        FrameReader().feed(raw)
    assert int.from_bytes(b"\xff\xff", "big") > LARGEST_FRAME


def test_token_of_a_request_is_read() -> None:
    token = bytes(range(12))
    head = f"GET {request_path(token)} HTTP/1.1\r\nHost: a.example\r\n\r\n".encode()
    assert requested_token(head) == token


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"GET / HTTP/1.1\r\n",
        b"GET /zz HTTP/1.1\r\n",
        b"GET /abc HTTP/1.1\r\n",
        b"POST /ab HTTP/1.1\r\n",
        b"\x16\x03",
    ],
)
def test_other_requests_have_no_token(head: bytes) -> None:
    assert requested_token(head) == b""
