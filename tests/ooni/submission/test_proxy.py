"""Test sending through proxies: the proxy resolves the name, and nothing goes past it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import certifi
import pytest

from probe.ooni.submission import batch_sending
from probe.ooni.submission.batch_sending import Sent, send_waiting
from probe.ooni.submission.outcomes import Protocol, SubmissionState
from probe.ooni.submission.queue_file import Queue, open_queue
from probe.platforms import event_loop
from tests.ooni.submission.runs import RUN, lines
from tests.support.ooni.collector import Collector, serving
from tests.support.servers.authority import issue
from tests.support.servers.relaying_proxy import RelayingProxy, proxying

NAME = "collector.invalid"  # no resolver knows it (RFC 6761, 6.4)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """Return a server with TLS whose authority the client trusts."""
    monkeypatch.setattr(batch_sending, "BETWEEN_TRIES", 0.01)
    authority = issue("Authority", authority=True)
    roots = tmp_path / "roots.pem"
    roots.write_bytes(authority.pem)
    monkeypatch.setattr(certifi, "where", lambda: str(roots))
    with serving(Collector(), issue(NAME, authority).server_context()) as collector:
        yield collector


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    with open_queue(tmp_path / "results") as opened:
        yield opened


@contextmanager
def proxy_before(server: Collector) -> Iterator[RelayingProxy]:
    with proxying(RelayingProxy(urlsplit(server.address).port or 0)) as proxy:
        yield proxy


def send(queue: Queue, proxy: str) -> Sent:
    return event_loop.run(send_waiting(queue, proxy=proxy, note=lambda *_: None))


KINDS = pytest.mark.parametrize(
    ("scheme", "asked"), [("http", "CONNECT"), ("socks5", "SOCKS5 name"), ("socks5h", "SOCKS5 name")]
)
SOCKS_OR_HTTP = pytest.mark.parametrize("scheme", ["http", "socks5"])


@KINDS
@pytest.mark.parametrize("protocol", list(Protocol))
def test_proxy_gets_the_name_and_the_connection_is_encrypted(
    protocol: Protocol, scheme: str, asked: str, server: Collector, queue: Queue
) -> None:
    queue.add(f"https://{NAME}:8443", protocol, RUN, lines(2))
    with proxy_before(server) as proxy:
        assert send(queue, f"{scheme}://127.0.0.1:{proxy.port}").counts == {SubmissionState.SENT: 2}
    assert set(proxy.asked) == {(asked, NAME, 8443)} and set(server.stored.values()) == {1}
    assert not any("Proxy-Authorization" in headers for _, headers in server.requests)


@SOCKS_OR_HTTP
def test_names_are_never_resolved_here(
    scheme: str, server: Collector, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    usual = socket.getaddrinfo

    def noting(host: object, *more: object, **named: object) -> object:
        asked.append(host)
        return usual(host, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", noting)
    queue.add(f"https://{NAME}:8443", Protocol.SUBMIT, RUN, lines(1))
    with proxy_before(server) as proxy:
        send(queue, f"{scheme}://127.0.0.1:{proxy.port}")
    assert NAME not in asked and proxy.asked


@pytest.mark.parametrize(
    ("scheme", "reason"), [("http", "the proxy answers 403"), ("socks5", "the proxy fails (ProxyError, 2)")]
)
def test_proxy_that_refuses_leaves_everything_waiting(
    scheme: str, reason: str, server: Collector, queue: Queue
) -> None:
    queue.add(f"https://{NAME}:8443", Protocol.SUBMIT, RUN, lines(1))
    with proxy_before(server) as proxy:
        proxy.refuses = True
        sent = send(queue, f"{scheme}://127.0.0.1:{proxy.port}")
    assert sent.troubles == {f"https://{NAME}:8443": reason} and not server.requests
    assert [entry.state for entry in queue.entries()] == ["waiting"]


@pytest.mark.parametrize(
    ("scheme", "reason"), [("http", "Connection refused"), ("socks5", "the proxy fails (ProxyConnectionError, None)")]
)
def test_without_its_proxy_nothing_is_sent(scheme: str, reason: str, server: Collector, queue: Queue) -> None:
    queue.add(f"https://{NAME}:8443", Protocol.SUBMIT, RUN, lines(1))
    with proxy_before(server) as proxy:
        address = f"{scheme}://127.0.0.1:{proxy.port}"
    sent = send(queue, address)
    assert list(sent.troubles.values()) == [reason] and not server.requests


@SOCKS_OR_HTTP
def test_proxy_that_forges_the_certificate_gets_nothing(
    scheme: str, server: Collector, queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "others.pem").write_bytes(issue("Another", authority=True).pem)
    monkeypatch.setattr(certifi, "where", lambda: str(tmp_path / "others.pem"))
    queue.add(f"https://{NAME}:8443", Protocol.SUBMIT, RUN, lines(1))
    with proxy_before(server) as proxy:
        sent = send(queue, f"{scheme}://127.0.0.1:{proxy.port}")
    assert list(sent.troubles.values()) == ["the certificate is not valid"] and not server.requests
    assert [entry.state for entry in queue.entries()] == ["waiting"]
