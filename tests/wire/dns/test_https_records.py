"""Test which key an answer with HTTPS records gives."""

import base64

import dns.message
import dns.rdatatype
import dns.rrset
from hypothesis import given
from hypothesis import strategies as st

from probe.lab.net.dns_packets import read_question, record_reply
from probe.lab.services.dns.ech_records import HTTPS_TYPE, config_list, https_record
from probe.wire.dns.dns_message import build_query, ech_configs


def key(name: str) -> str:
    return f'ech="{base64.b64encode(config_list(name)).decode()}"'


def answer(*records: str) -> bytes:
    message = dns.message.make_response(dns.message.make_query("a.example", "HTTPS"))
    if records:
        message.answer.append(dns.rrset.from_text("a.example.", 300, "IN", "HTTPS", *records))
    return message.to_wire()


def test_answer_of_the_lab_has_its_key() -> None:
    question = read_question(build_query("cloudflare-ech.com", "HTTPS", 5))
    assert question is not None and question.kind == HTTPS_TYPE
    raw = record_reply(question, https_record("cloudflare-ech.com"))
    assert ech_configs(raw) == config_list("cloudflare-ech.com")


def test_record_with_the_best_priority_is_used() -> None:
    records = f"2 . {key('b.example')}", f'1 . alpn="h2" {key("a.example")}', f"3 . {key('c.example')}"
    assert ech_configs(answer(*records)) == config_list("a.example")


def test_alias_and_record_without_a_key_give_none() -> None:
    assert ech_configs(answer("0 b.example.")) is None
    assert ech_configs(answer('1 . alpn="h2" ipv4hint="192.0.2.1"')) is None
    assert ech_configs(answer()) is None and ech_configs(b"") is None


def test_record_of_another_class_gives_none() -> None:
    raw = answer(f"1 . {key('a.example')}")
    at = raw.rindex(b"\0\x41\0\1")  # type and class of the record
    assert ech_configs(raw) is not None and ech_configs(raw[: at + 3] + b"\3" + raw[at + 4 :]) is None


@given(st.binary(max_size=300))
def test_any_bytes_give_a_key_or_none(raw: bytes) -> None:
    assert ech_configs(raw) is None or isinstance(ech_configs(raw), bytes)


@given(st.integers(0, 120), st.binary(min_size=1, max_size=2))
def test_damaged_answer_raises_nothing(at: int, damage: bytes) -> None:
    raw = answer(f'1 . alpn="h2" {key("a.example")} ipv4hint="192.0.2.1"')
    ech_configs(raw[:at] + damage + raw[at + len(damage) :])
