"""Test which requests the server refuses, and what refusals and answers reveal."""

import asyncio
import logging
import secrets
from pathlib import Path

import pytest

from probe.explore.explorer_access import ExplorerAccess
from tests.explore.served import Served, serving

ADDRESSES = ("/", "/api/v1/cells", "/api/v1/verdicts", "/api/v1/store", "/api/v1/openapi.json", "/nothing")


@pytest.mark.parametrize("path", ADDRESSES)
@pytest.mark.parametrize("query", [{}, {"token": ""}, {"token": "x" * 43}])
async def test_request_without_token_is_refused(store: Path, path: str, query: dict[str, str]) -> None:
    async with serving(store) as served:
        answer = await served.send("GET", path, query)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        wrong = await served.send("GET", path, {}, {"Authorization": f"Bearer {served.token}x"})
        assert wrong.status == 401
        twice = await served.send("GET", path, [("token", served.token), ("token", "x")])
        assert twice.status == 401


async def test_token_is_accepted_in_query_and_header(store: Path) -> None:
    async with serving(store) as served:
        by_query = await served.send("GET", "/api/v1/store", {"token": served.token})
        by_header = await served.get("/api/v1/store")
        assert (by_query.status, by_header.status) == (200, 200)
        assert by_query.headers["Cache-Control"] == "no-store"
        assert by_header.headers["Cache-Control"] == "private, no-cache"


def test_tokens_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr(secrets, "compare_digest", compare)
    access = ExplorerAccess(1, "secret")
    assert access.knows_token("token=secret", {})
    assert not access.knows_token("token=wrong", {})
    assert compared == [(b"secret", b"secret"), (b"wrong", b"secret")]


@pytest.mark.parametrize(
    "host", ["attacker.example", "attacker.example:{port}", "127.0.0.1", "127.0.0.1:1", "[::1]:{port}"]
)
async def test_other_host_is_refused(store: Path, host: str) -> None:
    async with serving(store) as served:
        answer = await served.get("/api/v1/store", Host=host.format(port=served.port))
        assert answer.status == 421
        assert (await served.get("/api/v1/store", Host=f"localhost:{served.port}")).status == 200


@pytest.mark.parametrize("origin", ["https://attacker.example", "null", "http://127.0.0.1", "http://127.0.0.1:1"])
async def test_other_origin_is_refused(store: Path, origin: str) -> None:
    async with serving(store) as served:
        assert (await served.get("/api/v1/store", Origin=origin)).status == 403
        assert (await served.get("/api/v1/store", Origin=served.address)).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
async def test_other_methods_are_refused(store: Path, method: str) -> None:
    async with serving(store) as served:
        for path in ("/", "/api/v1/verdicts"):
            answer = await served.get(path, method=method)
            assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
            assert "This server changes nothing" in answer.text()


async def test_head_has_headers_and_no_body(store: Path) -> None:
    async with serving(store) as served:
        whole, head = await served.get("/api/v1/store"), await served.get("/api/v1/store", method="HEAD")
        assert (head.status, head.body) == (200, b"")
        assert {name: head.headers[name] for name in ("ETag", "Content-Length")} == {
            name: whole.headers[name] for name in ("ETag", "Content-Length")
        }


@pytest.mark.parametrize(
    "path", ["/../store.sqlite", "/..%2f..%2fetc/passwd", "/api/v1/%2e%2e/store.sqlite", "//etc/passwd"]
)
async def test_no_file_can_be_reached(store: Path, path: str) -> None:
    async with serving(store) as served:
        request = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nAuthorization: Bearer {served.token}\r\n\r\n"
        )
        assert (await raw(served, request)).startswith(b"HTTP/1.1 404 ")


async def test_long_address_is_refused_without_repeating_it(store: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(store) as served:
        request = f"GET /?token={served.token}&by={'x' * 20_000} HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n\r\n"
        answer = await raw(served, request)
        assert answer.startswith(b"HTTP/1.0 400 ")
        assert served.token.encode() not in answer
        assert b"nosniff" in answer
        assert (await served.get("/api/v1/cells", {"by": "x" * 501})).status == 400
    assert caplog.text == ""


async def raw(served: Served, request: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(request.encode())
    await writer.drain()
    answer = await reader.read(4096)
    writer.close()
    return answer


async def test_every_response_has_headers_of_a_local_page(store: Path) -> None:
    async with serving(store) as served:
        answers = [await served.get(path) for path in ADDRESSES]
        answers.append(await served.send("GET", "/"))
        answers.append(await served.get("/api/v1/cells", {"limit": "0"}))
        for answer in answers:
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
            assert "Access-Control-Allow-Origin" not in answer.headers


async def test_nothing_is_logged(
    store: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(store) as served:
        monkeypatch.setattr("probe.explore.explorer.facts_of", lambda _: 1 // 0)
        assert (await served.get("/api/v1/store")).status == 500
        await served.send("GET", "/", {"token": served.token, "by": "nothing"})
        await raw(served, f"NONSENSE {served.token}\r\n\r\n")
        token = served.token
    out, err = capfd.readouterr()
    assert err.startswith("probe: a bug in probe: ZeroDivisionError")
    assert token not in caplog.text + out + err


async def test_idle_connections_do_not_exhaust_the_server(store: Path) -> None:
    async with serving(store) as served:
        idle = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(200)]
        assert (await served.get("/api/v1/store")).status == 200
        for _, writer in idle:
            writer.close()


async def test_store_is_not_written(store: Path) -> None:
    def files() -> dict[str, tuple[int, int]]:
        return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(store.rglob("*"))}

    before = files()
    async with serving(store) as served:
        for path in ADDRESSES:
            await served.get(path)
    assert files() == before
