"""Test that the name in a hello is found in any segments and records, and nothing else is taken for it."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from probe.lab.censors.kit.flows import MOST_BYTES, MOST_FLOWS, Streams
from probe.lab.censors.kit.name_patterns import matches
from probe.wire.tls.server_name import carries_ech, hello_is_complete, read_hello
from tests.support.lab.hellos import browsers_hello, data, hello, in_records, syn

HELLO = hello("web.telegram.org")


def test_complete_hello_gives_its_name() -> None:
    assert read_hello(HELLO).name == "web.telegram.org"
    assert hello_is_complete(HELLO)
    assert not hello_is_complete(HELLO[:-1])


def test_hello_without_name_gives_none() -> None:
    view = read_hello(hello(None))
    assert view.name is None
    assert view.certain


def test_browser_hello_is_greased() -> None:
    assert not read_hello(HELLO).greased
    seen = read_hello(browsers_hello("web.telegram.org"))
    assert (seen.name, seen.greased) == ("web.telegram.org", True)


def test_browser_hello_has_the_extension_for_ech_and_openssl_has_not() -> None:
    theirs = browsers_hello("web.telegram.org")
    assert carries_ech(theirs) is True and carries_ech(in_records(theirs, 300)) is True
    assert carries_ech(HELLO) is False and carries_ech(b"GET / HTTP/1.1") is None


@given(cut=st.integers(0, len(HELLO) - 1))
def test_extensions_are_unknown_before_the_hello_is_complete(cut: int) -> None:
    assert carries_ech(HELLO[:cut]) is None


@given(size=st.integers(1, 4000))
def test_name_is_found_across_records(size: int) -> None:
    assert read_hello(in_records(HELLO, size)).name == "web.telegram.org"


@given(cut=st.integers(1, len(HELLO)))
def test_incomplete_hello_never_gives_a_wrong_name(cut: int) -> None:
    view = read_hello(HELLO[:cut])
    assert view.name in (None, "web.telegram.org")
    assert view.name is not None or not view.certain


@given(noise=st.binary(max_size=300))
def test_random_bytes_do_not_raise(noise: bytes) -> None:
    read_hello(noise)
    read_hello(b"\x16\x03\x01" + noise)
    hello_is_complete(noise)
    for stream in (noise, b"\x16\x03\x01" + noise, b"\x16\x03\x01" + len(noise).to_bytes(2, "big") + noise):
        carries_ech(stream)


def test_http_is_not_tls() -> None:
    assert not read_hello(b"GET / HTTP/1.1\r\n").is_tls


@given(cuts=st.lists(st.integers(1, len(HELLO) - 1), max_size=5), order=st.randoms())
def test_segments_are_put_in_order(cuts: list[int], order: object) -> None:
    edges = [0, *sorted(set(cuts)), len(HELLO)]
    segments = [data(HELLO[a:b], at=a) for a, b in itertools.pairwise(edges)]
    segments += segments[:1]
    order.shuffle(segments)  # type: ignore[attr-defined]
    streams = Streams()
    streams.feed(syn())
    assert [streams.feed(segment) for segment in segments][-1] == HELLO


def test_memory_is_bounded() -> None:
    streams = Streams()
    for port in range(MOST_FLOWS + 50):
        streams.feed(syn(sport=port))
    assert len(streams) == MOST_FLOWS
    for piece in range(40):
        seen = streams.feed(data(bytes(1000), sport=MOST_FLOWS + 49, at=1000 * piece))
    assert len(seen) <= MOST_BYTES


def test_syn_on_a_used_port_starts_a_new_stream() -> None:
    streams = Streams()
    streams.feed(syn())
    streams.feed(data(b"old"))
    streams.feed(syn())
    assert streams.feed(data(b"new")) == b"new"


def test_wildcard_matches() -> None:
    assert matches("e1.whatsapp.net", ["*.whatsapp.net"])
    assert matches("whatsapp.net", ["*.whatsapp.net"])
    assert not matches("evilwhatsapp.net", ["*.whatsapp.net"])
    assert matches("WEB.Telegram.org.", ["web.telegram.org"])
    assert not matches(None, ["*"])
