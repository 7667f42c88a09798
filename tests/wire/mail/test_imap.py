"""Test the IMAP parser: the RFC's examples, lenient reading, limits, and fuzz."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.mail import imap
from probe.wire.mail.imap import LONGEST_ANSWER, LONGEST_LINE, IMAPResponse, NotIMAP, read_answer, read_greeting

# RFC 9051, sections 6.1.1 and 6.2.1.
CAPABILITY = b"* CAPABILITY IMAP4rev2 STARTTLS AUTH=GSSAPI LOGINDISABLED\r\nabcd OK CAPABILITY completed\r\n"
UPGRADED = b"* CAPABILITY IMAP4rev2 AUTH=PLAIN\r\na003 OK CAPABILITY completed\r\n"
GO_AHEAD = b"a002 OK Begin TLS negotiation now\r\n"


def test_the_examples_of_rfc_9051() -> None:
    listed = ("IMAP4rev2", "STARTTLS", "AUTH=GSSAPI", "LOGINDISABLED")
    assert read_answer(CAPABILITY, "abcd") == (IMAPResponse("OK", "CAPABILITY completed", listed), b"")
    assert read_answer(GO_AHEAD, "a002") == (IMAPResponse("OK", "Begin TLS negotiation now"), b"")
    answer, _ = read_answer(UPGRADED, "a003")
    assert answer is not None
    assert answer.capabilities == ("IMAP4rev2", "AUTH=PLAIN")


@pytest.mark.parametrize(
    ("raw", "greeting"),
    [
        (b"* OK IMAP4rev2 Service Ready\r\n", IMAPResponse("OK", "IMAP4rev2 Service Ready")),
        (
            b"* PREAUTH IMAP4rev2 server logged in as Smith\r\n",
            IMAPResponse("PREAUTH", "IMAP4rev2 server logged in as Smith"),
        ),
        (b"* BYE Autologout; idle for too long\n", IMAPResponse("BYE", "Autologout; idle for too long")),
        (b"* ok\r\n", IMAPResponse("OK", "")),
        (
            b"* OK [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n",
            IMAPResponse("OK", "[CAPABILITY IMAP4rev1 STARTTLS] hello", ("IMAP4rev1", "STARTTLS")),
        ),
    ],
)
def test_greetings_are_parsed(raw: bytes, greeting: IMAPResponse) -> None:
    assert read_greeting(raw) == (greeting, b"")
    assert read_greeting(raw + b"more") == (greeting, b"more")
    assert all(read_greeting(raw[:end]) == (None, raw[:end]) for end in range(len(raw)))


def test_capabilities_in_the_tagged_response_are_parsed() -> None:
    answer, _ = read_answer(b"a1 OK [CAPABILITY IMAP4rev1 IDLE] done\r\n", "a1")
    assert answer is not None
    assert answer.capabilities == ("IMAP4rev1", "IDLE")


def test_other_responses_and_literals_are_skipped() -> None:
    noise = b"* 3 EXISTS\r\n* ALERT {12}\r\na1 OK fake\r\n tail\r\n+ idling\r\n"
    answer, rest = read_answer(noise + b"* capability IMAP4rev1\r\na1 no not now\r\nrest", "a1")
    assert answer == IMAPResponse("NO", "not now", ("IMAP4rev1",))
    assert rest == b"rest"


def test_bye_ends_an_answer() -> None:
    assert read_answer(b"* BYE too many\r\n", "a1") == (IMAPResponse("BYE", "too many"), b"")


@pytest.mark.parametrize("raw", [b"2", b"HTTP/1.1 400\r\n", b"* WHO\r\n", b"\x16\x03\x01", b"*OK\r\n"])
def test_malformed_greeting_is_refused(raw: bytes) -> None:
    with pytest.raises(NotIMAP):
        read_greeting(raw)


@pytest.mark.parametrize("raw", [b"2", b"b1 OK\r\n", b"a2 OK\r\n", b"A1 OK\r\n", b"a1 MAYBE\r\n", b"\r\n"])
def test_malformed_answer_is_refused(raw: bytes) -> None:
    with pytest.raises(NotIMAP):
        read_answer(raw, "a1")


@pytest.mark.parametrize(
    "raw",
    [
        b"* OK " + b"x" * LONGEST_LINE,
        b"* X {999999999}\r\n",
        b"* X\r\n" * (LONGEST_ANSWER // 5 + 2),
        b"* X {1}\r\na" * (LONGEST_ANSWER // 9 + 2),
        b"* X {60000}\r\n" + b"a" * 60000 + b" {60000}\r\n" + b"a" * 60000,
    ],
    ids=["line", "literal", "lines", "literals", "two literals"],
)
def test_endless_answers_are_refused(raw: bytes) -> None:
    with pytest.raises(NotIMAP):
        read_answer(raw, "a1")


ATOMS = st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789=-+", min_size=1, max_size=12)


@given(st.lists(ATOMS, max_size=10), st.binary(max_size=30), st.binary(max_size=20))
def test_answer_in_any_pieces_is_parsed(atoms: list[str], literal: bytes, rest: bytes) -> None:
    listed = " ".join(["* CAPABILITY", *atoms]).encode()
    raw = b"* X {%d}\r\n%s\r\n%s\r\na1 OK done\r\n" % (len(literal), literal, listed)
    assert read_answer(raw + rest, "a1") == (IMAPResponse("OK", "done", tuple(atoms)), rest)
    assert all(read_answer(raw[:end], "a1") == (None, raw[:end]) for end in range(len(raw)))


PIECES = st.lists(st.sampled_from([b"* ", b"a1 ", b"OK ", b"{3}\r\n", b"\r\n", b"[CAPABILITY ", b"]", b"BYE", b"x"]))


@given(st.binary(max_size=200) | PIECES.map(b"".join))
def test_any_bytes_are_an_answer_or_not_imap(raw: bytes) -> None:
    for read in (read_greeting, lambda buffer: read_answer(buffer, "a1")):
        try:
            found, rest = read(raw)
        except NotIMAP:
            continue
        assert raw.endswith(rest)
        assert found is not None or rest == raw


def test_commands_are_built() -> None:
    assert imap.command("a2", "STARTTLS") == b"a2 STARTTLS\r\n"
