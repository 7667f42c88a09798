"""Test the SIP parser with RFC 4475's torture messages, streams, and fuzz."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.sip.headers import MOST_PARTS, split_outside
from probe.wire.sip.sip_message import (
    LONGEST_HEAD,
    MOST_BYTES,
    MOST_HEADERS,
    NotSIP,
    SIPStream,
    could_begin,
    is_request,
    is_sip,
)
from probe.wire.sip.sip_message import read_message as read
from tests.support.sip_torture import MESSAGES

READABLE = sorted(MESSAGES.keys() - {"bigcode"})
SAMPLES = st.sampled_from([MESSAGES[name] for name in MESSAGES])


# -- RFC 4475 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", READABLE)
def test_every_torture_message_but_one_is_parsed(name: str) -> None:
    message = read(MESSAGES[name])
    assert message.raw == MESSAGES[name]
    assert message.method or message.code
    assert message.lines("via") and message.vias
    assert name == "insuf" or (message.call_id.startswith(name) and message.sender.uri and message.receiver.uri)
    assert is_sip(message.raw) and is_request(message.raw) == (message.code == 0)


def test_status_without_three_digits_is_no_response() -> None:
    with pytest.raises(NotSIP):
        read(MESSAGES["bigcode"])
    assert not is_sip(MESSAGES["bigcode"])


def test_the_short_tortuous_invite() -> None:
    m = read(MESSAGES["wsinv"])
    assert (m.method, m.uri, m.version) == ("INVITE", "sip:vivekg@chair-dnrc.example.com;unknownparam", "2.0")
    assert (m.receiver.uri, m.receiver.tag) == ("sip:vivekg@chair-dnrc.example.com", "1918181833n")
    assert (m.sender.display, m.sender.uri, m.sender.tag) == ('J Rosenberg \\"', "sip:jdrosen@example.com", "98asjd8")
    assert [(via.transport, via.host, via.branch) for via in m.vias] == [
        ("UDP", "192.0.2.2", "390skdjuw"),
        ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
        ("UDP", "192.168.255.111", "z9hG4bK30239"),
    ]
    (contact,) = m.contacts
    assert (contact.display, contact.uri) == ('Quoted string ""', "sip:jdrosen@example.com")
    assert contact.params == {"newparam": "newvalue", "secondparam": "", "q": "0.33"}
    assert m.cseq == (9, "INVITE") and m.content_length == len(m.body) == 150
    assert m.first("subject") == "" and m.lines("subject") == [""]
    assert m.first("newfangledheader") == "newfangled value continued newfangled value"


def test_strange_characters() -> None:
    m = read(MESSAGES["intmeth"])
    assert m.method == "!interesting-Method0123456789_*+`.%indeed'~" and m.cseq == (139122385, m.method)
    assert m.receiver.display == "BEL:\x07 NUL:\0 DEL:\x7f"
    assert m.receiver.uri == "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com"
    assert m.sender.params["fromparam''~+*_!.-%"] == "работающий"
    assert m.vias[0].branch == "z9hG4bK-.!%66*_+`'~"
    assert read(MESSAGES["unreason"]).reason == "= 2**3 * 5**2 но сто девяносто девять - простое"
    assert (read(MESSAGES["noreason"]).code, read(MESSAGES["noreason"]).reason) == (100, "")


def test_many_long_headers_in_any_case() -> None:
    m = read(MESSAGES["longreq"])
    assert [via.host for via in m.vias] == [f"sip{n}.example.com" for n in range(33, 0, -1)] + ["host.example.com"]
    assert m.vias[-1].params["received"] == "192.0.2.5"
    assert m.receiver.display == "I have a user name of " + 10 * "extreme" + " proportion"
    assert m.sender.tag == "12" + 50 * "982" + "424"


def test_escapes_are_not_names() -> None:
    assert read(MESSAGES["esc02"]).method == "RE%47IST%45R"
    assert [c.uri for c in read(MESSAGES["esc02"]).contacts] == [f"sip:alias{n}@host{n}.example.com" for n in (1, 3)]
    assert [c.uri for c in read(MESSAGES["escnull"]).contacts] == [f"sip:{n * '%00'}@host5.example.com" for n in (1, 2)]
    assert read(MESSAGES["semiuri"]).uri == "sip:user;par=u%40example.net@example.com"


def test_addresses_that_are_nearly_right() -> None:
    assert read(MESSAGES["lwsdisp"]).sender.display == "caller"
    assert read(MESSAGES["badaspec"]).receiver.uri == "sip:t.watson@example.org"
    assert read(MESSAGES["badaspec"]).sender.display == "Bell, Alexander"
    assert read(MESSAGES["baddn"]).sender.uri == "sip:a.g.bell@example.com"
    assert read(MESSAGES["quotbal"]).receiver.uri.endswith("<sip:j.user@example.com>")
    assert read(MESSAGES["cparam01"]).contacts[0].params == {"unknownparam": ""}
    assert read(MESSAGES["cparam02"]).contacts[0].uri.endswith(";unknownparam")


def test_start_lines_that_are_nearly_right() -> None:
    assert read(MESSAGES["lwsstart"]).uri == "sip:user@example.com"
    assert read(MESSAGES["lwsruri"]).uri == "sip:user@example.com; lr"
    assert read(MESSAGES["ltgtruri"]).uri == "<sip:user@example.com>"
    assert read(MESSAGES["trws"]).uri == "sip:remote-target@example.com"
    assert read(MESSAGES["badvers"]).version == "7.0"
    assert read(MESSAGES["novelsc"]).uri == "soap.beep://192.0.2.103:3002"


def test_numbers_that_are_none() -> None:
    assert read(MESSAGES["scalar02"]).cseq == (None, "REGISTER")
    assert read(MESSAGES["scalarlg"]).cseq == (None, "OPTIONS") and read(MESSAGES["scalarlg"]).code == 503
    assert read(MESSAGES["ncl"]).content_length is None and len(read(MESSAGES["ncl"]).body) == 152
    assert read(MESSAGES["mcl01"]).content_length is None
    assert read(MESSAGES["lwsruri"]).cseq == (2130706432, "INVITE")
    assert read(MESSAGES["clerr"]).content_length == 9999 and len(read(MESSAGES["clerr"]).body) == 154


def test_datagram_is_cut_at_content_length() -> None:
    assert read(MESSAGES["dblreq"]).method == "REGISTER" and read(MESSAGES["dblreq"]).body == b""
    assert len(read(MESSAGES["multi01"]).body) == 154 and read(MESSAGES["multi01"]).cseq == (5, "INVITE")


# -- what RFC 4475 has not --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"SIP/2.0\r\n\r\n",
        b"SIP/2.0 099 No\r\n\r\n",
        b"SIP/2.0 2OO OK\r\n\r\n",
        b"OPTIONS SIP/2.0\r\n\r\n",
        b" OPTIONS sip:x SIP/2.0\r\n\r\n",
        b"OPT(IONS sip:x SIP/2.0\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        bytes(range(256)),
    ],
)
def test_other_bytes_are_no_sip(raw: bytes) -> None:
    assert not is_sip(raw)
    with pytest.raises(NotSIP):
        read(raw)


def test_bare_line_feeds_and_a_missing_body_are_parsed() -> None:
    m = read(b"\r\n\r\nsip/2.0 200 Fine\nv: SIP/2.0/udp [2001:db8::1]:5070;Branch=x\nnonsense\nL: 1\n\nab")
    assert (m.code, m.reason, m.body) == (200, "Fine", b"a")
    assert (m.vias[0].transport, m.vias[0].sent_by, m.vias[0].branch) == ("UDP", ("[2001:db8::1]", 5070), "x")
    assert read(b"SIP/2.0 180 Ringing").code == 180


def test_values_and_parameters_are_bounded() -> None:
    assert split_outside("a,b,c", ",") == ["a", "b", "c"]
    assert len(split_outside(500 * "a,", ",")) == MOST_PARTS
    assert len(read(b"SIP/2.0 200 OK\r\n" + 500 * b"Via: SIP/2.0/UDP a\r\n" + b"\r\n").vias) == MOST_PARTS
    assert len(read(b"SIP/2.0 200 OK\r\n" + 500 * b"X: y\r\n" + b"\r\n").headers) == MOST_HEADERS


def test_a_message_is_bounded() -> None:
    with pytest.raises(NotSIP):
        read(b"SIP/2.0 200 OK\r\n\r\n".ljust(MOST_BYTES + 1, b"x"))


@pytest.mark.parametrize("line", [b" ", b"\t ", b"a ", b"SIP/2.0 ", b"<", b'"', b",", b";", b"=", b"\r\n ", b"\n:"])
def test_no_message_takes_long_to_parse(line: bytes) -> None:
    filler = (line * MOST_BYTES)[: MOST_BYTES - 200]
    began = time.process_time()
    for raw in (b"OPTIONS" + filler + b"SIP/2.0 \r", b"SIP/2.0 200 " + filler + b"\r\r\n\r\n"):
        is_sip(raw)
        try:
            read(raw)
        except NotSIP:
            continue
    half = filler[: len(filler) // 2].replace(b"\n:", b" :")
    message = read(b"SIP/2.0 200 OK\r\nVia: " + half + b"\r\nContact:" + half + b"\r\n\r\n")
    assert message.vias == [] and len(message.contacts) <= 64 and message.sender.uri == ""
    assert time.process_time() - began < 1.0


# -- streams -----------------------------------------------------------------------------------------------------------

FRAMED = [
    name
    for name in READABLE
    if read(MESSAGES[name]).content_length not in (None, 9999) and name not in ("dblreq", "multi01")
]


@pytest.mark.parametrize("size", [1, 7, 100000])
def test_stream_is_split_into_its_messages(size: int) -> None:
    joined = b"\r\n".join(MESSAGES[name] for name in FRAMED)
    stream = SIPStream()
    came = [m for at in range(0, len(joined), size) for m in stream.feed(joined[at : at + size])]
    assert [m.raw for m in came] == [MESSAGES[name] for name in FRAMED]
    assert stream.pings == 0


def test_two_messages_in_one_piece_are_split() -> None:
    stream = SIPStream()
    first, second = stream.feed(MESSAGES["dblreq"])
    assert (first.method, second.method, len(second.body)) == ("REGISTER", "INVITE", 150)
    with pytest.raises(NotSIP):  # its last body is longer than it says: what comes then is no SIP
        stream.feed(b"")


def test_keep_alives_are_counted_and_skipped() -> None:
    stream = SIPStream()
    assert stream.feed(b"\r\n") == [] and stream.pings == 0
    assert stream.feed(b"\r\n") == [] and stream.pings == 1
    (message,) = stream.feed(b"\r\n\r\n\r\n" + MESSAGES["zeromf"])
    assert message.method == "OPTIONS" and stream.pings == 2


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"220 mail.example.org ESMTP\r\n",
        b"\x15\x03\x01",
        b"SIP/2.0 200 OK\r\nContent-Length: 99999\r\n\r\n",
        b"SIP/2.0 200 OK\r\n" + b"X: y\r\n" * (LONGEST_HEAD // 6),
        b"x" * (LONGEST_HEAD + 1),
    ],
)
def test_stream_of_another_protocol_raises_at_once(raw: bytes) -> None:
    with pytest.raises(NotSIP):
        SIPStream().feed(raw)


def test_incomplete_message_raises_nothing() -> None:
    for begun in (b"S", b"SIP/2.0 20", b"OPTIONS sip:x SIP/2.0\r", b"OPTIONS sip:x SIP/2.0\r\nVia", b"\r\n"):
        assert could_begin(begun) and SIPStream().feed(begun) == []
    assert not could_begin(b"\x16\x03") and not could_begin(b"GET / HTTP/1.1\r\n")


# -- anything ----------------------------------------------------------------------------------------------------------


def look_at_everything(raw: bytes) -> None:
    is_request(raw)
    try:
        m = read(raw)
    except NotSIP:
        return
    assert m.raw == raw and (m.code == 0 or 100 <= m.code <= 999)
    assert [len(part) for part in (m.vias, m.contacts)] < [65, 65]
    assert m.sender is not None and m.receiver is not None and m.cseq is not None and len(m.headers) <= 256


@given(st.binary(max_size=400))
def test_any_bytes_are_a_message_or_not_sip(raw: bytes) -> None:
    look_at_everything(raw)
    look_at_everything(b"SIP/2.0 200 OK\r\n" + raw)
    look_at_everything(
        b"SIP/2.0 200 OK\r\nv:" + raw + b"\r\nm:" + raw + b"\r\nf:" + raw + b"\r\nt:" + raw + b"\r\n\r\n"
    )


@given(SAMPLES, st.integers(0, 3000), st.integers(0, 60), st.binary(max_size=30))
def test_changed_torture_messages_raise_only_not_sip(raw: bytes, at: int, gone: int, instead: bytes) -> None:
    look_at_everything(raw[:at] + instead + raw[at + gone :])


@given(SAMPLES, st.binary(max_size=60), st.lists(st.integers(1, 200), max_size=20))
def test_any_stream_in_any_pieces_raises_only_not_sip(raw: bytes, noise: bytes, cuts: list[int]) -> None:
    stream, left = SIPStream(), raw + noise + raw
    try:
        for cut in [*cuts, len(left)]:
            stream.feed(left[:cut])
            left = left[cut:]
    except NotSIP:
        return
    assert stream.pings >= 0
