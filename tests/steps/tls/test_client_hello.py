"""Test other client hellos: a browser's leads to the same results as OpenSSL's, and a resized one is answered."""

import ssl
import sys
from pathlib import Path

import pytest

from probe.formats import failures as f
from probe.session.classify import LocalFailure
from probe.steps.tls.certificates import Roots, load_roots
from probe.steps.tls.client_hello import (
    ONE_SEGMENT,
    OWN,
    RESIZED,
    TWO_SEGMENTS,
    WITH_ECH,
    browser_hello,
    browser_hello_without_ech,
)
from tests.steps.tls.test_tls import GOOD, MIDDLE, NAME, ROOT, ders, handshake
from tests.support.servers.authority import issue
from tests.support.servers.loopback import Peer, tls_with


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    (tmp_path / "public.pem").write_bytes(ROOT.pem)
    return load_roots(str(tmp_path / "public.pem"))


async def reset(peer: Peer) -> None:
    await peer.receive()
    peer.reset()


async def text(peer: Peer) -> None:
    await peer.receive()
    await peer.send(b"HTTP/1.1 403 Forbidden\r\n\r\n")


async def silence(peer: Peer) -> None:
    await peer.reader.read()


async def test_browser_hello_completes_handshake_and_keeps_chain(roots: Roots) -> None:
    own, browser = [
        await handshake(tls_with(GOOD.server_context(MIDDLE)), roots, hello=h) for h in (OWN, browser_hello())
    ]
    assert (browser.failure, browser.x_completed, browser.x_answered) == (None, True, True)
    assert ders(browser) == ders(own)
    assert (browser.tls_version, browser.cipher_suite) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384")
    assert browser.x_engine.startswith("utls chrome:stable ja4=t13d") and own.x_engine == "openssl"
    assert browser.x_client_hello_length > 1400


async def test_browser_hello_works_with_tls_1_2(roots: Roots) -> None:
    context = GOOD.server_context(MIDDLE)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    entry = await handshake(tls_with(context), roots, hello=browser_hello())
    assert (entry.failure, entry.tls_version) == (None, "TLSv1.2")
    assert entry.cipher_suite.startswith("TLS_ECDHE_")


async def test_browser_hello_has_same_failures(roots: Roots) -> None:
    unknown = issue(NAME).server_context()
    for handler in (reset, text, silence, tls_with(unknown), tls_with(issue("other.example", ROOT).server_context())):
        own, browser = [await handshake(handler, roots, hello=h, timeout=0.3) for h in (OWN, browser_hello())]
        assert own.failure is not None
        assert (browser.failure, ders(browser)) == (own.failure, ders(own)), handler


async def test_resized_hello_is_answered(roots: Roots) -> None:
    own, other = [
        await handshake(tls_with(GOOD.server_context(MIDDLE)), roots, hello=h, check=False) for h in (OWN, RESIZED)
    ]
    assert (other.failure, other.x_answered) == (None, True)
    assert other.x_engine == "openssl, resized"
    if own.x_client_hello_length > ONE_SEGMENT:  # OpenSSL from 3.5 on
        assert other.x_client_hello_length < 600
    else:
        assert other.x_client_hello_length == TWO_SEGMENTS


async def test_entry_says_whether_the_hello_carried_ech(roots: Roots) -> None:
    for hello, has in (
        (OWN, None),
        (WITH_ECH, "GREASE"),
        (browser_hello(), "GREASE"),
        (browser_hello_without_ech(), None),
    ):
        entry = await handshake(tls_with(GOOD.server_context(MIDDLE)), roots, hello=hello, check=False)
        assert (entry.failure, entry.x_answered, entry.echconfig) == (None, True, has), hello.engine
        assert ("echconfig" in entry.model_dump(mode="json")) == (has is not None)
        unanswered = await handshake(silence, roots, hello=hello, check=False, timeout=0.2)
        assert (unanswered.failure, unanswered.echconfig) == (f.TIMEOUT, has)


async def test_browser_hello_without_ech_is_no_shorter_and_names_the_change(roots: Roots) -> None:
    theirs, without = [
        await handshake(tls_with(GOOD.server_context(MIDDLE)), roots, hello=h, check=False)
        for h in (browser_hello(), browser_hello_without_ech())
    ]
    assert without.x_client_hello_length >= theirs.x_client_hello_length
    assert without.x_engine == f"{theirs.x_engine}, without ECH"


async def test_missing_utls_is_local_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "utls", None)
    with pytest.raises(LocalFailure) as fault:
        browser_hello()
    assert fault.value.failure == f.NO_FINGERPRINT
    assert f.is_local(f.NO_FINGERPRINT)
