"""Generate malformed and hostile requests from a seed."""

import gzip
import json
import random
from collections.abc import Callable

MARK = b"ZQXJKVMARK"  # in every request, so that a search finds any quotation of it


def malformed(random_source: random.Random) -> bytes:
    """Return one request that is wrong in one or several ways. It may also be valid, or only the half of one."""
    raw = random_source.choice(KINDS)(random_source)
    if random_source.random() < 0.2:
        raw = _damaged(random_source, raw)
    return raw


def _damaged(source: random.Random, raw: bytes) -> bytes:
    """Cut, double, change or insert bytes."""
    at = source.randrange(len(raw) + 1)
    way = source.randrange(4)
    if way == 0:
        return raw[:at]
    if way == 1:
        return raw + raw[at:]
    if way == 2:
        return raw[:at] + source.randbytes(source.randrange(1, 9)) + raw[at:]
    return raw[:at] + source.choice((b"\0", b"\r", b"\n", b"\x80", b" ", b":")) + raw[at + 1 :]


def _post(path: bytes, body: bytes, *lines: bytes, length: int | None = None) -> bytes:
    sized = b"Content-Length: %d" % (len(body) if length is None else length)
    return b"\r\n".join([b"POST " + path + b" HTTP/1.1", b"Host: " + MARK, sized, *lines, b"", body])


def _path(source: random.Random) -> bytes:
    return source.choice((b"/", b"/v1/measure"))


def _question(source: random.Random) -> bytes:
    values = (
        None,
        True,
        1e999,
        -1,
        2**70,
        "",
        MARK.decode(),
        "telegran",
        "\ud800",
        [],
        {},
        [[]],
        {"a": {}},
        ["web"] * 3,
    )
    names = ("target", "url", "services", "addresses", "fresh", "http_request", "http_request_headers", "tcp_connect")
    asked = {name: source.choice(values) for name in names if source.random() < 0.4}
    asked[source.choice((*names, "x_quic_enabled"))] = MARK.decode()
    return json.dumps(asked).encode()


def _bad_method(source: random.Random) -> bytes:
    method = source.choice((MARK, b"", b"POST\0", b"P OST", b"\xff\xfe", b"CONNECT", b"PRI", b"G" * 300))
    return method + b" /" + MARK + b" HTTP/1.1\r\nHost: " + MARK + b"\r\n\r\n"


def _bad_version(source: random.Random) -> bytes:
    version = source.choice((b"HTTP/9.9", b"HTTP/1.", MARK, b"HTTP/2.0", b"http/1.1", b"", b"HTTP/1.1 x", b"HTTP/0.9"))
    return b"GET /" + MARK + b" " + version + b"\r\nHost: x\r\n\r\n"


def _bad_chunk(source: random.Random) -> bytes:
    size = source.choice((b"zz", b"-1", b"", b"ffffffffffffffffffff", b"5;" + MARK, b"1\0"))
    head = b"POST " + _path(source) + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    return head + b"\r\n" + size + b"\r\n" + MARK + b"\r\n0\r\n\r\n"


def _broken_compression(source: random.Random) -> bytes:
    packed = bytearray(gzip.compress(MARK * 50, mtime=0))
    packed[source.randrange(len(packed))] ^= 0xFF
    coding = source.choice((b"gzip", b"deflate", b"br", b"zstd", b"gzip, gzip", MARK))
    return _post(_path(source), bytes(packed), b"Content-Encoding: " + coding)


def _bomb(source: random.Random) -> bytes:
    return _post(_path(source), gzip.compress(MARK * 100_000, mtime=0), b"Content-Encoding: gzip")


def _huge_header(source: random.Random) -> bytes:
    size = source.choice((8_000, 9_000, 70_000))
    return _post(_path(source), b"{}", b"X-Long: " + MARK + b"a" * size)


def _many_headers(source: random.Random) -> bytes:
    return _post(_path(source), b"{}", *(b"X-%d: " % number + MARK for number in range(source.choice((100, 500)))))


def _nul(source: random.Random) -> bytes:
    return source.choice((b"\0" + MARK, b"GET /\0" + MARK + b" HTTP/1.1\r\n\r\n", _post(b"/", b"\0", b"X: \0" + MARK)))


def _half(source: random.Random) -> bytes:
    whole = _post(_path(source), MARK * 10, length=source.choice((10**3, 10**9, 10**30)))
    return whole[: source.randrange(1, len(whole))]


def _tls_hello(source: random.Random) -> bytes:
    name = MARK
    return (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + source.randbytes(32) + b"\x20" + name + source.randbytes(40)
    )


def _wrong_json(source: random.Random) -> bytes:
    depth = source.choice((10, 985, 20_000))
    texts = (b"{", b"[" * depth, b'{"target": "' + MARK, b"\xff\xfe", MARK, b"NaN", b'{"a":' * depth, _question(source))
    return _post(_path(source), source.choice(texts), b"Content-Type: " + MARK)


def _odd_headers(source: random.Random) -> bytes:
    lines = (
        b"Expect: " + MARK,
        b"Expect: 100-continue",
        b"Upgrade: websocket\r\nConnection: upgrade",
        b"Transfer-Encoding: " + MARK,
        b"Transfer-Encoding: chunked",
        b"Content-Length: 7",
        b"Content-Type: multipart/form-data; boundary=" + MARK,
        b"Cookie: " + MARK + b"=\x80",
        b"Accept-Encoding: \x80, gzip",
        b"Forwarded: for=" + MARK,
        b"X-Forwarded-For: 192.0.2.1, " + MARK,
        b": empty",
        b" folded: " + MARK,
        b"If-Modified-Since: " + MARK,
        b"Range: bytes=" + MARK,
        b"Connection: keep-alive",
    )
    return _post(_path(source), _question(source), *source.sample(lines, source.randrange(1, 4)))


def _odd_target(source: random.Random) -> bytes:
    target = source.choice(
        (
            b"*",
            b"//" + MARK,
            b"http://[::1",
            b"http://" + MARK + b":99999/",
            b"/%zz%00" + MARK,
            b"?" + MARK,
            b"/" + b"../" * 900,
        )
    )
    method = source.choice((b"GET", b"POST", b"OPTIONS", b"HEAD", b"DELETE"))
    return method + b" " + target + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"


def _pipelined(source: random.Random) -> bytes:
    one = b"GET /health HTTP/1.1\r\nHost: " + MARK + b"\r\n\r\n"
    return one * source.randrange(2, 60) + source.choice(KINDS[:-1])(source)


def _noise(source: random.Random) -> bytes:
    return source.randbytes(source.randrange(1, 200)) + MARK


KINDS: tuple[Callable[[random.Random], bytes], ...] = (
    _bad_method,
    _bad_version,
    _bad_chunk,
    _broken_compression,
    _bomb,
    _huge_header,
    _many_headers,
    _nul,
    _half,
    _tls_hello,
    _wrong_json,
    _odd_headers,
    _odd_target,
    _noise,
    _pipelined,
)
