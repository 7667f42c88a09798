"""Test that the OPTIONS request does not identify the user, and that its answer is compared by header."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.sip.sip_message import SIPMessage, read_message
from probe.wire.sip.sip_options import Options, differences

ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+|[0-9a-f]*:[0-9a-f]*:[0-9a-f:]+")


def answered(sent: Options, **changed: str) -> SIPMessage:
    """Return the answer of a genuine server. `changed` replaces or adds headers."""
    request = read_message(sent.written())
    headers = {
        "via": request.first("via").replace(";rport", ";received=198.51.100.7;rport=40000"),
        "from": request.first("from"),
        "to": request.first("to") + ";tag=server",
        "call-id": request.call_id,
        "cseq": request.first("cseq"),
        **{name.replace("_", "-"): value for name, value in changed.items()},
    }
    lines = [f"{name}: {value}" for name, value in headers.items() if value]
    return read_message("\r\n".join(["SIP/2.0 200 OK", *lines, "", ""]).encode())


def test_request_parses_to_its_fields() -> None:
    sent = Options("sip.example.org", "udp")
    m = read_message(sent.written())
    assert (m.method, m.uri, m.version, m.body) == ("OPTIONS", "sip:sip.example.org", "2.0", b"")
    (via,) = m.vias
    assert (via.protocol, via.transport, via.sent_by) == ("SIP/2.0", "UDP", ("anonymous.invalid", 5060))
    assert via.params == {"branch": sent.branch, "rport": ""} and re.fullmatch(r"z9hG4bK[0-9a-f]{24}", via.branch)
    assert (m.sender.uri, m.sender.tag) == ("sip:anonymous@anonymous.invalid", sent.tag)
    assert (m.receiver.uri, m.receiver.tag) == ("sip:sip.example.org", "")
    assert [contact.uri for contact in m.contacts] == [f"sip:{sent.user}@anonymous.invalid"]
    assert m.cseq == (1, "OPTIONS") and m.content_length == 0
    assert (m.first("max-forwards"), m.first("accept")) == ("70", "application/sdp")
    assert sent.rewritten(m) == []


@pytest.mark.parametrize(
    ("host", "uri"),
    [("192.0.2.1", "sip:192.0.2.1"), ("2001:db8::1", "sip:[2001:db8::1]"), ("sip.example.org", "sip:sip.example.org")],
)
@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_request_names_host_and_transport(host: str, uri: str, transport: str) -> None:
    m = read_message(Options(host, transport).written())  # type: ignore[arg-type]
    assert m.uri == uri and m.vias[0].transport == transport.upper()
    without_theirs = m.raw.decode().replace(uri, "")
    assert not ADDRESS.search(without_theirs), "no address but the server's"


def test_two_requests_share_no_random_value() -> None:
    one, other = Options("x.example", "udp"), Options("x.example", "udp")
    ours = ("branch", "tag", "call_id", "user")
    assert not {getattr(one, name) for name in ours} & {getattr(other, name) for name in ours}


def test_additions_of_servers_are_no_rewriting() -> None:
    sent = Options("sip.example.org", "udp")
    assert sent.rewritten(answered(sent)) == []
    theirs = "<sip:203.0.113.9:5060>"
    quoted = f"sip:anonymous@anonymous.invalid;tag={sent.tag}"
    port = f"SIP / 2.0 / UDP Anonymous.INVALID:5060 ;branch={sent.branch};rport=1;received=192.0.2.9"
    assert sent.rewritten(answered(sent, contact=theirs, via=port, _from=quoted)) == []


@pytest.mark.parametrize(
    ("header", "value", "named"),
    [
        ("via", "SIP/2.0/UDP 192.0.2.9:40000;branch={branch};rport", "via"),
        ("via", "SIP/2.0/UDP anonymous.invalid:5070;branch={branch}", "via"),
        ("via", "SIP/2.0/TCP anonymous.invalid;branch={branch}", "via"),
        ("via", "SIP/2.0/UDP anonymous.invalid;branch=z9hG4bKother", "via"),
        ("via", "SIP/2.0/UDP anonymous.invalid;branch={branch}, SIP/2.0/UDP alg.example;branch=z9hG4bK1", "via"),
        ("via", "", "via"),
        ("contact", "<sip:{user}@192.0.2.9:40000>", "contact"),
        ("call_id", "other@anonymous.invalid", "call-id"),
        ("from", "<sip:anonymous@192.0.2.9>;tag={tag}", "from"),
        ("from", "<sip:anonymous@anonymous.invalid>;tag=other", "from"),
        ("to", "<sip:192.0.2.1>;tag=server", "to"),
        ("cseq", "2 OPTIONS", "cseq"),
        ("cseq", "1 INVITE", "cseq"),
    ],
)
def test_rewritten_headers_are_named(header: str, value: str, named: str) -> None:
    sent = Options("sip.example.org", "udp")
    said = value.format(branch=sent.branch, tag=sent.tag, user=sent.user)
    answer = answered(sent, **{header: said})
    assert sent.rewritten(answer) == [named]
    assert sent.is_answered_by(answer), "the branch or the Call-ID is still ours"


def test_answer_is_recognised_by_branch_or_call_id() -> None:
    sent, other = Options("sip.example.org", "udp"), Options("sip.example.org", "udp")
    assert sent.is_answered_by(answered(sent))
    assert not sent.is_answered_by(answered(other))
    assert not sent.is_answered_by(read_message(sent.written())), "an echo of the request is no response"


@given(st.text(max_size=60).filter(lambda text: "\n" not in text and "\r" not in text))
def test_any_value_in_any_header_is_compared(value: str) -> None:
    sent = Options("sip.example.org", "udp")
    for header in ("via", "contact", "from", "to", "cseq", "call_id"):
        answer = answered(sent, **{header: value})
        assert set(sent.rewritten(answer)) <= {header.replace("_", "-")}


def answer_with(via: str = "SIP/2.0/UDP x;branch=z9hG4bKa", tag: str = "one", more: str = "") -> SIPMessage:
    return read_message(f"SIP/2.0 480 No\r\nVia: {via}\r\nTo: <sip:y>;tag={tag}\r\n{more}\r\n".encode())


def test_differences_of_two_answers_are_named() -> None:
    first = answer_with()
    assert differences(first, answer_with()) == []
    assert differences(first, answer_with(via="SIP/2.0/UDP x;branch=z9hG4bKa;received=192.0.2.1")) == ["via"]
    assert differences(first, answer_with(tag="two")) == ["tag"]
    assert differences(first, answer_with(more="User-Agent: kamailio\r\n")) == ["server"]
    assert differences(answer_with(more="Server: a\r\nUser-Agent: b\r\n"), answer_with(more="Server: a\r\n")) == []


headers = st.text(max_size=40).filter(lambda text: "\n" not in text and "\r" not in text)


@given(headers, headers, headers)
def test_differences_are_equal_in_both_orders(via: str, tag: str, server: str) -> None:
    one, other = answer_with(), answer_with(via, tag, f"Server: {server}\r\n")
    assert set(differences(one, other)) == set(differences(other, one)) <= {"server", "via", "tag"}
    assert differences(other, other) == []
