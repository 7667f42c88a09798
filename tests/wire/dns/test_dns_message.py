"""Test DNS messages: captured, built and malformed answers, and their redaction."""

import base64
import struct

import dns.edns
import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.formats import failures as f
from probe.wire.dns.dns_message import TRUNCATED, build_query, cut_options, read_response, response_id

QUERY = build_query("www.example.com", "A", 0x1234)


def answer_to(query: bytes, *records: str, rcode: int = 0, flags: int = 0, options=()) -> bytes:
    message = dns.message.make_response(dns.message.from_wire(query), recursion_available=True)
    message.answer = [dns.rrset.from_text(*record.replace(" ", ". ", 1).split(maxsplit=4)) for record in records]
    message.set_rcode(rcode)
    message.flags |= flags
    message.use_edns(0, options=list(options))
    return message.to_wire(max_size=65535)


def test_query_has_the_bytes_of_the_rfcs():
    """Compare with RFC 1035, section 4.1, and OPT (RFC 6891, 6.1.2) with a payload of 1232."""
    expected = (
        "1234 0100 0001 0000 0000 0001 03777777 076578616d706c65 03636f6d 00 0001 0001 00 0029 04d0 00000000 0000"
    )
    assert QUERY.hex() == expected.replace(" ", "")
    assert len(build_query("a.example", "AAAA", 1, padding=128)) == 128
    for bad in (("x" * 64, "A"), ("a..b", "A"), ("a", "NOSUCH")):
        with pytest.raises(ValueError):
            build_query(*bad, 1)


def test_answer_written_by_hand_is_parsed():
    """Parse a response with a compression pointer, a CNAME and an A record, written by hand from RFC 1035."""
    raw = bytes.fromhex(
        "1234 8580 0001 0002 0000 0000 03777777 076578616d706c65 03636f6d 00 0001 0001"
        "c00c 0005 0001 0000003c 0006 03 43444e c010"
        "c02d 0001 0001 00000e10 0004 08080404"
    )
    response, ours = read_response(raw, QUERY)
    assert ours and response.failure is None and response.rcode == 0
    assert response.flags == ["QR", "AA", "RD", "RA"]
    assert [(a.answer_type, a.hostname or a.ipv4, a.ttl) for a in response.answers] == [
        ("CNAME", "cdn.example.com", 60),
        ("A", "8.8.4.4", 3600),
    ]
    assert base64.b64decode(response.raw_response or "") == raw


@pytest.mark.parametrize(
    ("raw", "failure"),
    [
        (answer_to(QUERY, rcode=3), "dns_nxdomain_error"),
        (answer_to(QUERY, rcode=5), "dns_refused_error"),
        (answer_to(QUERY, rcode=2), "dns_servfail_error"),
        (answer_to(QUERY, rcode=4), "dns_server_misbehaving"),
        (answer_to(QUERY), "dns_no_answer"),
        (answer_to(QUERY, "www.example.com 60 IN CNAME example.org."), "dns_no_answer"),
        (answer_to(QUERY, flags=dns.flags.TC), TRUNCATED),
        (answer_to(QUERY, "www.example.com 60 IN A 192.0.2.1", flags=dns.flags.TC), None),
    ],
)
def test_well_formed_answers_have_their_failures(raw, failure):
    response, ours = read_response(raw, QUERY)
    assert (response.failure, ours) == (failure, True)


def test_ipv6_addresses_are_parsed():
    query = build_query("www.example.com", "AAAA", 7)
    response, ours = read_response(answer_to(query, "www.example.com 60 IN AAAA 2001:db8::1"), query)
    assert ours and response.answers[0].ipv6 == "2001:db8::1"


@pytest.mark.parametrize(
    ("raw", "failure"),
    [
        (answer_to(build_query("www.example.com", "A", 0x1235)), "dns_reply_with_wrong_query_id"),
        (answer_to(build_query("www.example.org", "A", 0x1234)), "dns_server_misbehaving"),
        (answer_to(build_query("www.example.com", "AAAA", 0x1234)), "dns_server_misbehaving"),
        (QUERY, "dns_server_misbehaving"),  # our own question, reflected
        (b"", "dns_server_misbehaving"),
        (b"\x12", "dns_server_misbehaving"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "dns_server_misbehaving"),
        (QUERY[:2] + bytes.fromhex("8180000100010000000003777777") + b"\xc0\x0c" * 20, "dns_server_misbehaving"),
        (QUERY[:2] + bytes.fromhex("818000010000000000 00c00c00010001"), "dns_server_misbehaving"),  # name = loop
        (answer_to(QUERY, "www.example.com 60 IN A 192.0.2.1")[:-20], "dns_server_misbehaving"),
    ],
)
def test_answer_to_another_query_is_not_ours(raw, failure):
    response, ours = read_response(raw, QUERY)
    assert (response.failure, ours) == (failure, False)


def test_case_of_the_name_is_ignored():
    raw = answer_to(build_query("WWW.example.COM", "A", 0x1234), "www.example.com 60 IN A 192.0.2.1")
    assert read_response(raw, QUERY).ours


@settings(deadline=None)
@given(st.binary(max_size=120), st.binary(max_size=40))
def test_fuzz_never_raises(garbage, tail):
    good = answer_to(QUERY, "www.example.com 60 IN A 192.0.2.1")
    for raw in (garbage, QUERY[:2] + garbage, good[:12] + garbage, good + tail, good[: len(garbage)] + tail):
        response, _ = read_response(raw, QUERY)
        assert len(base64.b64decode(response.raw_response or "")) <= len(raw)
    assert response_id(garbage) in (None, int.from_bytes(garbage[:2], "big"))


# -- redaction -------------------------------------------------------------------------------------------------

MINE = bytes([93, 184, 216, 34])
TELLTALE = [
    dns.edns.ECSOption("93.184.216.34", 32, 32),
    dns.edns.NSIDOption(b"node-93.184.216.34"),
    dns.edns.CookieOption(MINE * 2, MINE * 4),
    dns.edns.GenericOption(65001, MINE),
]


def test_identifying_options_are_cut_and_the_error_number_remains():
    censored = dns.edns.EDEOption(16, "client 93.184.216.34 is filtered")
    raw = answer_to(QUERY, "www.example.com 60 IN A 192.0.2.1", options=[*TELLTALE, censored])
    assert MINE in raw and b"93.184" in raw
    kept = cut_options(raw)
    assert MINE not in kept and b"93.184" not in kept and b"node" not in kept
    again = dns.message.from_wire(kept)
    assert [(option.otype, int(option.code), option.text) for option in again.options] == [(15, 16, None)]
    assert again.answer == dns.message.from_wire(raw).answer
    assert base64.b64encode(kept).decode() == read_response(raw, QUERY)[0].raw_response


def test_no_identifying_option_remains_in_a_damaged_message():
    """Cut the message, change its counts or append bytes. Unparsable parts are not kept."""
    raw = answer_to(QUERY, "www.example.com 60 IN A 192.0.2.1", options=TELLTALE)
    for end in range(len(raw) + 1):
        assert MINE not in cut_options(raw[:end])
    for lie in ((0, 0, 0, 0), (1, 0, 0, 0), (1, 1, 0, 0), (2, 1, 0, 1), (1, 9, 9, 9), (65535,) * 4):
        assert MINE not in cut_options(raw[:4] + struct.pack("!4H", *lie) + raw[12:])
    assert MINE not in cut_options(raw + MINE)


def test_message_without_options_is_kept_unchanged():
    raw = answer_to(QUERY, "www.example.com 60 IN A 192.0.2.1")
    assert cut_options(raw) == raw


def test_raw_bytes_are_bounded():
    raw = answer_to(QUERY, *[f"www.example.com 60 IN TXT {'x' * 200}{n}" for n in range(60)])
    assert len(raw) > 4096 == len(cut_options(raw))


def test_record_of_another_class_is_no_answer() -> None:
    """Test an A record of class 0, which has no address in dnspython. Atheris found a bug with it."""
    query = build_query("www.example.com", "A", 0x1234)
    for of_class in (0, 2, 99):
        record = b"\xc0\x0c\0\1" + of_class.to_bytes(2, "big") + b"\0\0\0\x3c\0\4\xc0\0\2\1"
        said = query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + query[12:33] + record
        reading = read_response(said, query)
        assert (reading.response.failure, reading.response.answers) == ("dns_no_answer", [])


def test_kept_questions_are_those_that_were_asked():
    """Test that neither the id nor the letters of an earlier query are taken for those of a later one."""
    for query_id in (1, 0xFFFF):
        for name, kind in (("a.example", "A"), ("A.example", "A"), ("a.example", "AAAA")):
            query = build_query(name, kind, query_id)
            sent = dns.message.from_wire(query)
            assert (sent.id, sent.question[0].name.to_text(), dns.rdatatype.to_text(sent.question[0].rdtype)) == (
                query_id,
                f"{name}.",
                kind,
            )
            response, ours = read_response(answer_to(query), query)
            assert ours and response.failure == f.DNS_NO_ANSWER
            response, ours = read_response(answer_to(build_query(name, kind, 2)), query)
            assert not ours and response.failure == f.DNS_WRONG_ID
            assert read_response(answer_to(build_query("b.example", kind, query_id)), query).ours is False
