"""Test that one HTTP response is cut out of a stream in pieces of any size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.http1 import LONGEST_HEAD, OneAnswer

HEAD = b"HTTP/1.1 403 Forbidden\r\nServer: x\r\ncontent-length: 5\r\n\r\n"


def passed(stream: bytes, size: int) -> bytes:
    answer = OneAnswer()
    return b"".join(answer.feed(stream[at : at + size]) for at in range(0, len(stream), size))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("stream", "kept"),
    [
        (HEAD + b"12345 and more", HEAD + b"12345"),
        (HEAD.replace(b"\r", b"") + b"12345 and more", HEAD.replace(b"\r", b"") + b"12345"),
        (HEAD + b"123", HEAD + b"123"),
        (
            b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + HEAD + b"123456",
            b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + HEAD + b"12345",
        ),
    ],
)
def test_response_ends_at_content_length(stream: bytes, kept: bytes, size: int) -> None:
    assert passed(stream, size) == kept


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"x" * (LONGEST_HEAD + 2000) + b"\r\nContent-Length: 1\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"\r\n\r\n",
    ],
)
def test_response_without_a_length_is_not_cut(head: bytes) -> None:
    assert passed(head + b"whatever comes", 1000) == head + b"whatever comes"


@given(st.binary(max_size=300), st.integers(1, 40))
def test_any_bytes_are_cut_only_at_the_end(stream: bytes, size: int) -> None:
    assert stream.startswith(passed(stream, size))
