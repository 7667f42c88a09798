"""Test the first answers to a DTLS hello: vectors written out by hand from the RFCs, and a captured one."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.dtls import records, server_answers
from probe.wire.dtls.client_hello import ClientHello, HelloWriter, parse_client_hello
from probe.wire.dtls.server_answers import FirstAnswer, parse_answer

# Written out by hand from RFC 6347, 4.1, 4.2.1 and 4.2.2: record 7, message 1, a cookie of four bytes.
VERIFY_REQUEST = bytes.fromhex("16 feff 0000 000000000007 0013 03 000007 0001 000000 000007 feff 04 c0c1c2c3")
# The server's first record in capture-firefox_linux_stable_153_0.pcap of covert-dtls.
SERVER_HELLO = bytes.fromhex(
    "16fefd0000000000000000007f020000730000000000000073fefd028678d5b30c7e77a1371e455cca8ac9313e52ccadbc72c64a72ec38a044b6"
    "55200d23a9bf7c43e4f2ec3a5a70d77aacc8aa1996303b608daa20834358687789c9c02b00002b00170000ff01000100000b0002010000100009"
    "000706776562727463001c00024000000e00050002000700"
)
# RFC 8446, 4.1.3: the random value of a HelloRetryRequest. RFC 9147, 5.3: supported versions select 1.3 (fefc).
RETRY_REQUEST = bytes.fromhex(
    "16 fefd 0000 000000000000 003a 02 00002e 0000 000000 00002e fefd"
    "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c 00 1301 00 0006 002b 0002 fefc"
)
ALERT = bytes.fromhex("15 fefd 0000 000000000000 0002 02 28")  # RFC 5246, 7.2: fatal, handshake_failure
CLIENT = ("192.0.2.1", 40123)
SECRET = bytes(range(32))


def hello() -> ClientHello:
    return parse_client_hello(HelloWriter("openssl", bytes(32), bytes(32)).first())


@pytest.mark.parametrize(
    ("raw", "answer"),
    [
        (VERIFY_REQUEST, FirstAnswer("verify_request", records.DTLS_1_0, bytes.fromhex("c0c1c2c3"))),
        (SERVER_HELLO, FirstAnswer("server_hello", records.DTLS_1_2, suite=0xC02B)),
        (RETRY_REQUEST, FirstAnswer("retry_request", records.DTLS_1_3, suite=0x1301)),
        (ALERT, FirstAnswer("alert", alert=40)),
    ],
)
def test_answers_of_the_rfcs_are_parsed(raw: bytes, answer: FirstAnswer) -> None:
    assert parse_answer(raw) == answer
    assert parse_answer(raw + SERVER_HELLO) == answer  # further records in the same datagram
    assert parse_answer(raw + b"\x2f more") == answer  # or an encrypted one of DTLS 1.3


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0" * 60,
        VERIFY_REQUEST[:-1],
        bytes.fromhex("15fefd00000000000000000002 0328"),  # no level of an alert
        bytes.fromhex("15fefd00010000000000000002 0228"),  # encrypted, epoch 1
        bytes.fromhex("17fefd00000000000000000002 0228"),  # application data
        SERVER_HELLO[:19] + b"\0\0\1" + SERVER_HELLO[22:],  # a later fragment
        SERVER_HELLO[:13] + b"\x0b" + SERVER_HELLO[14:],  # a certificate
        HelloWriter.new("firefox").first(),
    ],
)
def test_other_bytes_are_no_answer(raw: bytes) -> None:
    with pytest.raises(ValueError):
        parse_answer(raw)


@given(st.binary(max_size=200) | st.builds(lambda rest: b"\x16\xfe\xfd" + rest, st.binary(max_size=200)))
def test_no_bytes_raise_another_error(raw: bytes) -> None:
    with suppress(ValueError):
        parse_answer(raw)


@given(st.integers(0, 140))
def test_cut_server_hello_raises_value_error_or_is_whole(size: int) -> None:
    with suppress(ValueError):
        assert parse_answer(SERVER_HELLO[:size]) == parse_answer(SERVER_HELLO)


def test_verify_request_repeats_the_numbers_of_the_hello() -> None:
    asked = parse_client_hello(HelloWriter("firefox", bytes(32), bytes(32)).with_cookie(b"old"))
    raw = server_answers.hello_verify_request(asked, bytes.fromhex("c0c1c2c3"))
    assert raw[:5] + raw[11:] == VERIFY_REQUEST[:5] + VERIFY_REQUEST[11:]
    assert raw[5:11] == (1).to_bytes(6, "big")


def test_cookie_depends_on_client_hello_secret_and_period() -> None:
    cookie = server_answers.cookie_for(SECRET, CLIENT, hello(), 3)
    other = parse_client_hello(HelloWriter("openssl", b"\1" * 32, bytes(32)).first())
    assert cookie == server_answers.cookie_for(SECRET, CLIENT, hello(), 3) and len(cookie) == server_answers.COOKIE
    others = {
        server_answers.cookie_for(b"other", CLIENT, hello(), 3),
        server_answers.cookie_for(SECRET, (CLIENT[0], 1), hello(), 3),
        server_answers.cookie_for(SECRET, ("192.0.2.2", CLIENT[1]), hello(), 3),
        server_answers.cookie_for(SECRET, CLIENT, other, 3),
        server_answers.cookie_for(SECRET, CLIENT, hello(), 4),
    }
    assert len(others) == 5 and cookie not in others


def test_answers_of_our_servers_are_parsed_again() -> None:
    suite = int.from_bytes(hello().suites[:2], "big")
    found = parse_answer(server_answers.server_hello(hello(), bytes(32), suite))
    assert found == FirstAnswer("server_hello", records.DTLS_1_2, suite=suite)
    assert parse_answer(server_answers.fatal_alert(server_answers.HANDSHAKE_FAILURE, 1)) == FirstAnswer(
        "alert", alert=40
    )
