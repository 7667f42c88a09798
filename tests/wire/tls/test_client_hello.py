"""Test that servers answer a changed hello, and that nothing else of it differs: its length, or one extension."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.tls import server_name
from probe.wire.tls.client_hello import (
    ECH,
    ECH_LENGTHS,
    KEY_SHARE,
    PADDING,
    _taken_apart,
    carries_ech,
    longer,
    shorter,
    with_ech,
    without_ech,
)
from probe.wire.tls.server_name import hello_is_complete, read_hello
from tests.support.lab.hellos import browsers_hello, hello
from tests.support.servers.authority import issue

NAME = "web.telegram.org"
HELLO = hello(NAME)


def server_says(record: bytes) -> bytes:
    """Return the first bytes of an OpenSSL server's answer. Raise ssl.SSLError if it refuses the hello."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = issue(NAME).server_context().wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(record)
    with pytest.raises(ssl.SSLWantReadError):
        server.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("record", [HELLO, longer(HELLO, 4000), shorter(HELLO), with_ech(HELLO)], ids=len)
def test_server_answers_a_hello_of_any_length(record: bytes) -> None:
    assert server_says(record)[:1] == b"\x16"
    assert (read_hello(record).name, hello_is_complete(record)) == (NAME, True)


@pytest.mark.parametrize("size", [1800, 2000, 16384])
def test_padding_gives_the_exact_length(size: int) -> None:
    assert len(longer(HELLO, size)) == size
    assert len(longer(longer(HELLO, 1700), size)) == size  # one padding extension takes the place of another


def test_only_the_length_differs() -> None:
    head, extensions = _taken_apart(HELLO)
    for record in (longer(HELLO, 2000), shorter(HELLO)):
        same, others = _taken_apart(record)
        assert same == head
        changed = {PADDING, KEY_SHARE}
        assert [e for e in others if e[0] not in changed] == [e for e in extensions if e[0] not in changed]
        assert [kind for kind, _ in others if kind != PADDING] == [kind for kind, _ in extensions if kind != PADDING]


def test_longer_hello_remains_unchanged() -> None:
    assert longer(HELLO, 100) == HELLO


def test_small_key_shares_remain() -> None:
    small = shorter(HELLO)
    assert len(small) < 600
    assert shorter(small) == small
    assert dict(_taken_apart(small)[1])[KEY_SHARE] != b"\0\0"


@given(noise=st.binary(max_size=200), cut=st.integers(0, len(HELLO) - 1))
def test_other_bytes_are_refused(noise: bytes, cut: int) -> None:
    for broken in (noise, HELLO[:cut], b"\x16\x03\x01" + noise):
        with pytest.raises(ValueError):
            longer(broken, 2000)
        with pytest.raises(ValueError):
            shorter(broken)


def test_extension_of_ech_has_the_form_of_a_browsers() -> None:
    """Compare all bytes that are not random (RFC 9849 section 5: type, KDF, AEAD, then id, key and payload)."""
    theirs = next(body for kind, body in _taken_apart(browsers_hello(NAME))[1] if kind == ECH)
    ours = dict(_taken_apart(with_ech(HELLO))[1])[ECH]
    assert ours[:5] == theirs[:5] and ours[6:8] == theirs[6:8]
    assert len(ours) in ECH_LENGTHS and len(theirs) in ECH_LENGTHS
    assert int.from_bytes(ours[40:42], "big") == len(ours) - 42 and with_ech(HELLO) != with_ech(HELLO)


def test_ech_is_found_by_us_and_by_the_lab() -> None:
    theirs = browsers_hello(NAME)
    for record, has in ((HELLO, False), (with_ech(HELLO), True), (theirs, True), (without_ech(theirs), False)):
        assert carries_ech(record) is server_name.carries_ech(record) is has
    assert not carries_ech(b"") and not carries_ech(theirs[:-1])


def test_without_ech_only_padding_takes_its_place() -> None:
    for theirs in (browsers_hello(NAME) for _ in range(8)):
        head, extensions = _taken_apart(theirs)
        same, others = _taken_apart(without_ech(theirs))
        assert same == head
        assert others[:-1] == [one for one in extensions if one[0] not in {ECH, PADDING}]
        assert others[-1][0] == PADDING and not any(others[-1][1])
        removed = len(dict(extensions)[ECH])
        assert len(without_ech(theirs)) == len(theirs) + max(ECH_LENGTHS) - removed  # never shorter than a browser's


def test_hello_without_ech_is_as_long_as_any_browsers() -> None:
    longest = max(len(browsers_hello(NAME)) for _ in range(32))
    assert all(len(without_ech(browsers_hello(NAME))) >= longest for _ in range(8))
