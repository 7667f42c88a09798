"""Test that the helper writes no address and no byte of a request, whatever a client sends or an exception says."""

import asyncio
import socket
from collections import Counter

import pytest

from tests.attack.helper_process import HelperProcess, helper_process, question
from tests.attack.malformed_requests import send_malformed, traces

BUGGY = """
import asyncio
from probe.cli import app
from probe.helper import helper_server

SECRET = "127.0.0.9 asked for secret.example"

class Relic:
    def __del__(self):
        raise ValueError(SECRET)

async def forgotten():
    raise KeyError(SECRET)

def callback():
    raise IndexError(SECRET)

async def broken(state, question):
    import logging, warnings
    Relic()
    loop = asyncio.get_running_loop()
    loop.call_soon(callback)
    loop.call_exception_handler({"message": SECRET})
    asyncio.create_task(forgotten())
    logging.getLogger("aiohttp.server").error(SECRET)
    logging.getLogger("asyncio").critical(SECRET)
    warnings.warn(SECRET, ResourceWarning)
    await asyncio.sleep(0.1)
    raise RuntimeError(SECRET)

helper_server.measure_url = broken
app()
"""


def exchange(helper: HelperProcess, raw: bytes, address: str = "127.0.0.9") -> bytes:
    """Send one request and return what comes back until the helper closes the connection."""
    with socket.create_connection(("127.0.0.1", helper.port), timeout=30, source_address=(address, 0)) as sock:
        sock.sendall(raw)
        received = b""
        while chunk := sock.recv(65536):
            received += chunk
        return received


@pytest.mark.timeout(900)
def test_malformed_requests_are_answered_and_leave_no_trace() -> None:
    """Send a part of the 100,000 requests of `make attack`."""
    with helper_process() as helper:
        results = asyncio.run(send_malformed(helper, 2_000, seed=2026))
        found, written = traces(helper, results), helper.written()
    assert found == [] and written == b"", written[:2000]
    assert not results.bugs and not results.hung and results.longest < 30
    assert {400, 404, 413, 417} <= set(results.statuses) and len(results.addresses) == 400
    assert not [status for status in results.statuses if status >= 500]
    assert set(results.servers) == {b"censorprobe"}  # no versions


def test_bug_of_ours_is_written_by_class_and_place_only() -> None:
    asked = question({"http_request": "http://secret.example/"}, path="/", headers="Connection: close\r\n")
    with helper_process(program=("-X", "dev", "-c", BUGGY)) as helper:
        answer = exchange(helper, asked)
        written = helper.written().decode()
    assert b"500" in answer.split(b"\r\n", 1)[0] and b"RuntimeError" in answer
    assert b"secret" not in answer and "secret" not in written and "127.0.0.9" not in written
    classes = Counter(line.removeprefix("probe: a bug in probe: ").split()[0] for line in written.splitlines())
    assert classes == {"ValueError": 1, "KeyError": 1, "IndexError": 1, "RuntimeError": 1}, written


@pytest.mark.parametrize("expected", ["zzz", "caf\xe9", "100-continue, x", "\x80" * 500])
def test_unknown_expectation_is_refused_without_repeating_it(expected: str) -> None:
    with helper_process() as helper:
        answer = exchange(helper, f"POST /x HTTP/1.1\r\nHost: x\r\nExpect: {expected}\r\n\r\n".encode("latin-1"))
        assert helper.written() == b""
    assert answer.startswith(b"HTTP/1.1 417 ") and b"Server: censorprobe\r\n" in answer
    assert expected.encode("latin-1") not in answer


@pytest.mark.parametrize("path", ["/health", "/", "/elsewhere", "/\x7f"])
def test_server_header_has_no_version(path: str) -> None:
    with helper_process() as helper:
        answers = [exchange(helper, f"{method} {path} HTTP/1.0\r\n\r\n".encode()) for method in ("GET", "POST", "BREW")]
    lines = [line for answer in answers for line in answer.split(b"\r\n") if line.lower().startswith(b"server:")]
    assert lines == [b"Server: censorprobe"] * 3
