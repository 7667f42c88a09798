"""The name in a hello is found however the hello is cut, and nothing else is taken for one."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from probe.lab.censors.kit.flows import MOST_BYTES, MOST_FLOWS, Streams
from probe.lab.censors.kit.names import matches
from probe.lab.censors.kit.server_name import look, whole
from tests.support.lab.hellos import browsers_hello, data, hello, in_records, syn

HELLO = hello("web.telegram.org")


def test_the_name_of_a_whole_hello() -> None:
    assert look(HELLO).name == "web.telegram.org"
    assert whole(HELLO)
    assert not whole(HELLO[:-1])


def test_a_hello_without_a_name() -> None:
    sight = look(hello(None))
    assert sight.name is None
    assert sight.certain


def test_a_browser_is_known_by_a_suite_that_nobody_has() -> None:
    assert not look(HELLO).greased
    seen = look(browsers_hello("web.telegram.org"))
    assert (seen.name, seen.greased) == ("web.telegram.org", True)


@given(size=st.integers(1, 4000))
def test_a_name_across_many_records(size: int) -> None:
    assert look(in_records(HELLO, size)).name == "web.telegram.org"


@given(cut=st.integers(1, len(HELLO)))
def test_a_hello_cut_short_never_names_somebody_else(cut: int) -> None:
    sight = look(HELLO[:cut])
    assert sight.name in (None, "web.telegram.org")
    assert sight.name is not None or not sight.certain


@given(noise=st.binary(max_size=300))
def test_noise_is_no_crash(noise: bytes) -> None:
    look(noise)
    look(b"\x16\x03\x01" + noise)
    whole(noise)


def test_http_is_not_tls() -> None:
    assert not look(b"GET / HTTP/1.1\r\n").is_tls


@given(cuts=st.lists(st.integers(1, len(HELLO) - 1), max_size=5), order=st.randoms())
def test_segments_in_any_order_and_repeated(cuts: list[int], order: object) -> None:
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


def test_a_port_used_again_is_a_new_stream() -> None:
    streams = Streams()
    streams.feed(syn())
    streams.feed(data(b"old"))
    streams.feed(syn())
    assert streams.feed(data(b"new")) == b"new"


def test_wildcards() -> None:
    assert matches("e1.whatsapp.net", ["*.whatsapp.net"])
    assert matches("whatsapp.net", ["*.whatsapp.net"])
    assert not matches("evilwhatsapp.net", ["*.whatsapp.net"])
    assert matches("WEB.Telegram.org.", ["web.telegram.org"])
    assert not matches(None, ["*"])
