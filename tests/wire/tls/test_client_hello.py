"""Test that servers answer a longer or shorter hello, and that it differs only in its length."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.lab.censors.kit.server_name import hello_is_complete, read_hello
from probe.wire.tls.client_hello import KEY_SHARE, PADDING, _taken_apart, longer, shorter
from tests.support.lab.hellos import hello
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


@pytest.mark.parametrize("record", [HELLO, longer(HELLO, 4000), shorter(HELLO)], ids=len)
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
