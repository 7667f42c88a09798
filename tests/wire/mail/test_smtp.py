"""Test the SMTP parser: examples of the RFCs, lenient reading, limits, and fuzz."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.mail import smtp
from probe.wire.mail.smtp import LONGEST_LINE, LONGEST_REPLY, NotSMTP, SMTPReply, read_reply

# RFC 5321, appendix D.1, the server's side of a session.
BANNER = b"220 foo.com Simple Mail Transfer Service Ready\r\n"
EHLO = b"250-foo.com greets bar.com\r\n250-8BITMIME\r\n250-SIZE\r\n250-DSN\r\n250 HELP\r\n"
# RFC 3207, section 5.
OFFERED = b"250-mail.imc.org offers a warm hug of welcome\r\n250-8BITMIME\r\n250-STARTTLS\r\n250 DSN\r\n"
GO_AHEAD = b"220 Go ahead\r\n"


def whole(raw: bytes) -> SMTPReply:
    reply, rest = read_reply(raw)
    assert reply is not None
    assert rest == b""
    return reply


def test_the_session_of_rfc_5321() -> None:
    assert whole(BANNER) == (220, ("foo.com Simple Mail Transfer Service Ready",))
    assert whole(EHLO).code == 250
    assert whole(EHLO).keywords == ("8BITMIME", "SIZE", "DSN", "HELP")


def test_the_session_of_rfc_3207() -> None:
    assert whole(OFFERED).keywords == ("8BITMIME", "STARTTLS", "DSN")
    assert whole(GO_AHEAD) == (220, ("Go ahead",))


def test_commands_are_built() -> None:
    assert smtp.ehlo("anonymous.invalid") == b"EHLO anonymous.invalid\r\n"
    assert smtp.write_reply(250, ["foo.com", "SIZE", "HELP"]) == b"250-foo.com\r\n250-SIZE\r\n250 HELP\r\n"


@pytest.mark.parametrize(
    ("raw", "reply"),
    [
        (b"250-a\n250 b\n", (250, ("a", "b"))),
        (b"250\r\n", (250, ("",))),
        (b"250 \r\n", (250, ("",))),
        (b"250-a\r\n550 no\r\n", (550, ("a", "no"))),
        (b"220 \xff\xfe\r\n", (220, ("\ufffd\ufffd",))),
        (b"220 a\r\r\n", (220, ("a",))),
    ],
)
def test_unusual_replies_are_parsed(raw: bytes, reply: tuple[int, tuple[str, ...]]) -> None:
    assert whole(raw) == reply


def test_bytes_after_the_reply_remain() -> None:
    assert read_reply(GO_AHEAD + b"250 injected\r\n") == (SMTPReply(220, ("Go ahead",)), b"250 injected\r\n")


@pytest.mark.parametrize("raw", [b"H", b"\x16\x03", b"* OK", b"199 x\r\n", b"2x", b"22a", b"2200\r\n", b"250_", b"\n"])
def test_other_protocols_are_refused_at_once(raw: bytes) -> None:
    with pytest.raises(NotSMTP):
        read_reply(raw)


def test_endless_lines_and_replies_are_refused() -> None:
    longest = b"250 " + b"a" * (LONGEST_LINE - 6) + b"\r\n"
    assert len(whole(longest).lines[0]) == LONGEST_LINE - 6
    with pytest.raises(NotSMTP):
        read_reply(longest[:4] + longest[4:-2] + b"aa")
    endless = b"250-x\r\n" * (LONGEST_REPLY // 7 + 2)
    with pytest.raises(NotSMTP):
        read_reply(endless)


TEXTS = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=60)


@given(st.integers(200, 599), st.lists(TEXTS, min_size=1, max_size=20), st.binary(max_size=20))
def test_built_reply_in_any_pieces_is_parsed(code: int, lines: list[str], rest: bytes) -> None:
    raw = smtp.write_reply(code, lines)
    assert read_reply(raw + rest) == (SMTPReply(code, tuple(lines)), rest)
    assert all(read_reply(raw[:end]) == (None, raw[:end]) for end in range(len(raw)))


@given(st.binary(max_size=300) | st.from_regex(rb"([2-5][0-9]{2}[ -].{0,20}\r?\n){0,6}.{0,10}"))
def test_any_bytes_are_a_reply_or_not_smtp(raw: bytes) -> None:
    try:
        reply, rest = read_reply(raw)
    except NotSMTP:
        return
    assert raw.endswith(rest)
    assert reply is not None or rest == raw


@pytest.mark.parametrize(
    ("received", "accepts"),
    [
        (b"220 2.0.0 Ready to start TLS\r\n", True),
        (b"your service\r\n250-SIZE 1\r\n250 PIPELINING\r\n", True),
        (b"STARTTLS\r\n250 8BITMIME", True),
        (b"421 closing\r\n221 bye\r\n", False),
        (b"550 no\r\n", False),
        (b"x 250 y\r\n2500 z\r\n", False),
        (b"", False),
    ],
)
def test_acceptance_is_found_at_the_start_of_a_line(received: bytes, accepts: bool) -> None:
    assert smtp.has_acceptance(received) is accepts


@given(st.binary(max_size=200), st.sampled_from([b"220", b"250"]), st.sampled_from([b" ", b"-"]))
def test_acceptance_is_found_after_any_bytes(before: bytes, code: bytes, mark: bytes) -> None:
    assert smtp.has_acceptance(before + b"\n" + code + mark)
