"""Test our DTLS hellos against OpenSSL's server, and OpenSSL's client against the helper's DTLS port, on loopback."""

import asyncio
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from probe.helper.dtls_port import DTLSPort
from probe.wire.dtls.client_hello import SHAPES, HelloWriter, Shape
from probe.wire.dtls.records import DTLS_1_0, DTLS_1_2
from probe.wire.dtls.server_answers import FirstAnswer, parse_answer

PATIENCE = 10.0  # seconds until the server has started
WAIT = 0.2  # seconds between two datagrams


@pytest.fixture
def server(tmp_path: Path) -> Iterator[int]:
    """Run OpenSSL's server with cookies and yield its port. It serves one client."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["-keyout", str(key), "-out", str(certificate), "-subj", "/CN=dtls.example", "-days", "2"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", *made],
        check=True,
        capture_output=True,
        timeout=60,
    )
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    options = ["-dtls1_2", "-listen", "-accept", f"127.0.0.1:{port}", "-cert", str(certificate), "-key", str(key)]
    command = ["openssl", "s_server", *options]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet) as process:
        yield port
        process.kill()


def ask(client: socket.socket, datagram: bytes) -> FirstAnswer:
    """Send a datagram until an answer arrives. A server that has not started answers with ICMP."""
    for _ in range(int(PATIENCE / WAIT)):
        try:
            client.send(datagram)
            return parse_answer(client.recv(4096))
        except TimeoutError:
            continue
        except ConnectionRefusedError:
            time.sleep(WAIT)
    raise TimeoutError(f"no answer in {PATIENCE} s")


@pytest.mark.parametrize("shape", SHAPES)
def test_hello_gets_a_cookie_and_with_it_a_server_hello(server: int, shape: Shape) -> None:
    hello = HelloWriter.new(shape)
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as client:
        client.connect(("127.0.0.1", server))
        client.settimeout(WAIT)
        first = ask(client, hello.first())
        assert (first.kind, first.version) == ("verify_request", DTLS_1_0) and first.cookie
        second = ask(client, hello.with_cookie(first.cookie))
    assert (second.kind, second.version) == ("server_hello", DTLS_1_2)
    assert hello.offers(second.suite)


async def test_client_sends_the_helpers_cookie_back_and_understands_the_alert() -> None:
    port = DTLSPort(0)
    await port.open("127.0.0.1")
    command = ["openssl", "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{port.port}"]
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        out, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    finally:
        port.close()
    seen = out.decode("latin-1")
    assert "SSL alert number 40" in seen and process.returncode == 1
    assert "has read 59 bytes" in seen  # 44 of HelloVerifyRequest, and the alert after the second hello
