"""Test which records of a raw DNS message are written."""

import base64

import dns.message
import dns.rrset
import pytest

from probe.privacy.binary_fields.dns_messages import kept_message

ASKED = "web.telegram.org."


def message_with(*records: tuple[str, str, str], ttl: int = 60) -> dns.message.Message:
    message = dns.message.make_response(dns.message.make_query(ASKED, "A"))
    for name, kind, text in records:
        message.answer.append(dns.rrset.from_text(name, ttl, "IN", kind, text))
    return message


def kept(message: dns.message.Message) -> dns.message.Message:
    coded = base64.b64encode(message.to_wire()).decode()
    return dns.message.from_wire(base64.b64decode(kept_message(coded, {"web.telegram.org"})))


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        (ASKED, "A", "192.0.2.1"),
        (ASKED, "AAAA", "2001:db8::1"),
        (ASKED, "CNAME", "edge.service.example."),
        (ASKED, "NS", "server.example."),
        (ASKED, "SOA", "server.example. admin.example. 2026112601 3600 600 86400 60"),
    ],
)
def test_message_with_plain_records_remains(name: str, kind: str, text: str) -> None:
    message = message_with((name, kind, text))
    coded = base64.b64encode(message.to_wire()).decode()
    assert kept_message(coded, {"web.telegram.org"}) == coded


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        (ASKED, "TXT", '"for 203.0.113.7"'),
        (ASKED, "CNAME", "203-0-113-7.dsl.example."),
        ("7.113.0.203.in-addr.arpa.", "PTR", "host.example."),
        (ASKED, "HINFO", '"203.0.113.7" "x"'),
        (ASKED, "SOA", "server.example. admin.example. 3405803783 3600 600 86400 60"),
        (ASKED, "SOA", "cb007107.example. admin.example. 1 3600 600 86400 60"),
    ],
)
def test_other_records_are_removed(name: str, kind: str, text: str) -> None:
    after = kept(message_with((ASKED, "A", "192.0.2.1"), (name, kind, text)))
    assert [rrset.to_text() for rrset in after.answer] == [f"{ASKED} 60 IN A 192.0.2.1"]


def test_record_with_an_address_as_ttl_is_removed() -> None:
    assert kept(message_with((ASKED, "A", "192.0.2.1"), ttl=0x4B007107)).answer == []


def test_header_of_an_unparsable_message_remains() -> None:
    raw = message_with().to_wire()[:12] + b"\x09for 203.0.113.7"
    assert base64.b64decode(kept_message(base64.b64encode(raw).decode(), set())) == raw[:12]


def test_text_that_is_no_base64_is_removed() -> None:
    assert kept_message("for 203.0.113.7", set()) == ""
