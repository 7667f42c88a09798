"""Test session descriptions against the examples of RFC 3264, and with what real servers write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.sip.sdp import OPUS, MediaStream, audio_of, read_streams, write_answer, write_offer

# RFC 3264, section 10.1
THREE_STREAMS = b"""v=0
o=alice 2890844526 2890844526 IN IP4 host.anywhere.com
s=
c=IN IP4 host.anywhere.com
t=0 0
m=audio 49170 RTP/AVP 0
a=rtpmap:0 PCMU/8000
m=video 51372 RTP/AVP 31
a=rtpmap:31 H261/90000
m=video 53000 RTP/AVP 32
a=rtpmap:32 MPV/90000
"""


def test_example_of_rfc_3264_has_three_streams() -> None:
    found = read_streams(THREE_STREAMS)
    assert [(one.kind, one.port, one.formats) for one in found] == [
        ("audio", 49170, ("0",)),
        ("video", 51372, ("31",)),
        ("video", 53000, ("32",)),
    ]
    assert {one.host for one in found} == {"host.anywhere.com"}
    assert [found[1].encoding(31), found[0].encoding(0)] == ["h261", "pcmu"]


def test_answer_accepts_one_stream_and_refuses_the_others() -> None:
    """Check section 6 of RFC 3264: as many streams as offered, in their order."""
    found = read_streams(write_answer(THREE_STREAMS, 0, "192.0.2.7", 40000, 1))
    assert [(one.kind, one.port, one.formats) for one in found] == [
        ("audio", 40000, ("0",)),
        ("video", 0, ("31",)),
        ("video", 0, ("32",)),
    ]
    assert len(write_answer(THREE_STREAMS, 0, "192.0.2.7", 40000, 1)) < len(THREE_STREAMS)


def test_our_offer_prefers_opus() -> None:
    sound = audio_of(write_offer("192.0.2.1", 40000, 4711))
    assert sound is not None and sound.choose() == OPUS and sound.encoding(OPUS) == "opus"
    assert (sound.host, sound.port, sound.direction) == ("192.0.2.1", 40000, "sendrecv")
    assert b"c=IN IP6 2001:db8::1\r\n" in write_offer("2001:db8::1", 40000, 4711)


@pytest.mark.parametrize(
    ("lines", "chosen", "host", "direction"),
    [
        ("c=IN IP4 192.0.2.1\nm=audio 6 RTP/AVP 96 0\na=rtpmap:96 opus/48000/2", 96, "192.0.2.1", "sendrecv"),
        ("c=IN IP4 192.0.2.1\nm=audio 6 RTP/AVP 0\nc=IN IP4 192.0.2.2/127", 0, "192.0.2.2", "sendrecv"),
        (
            "m=audio 6 RTP/AVP 8 101\nc=IN IP6 2001:db8::1\na=rtpmap:101 x/8000\na=sendonly",
            8,
            "2001:db8::1",
            "sendonly",
        ),
        ("c=IN IP4 0.0.0.0\na=inactive\nm=audio 6 RTP/AVPF 18 9", 9, "0.0.0.0", "inactive"),
        ("m=audio 6/2 RTP/AVP 111\na=rtpmap:111 OPUS/48000/2\na=rtpmap:111 speex/8000", 111, "", "sendrecv"),
        ("m=audio 6 RTP/AVP 18 999 -1 x", None, "", "sendrecv"),
        ("m=audio 6 RTP/AVP", None, "", "sendrecv"),
    ],
)
def test_stream_is_read_leniently(lines: str, chosen: int | None, host: str, direction: str) -> None:
    for end in ("\n", "\r\n", "\r"):
        sound = audio_of(("v=0\n" + lines + "\n").replace("\n", end).encode())
        assert sound is not None and (sound.choose(), sound.host, sound.direction) == (chosen, host, direction)


@pytest.mark.parametrize(
    "line",
    [
        *("m=audio 0 RTP/AVP 0", "m=audio 6 RTP/SAVP 0", "m=video 6 RTP/AVP 0", "m=audio 65536 RTP/AVP 0", "m=audio"),
        *("m=", "m=audio x RTP/AVP 0", "a=sendrecv", "", "m=audio 6 UDP/TLS/RTP/SAVPF 0", "m = audio 6 RTP/AVP 0"),
    ],
)
def test_refused_encrypted_and_foreign_streams_are_no_audio(line: str) -> None:
    assert audio_of(f"v=0\n{line}\n".encode()) is None


def test_number_of_streams_is_bounded() -> None:
    assert len(read_streams(b"m=audio 6 RTP/AVP 0\n" * 500)) == 16
    many = read_streams(b"m=audio 6 RTP/AVP " + b"0 " * 5000)
    assert [len(one.formats) for one in many] == [32]


@given(st.binary(max_size=300))
def test_any_bytes_give_streams(body: bytes) -> None:
    assert all(isinstance(one, MediaStream) and 0 <= one.port <= 65535 for one in read_streams(body))
