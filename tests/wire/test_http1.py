"""Test that a request is written and one response is read out of a stream in pieces of any size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.http1 import LONGEST_CHUNK_LINE, LONGEST_HEAD, HTTP1Exchange, MalformedResponse, NotHTTP

PAGE = b"<title>Blocked</title>"
LENGTH = b"Content-Length: %d\r\n" % len(PAGE)
HEAD = b"HTTP/1.1 403 Forbidden\r\nServer: x\r\n" + LENGTH + b"\r\n"
CHUNKED = b"HTTP/1.1 403 X\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKS = b"b\r\n<title>Bloc\r\nb\r\nked</title>\r\n0\r\n\r\n"

each_size = pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])


def read(stream: bytes, size: int = 1000, method: str = "GET", end: bool = True) -> HTTP1Exchange:
    """Read a stream up to its end in pieces of `size` bytes."""
    exchange = HTTP1Exchange(method, "/", {"Host": "a.example"})
    for at in range(0, len(stream), size):
        exchange.feed(stream[at : at + size])
    if end:
        exchange.feed(b"")
    elif exchange.status is not None:
        exchange.read_body()
    return exchange


def test_request_is_written_in_the_given_order_and_case() -> None:
    headers = {"Host": "a.example", "User-Agent": "x", "accept": "*/*", "Referer": "", "Content-Length": "3"}
    assert HTTP1Exchange("POST", "/a?b=%7e", headers, b"abc").request == (
        b"POST /a?b=%7e HTTP/1.1\r\nHost: a.example\r\nUser-Agent: x\r\naccept: */*\r\nReferer: \r\n"
        b"Content-Length: 3\r\n\r\nabc"
    )


@each_size
@pytest.mark.parametrize(
    "stream",
    [
        HEAD + PAGE,
        HEAD + PAGE + b" and more",
        HEAD.replace(b"\r", b"") + PAGE,
        b"\r\n\n" + HEAD + PAGE,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + HEAD + PAGE + b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.0 403\r\n\r\n" + PAGE,
        CHUNKED + CHUNKS,
        CHUNKED + CHUNKS + b"HTTP/1.1 200 OK\r\n\r\n",
        CHUNKED.replace(b"chunked", b"gzip, Chunked") + CHUNKS,
        CHUNKED.replace(b"chunked", b"identity") + PAGE,
        CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n") + CHUNKS,
        HEAD.replace(LENGTH, LENGTH * 2) + PAGE,
        HEAD.replace(b":", b" \t:") + PAGE,
        HEAD.replace(b"Server: x\r\n", b" Server: x\r\n") + PAGE,
        HEAD.replace(b": x", b": \0\v\f\x01\xff\r\n \r\n x") + PAGE,
    ],
)
def test_page_is_read(stream: bytes, size: int) -> None:
    exchange = read(stream, size)
    assert (exchange.status, bytes(exchange.body), exchange.ended) == (403, PAGE, True)


@pytest.mark.parametrize("start", [b"HTTP/1.1 204 X", b"HTTP/1.1 304 X", b"HTTP/1.1 101 X"])
@pytest.mark.parametrize("fields", [b"", LENGTH, b"Transfer-Encoding: chunked\r\n"])
def test_status_without_a_body_ends_at_the_head(start: bytes, fields: bytes) -> None:
    exchange = read(start + b"\r\n" + fields + b"\r\n" + PAGE, end=False)
    assert (exchange.status, exchange.body, exchange.ended) == (int(start[9:12]), b"", True)


def test_head_request_has_no_body() -> None:
    assert read(HEAD + PAGE, method="HEAD", end=False).ended


@pytest.mark.parametrize(
    ("stream", "status"), [(HEAD.replace(b"403", b"099"), 99), (HEAD.replace(b"1.1", b"2.0"), 403)]
)
def test_odd_status_line_is_read(stream: bytes, status: int) -> None:
    assert read(stream + PAGE).status == status


def test_fields_are_kept_as_received() -> None:
    fields = b"X-A: 1\r\nx-a:  2 \r\n \t3\r\nServer: \xd0\xb4\xff\r\nTransfer-Encoding: GZIP\r\n"
    assert read(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n").headers == [
        ("X-A", "1"),
        ("x-a", "2  3"),
        ("Server", "д\udcff"),
        ("Transfer-Encoding", "GZIP"),
    ]


@each_size
@pytest.mark.parametrize(
    "stream",
    [
        b"SSH-2.0-x",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"<html>",
        b" HTTP/1.1 200 OK",
        b"http/1.1 200 OK",
        b"HTTP/1.1  200 OK",
        b"HTTP/1.1 2x",
        b"HTTP/1.1 2000",
        b"HTTP/1.1\r",
        b"RTSP/1.0 200 OK",
    ],
)
def test_stream_without_a_status_line_is_no_http(stream: bytes, size: int) -> None:
    with pytest.raises(NotHTTP):
        read(stream, size, end=False)


@each_size
@pytest.mark.parametrize(
    "stream",
    [
        b"HTTP/1.1 200 OK\r\n\xff",
        b"HTTP/1.1 200 OK\r\n: x",
        b"HTTP/1.1 200 OK\r\nblocked\r\n",
        b"HTTP/1.1 200 OK\r\nblocked by us",
        b"HTTP/1.1 200 OK\r\nA: b\r\nX/Y: z",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        CHUNKED + b"zz\r\n" + PAGE,
        CHUNKED + b"1;" + b" " * 2 * LONGEST_CHUNK_LINE,
    ],
)
def test_malformed_response_is_found_before_the_stream_ends(stream: bytes, size: int) -> None:
    with pytest.raises(MalformedResponse):
        read(stream, size, end=False)


def test_head_without_end_is_malformed() -> None:
    with pytest.raises(MalformedResponse):
        read(b"HTTP/1.1 200 OK\r\nX: " + b"x" * LONGEST_HEAD, end=False)


@each_size
@pytest.mark.parametrize("stream", [b"", b"HTTP/1", HEAD[:-2], HEAD + PAGE[:-1], CHUNKED + CHUNKS[:-2]])
def test_response_that_breaks_off_is_an_end(stream: bytes, size: int) -> None:
    with pytest.raises(EOFError):
        read(stream, size)


def test_head_outlasts_a_malformed_body() -> None:
    exchange = HTTP1Exchange("GET", "/", {"Host": "a.example"})
    exchange.feed(CHUNKED + b"3\r\nabc\r\nzz\r\n")
    with pytest.raises(MalformedResponse):
        exchange.read_body()
    assert (exchange.status, exchange.body) == (403, b"abc")


@given(st.binary(max_size=300), st.integers(1, 40), st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", HEAD, CHUNKED]))
def test_any_bytes_are_read_or_rejected(stream: bytes, size: int, start: bytes) -> None:
    try:
        exchange = read(start + stream, size)
    except (NotHTTP, MalformedResponse, EOFError):
        return
    assert exchange.ended
