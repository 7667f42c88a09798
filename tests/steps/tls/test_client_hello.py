"""Test other client hellos: a browser's leads to the same results as OpenSSL's, and a resized one is answered."""

import base64
import ssl
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from probe.formats import failures as f
from probe.lab.services.dns.ech_records import config_list
from probe.session.classify import LocalFailure
from probe.steps.tls.certificate_checks import Roots, load_roots
from probe.steps.tls.client_hello import (
    ONE_SEGMENT,
    OWN,
    RESIZED,
    TWO_SEGMENTS,
    WITH_ECH,
    Hello,
    browser_hello,
    browser_hello_with_key,
    browser_hello_without_ech,
)
from probe.wire.tls.client_hello import ECH, _taken_apart
from tests.steps.tls.test_tls import GOOD, MIDDLE, NAME, ROOT, ders, handshake
from tests.support.hpke import opened
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


PUBLIC = "public.example"
SERVERS_KEY = X25519PrivateKey.generate()
CONFIGS = config_list(PUBLIC, SERVERS_KEY.public_key().public_bytes_raw())


def encrypted(hello: bytes) -> tuple[bytes, bytes]:
    """Return the encapsulated key and the payload of an outer hello (RFC 9849 section 5)."""
    extension = dict(_taken_apart(hello)[1])[ECH]
    assert extension[:5] == bytes([0, 0, 1, 0, 1]) and extension[5] == 1  # outer, the suite, the configuration's id
    size = int.from_bytes(extension[6:8], "big")
    return extension[8 : 8 + size], extension[10 + size :]


async def test_hello_with_a_key_shows_the_public_name_and_only_the_server_can_read_the_other(roots: Roots) -> None:
    hellos: list[bytes] = []

    async def keep(peer: Peer) -> None:
        hellos.append(await peer.receive())
        peer.reset()

    entry = await handshake(keep, roots, hello=browser_hello_with_key(CONFIGS))
    assert NAME.encode() not in hellos[0] and PUBLIC.encode() in hellos[0]
    enc, payload = encrypted(hellos[0])
    outer = hellos[0][9:].replace(payload, bytes(len(payload)))  # RFC 9849 section 5.2
    inner = opened(SERVERS_KEY, enc, payload, b"tls ech\0" + CONFIGS[2:], outer)
    assert NAME.encode() in inner
    with pytest.raises(InvalidTag):
        opened(X25519PrivateKey.generate(), enc, payload, b"tls ech\0" + CONFIGS[2:], outer)
    assert (entry.server_name, entry.outer_server_name) == (NAME, PUBLIC)
    assert entry.echconfig == base64.b64encode(CONFIGS).decode() and entry.x_engine.endswith(", with a key")
    assert (entry.failure, entry.x_ech_accepted) == (f.RESET, None)


async def test_server_without_the_key_is_recorded_as_one_that_rejects(roots: Roots) -> None:
    context = issue(PUBLIC, ROOT).server_context()
    entry = await handshake(tls_with(context), roots, hello=browser_hello_with_key(CONFIGS))
    assert entry.failure == "unknown_failure: tls: server rejected ECH"
    assert (entry.x_ech_accepted, entry.x_answered, entry.x_completed) == (False, True, False)
    assert len(ders(entry)) == 1


@pytest.mark.parametrize("accepted", [True, False])
async def test_word_of_the_library_is_recorded(roots: Roots, accepted: bool) -> None:
    """Replace only what the library says, because no library at hand has a server for Encrypted ClientHello."""

    class Accepting:
        def __init__(self, engine: Any) -> None:
            self._engine = engine

        def ech_accepted(self) -> bool:
            return accepted

        def __getattr__(self, name: str) -> Any:
            return getattr(self._engine, name)

    def opened_by(name: str | None, alpn: tuple[str, ...]) -> Any:
        incoming, outgoing, engine = browser_hello().opened(name, alpn)
        return incoming, outgoing, Accepting(engine)

    hello = Hello("utls", opened_by, ech_configs=CONFIGS)
    entry = await handshake(tls_with(GOOD.server_context(MIDDLE)), roots, hello=hello)
    assert (entry.failure, entry.x_ech_accepted) == (None, accepted)


@pytest.mark.parametrize(
    "configs", [b"", b"\0\0", CONFIGS[:-1], config_list(PUBLIC, b"short")], ids=["none", "empty", "cut", "key"]
)
def test_unusable_key_is_a_local_failure(configs: bytes) -> None:
    with pytest.raises(LocalFailure, match="key for ECH not usable"):
        browser_hello_with_key(configs)


def test_without_utls_no_key_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "utls", None)
    with pytest.raises(LocalFailure, match="utls is not installed"):
        browser_hello_with_key(CONFIGS)


async def test_other_hellos_have_no_key(roots: Roots) -> None:
    for hello in (OWN, browser_hello(), WITH_ECH):
        entry = await handshake(tls_with(GOOD.server_context(MIDDLE)), roots, hello=hello, check=False)
        assert (entry.outer_server_name, entry.x_ech_accepted) == (None, None)
        written = entry.model_dump(mode="json")
        assert "outer_server_name" not in written and "x_ech_accepted" not in written
