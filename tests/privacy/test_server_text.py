"""Test what is kept of a text, of a product, of bytes and of a failure."""

import base64
import ssl
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.formats import failures
from probe.privacy.server_text import class_of, kept_answer, kept_bytes, kept_failure, kept_product, kept_text


@pytest.mark.parametrize(
    "text",
    [
        "Telegram Web",
        "404 Not Found",
        "Error 1020",
        "nginx/1.18.0 (Ubuntu)",
        "Apache/2.4.41 OpenSSL/1.1.1f",
        "Kamailio (5.7.4 (x86_64/linux))",
        "smtp.gmail.com ESMTP ready for [scrubbed]",
        "2.0.0 Ready to start TLS",
        "5.5.1 Unrecognized command",
        "AUTH=XOAUTH2",
        "text/html; charset=utf-8",
        "HTTP/1.1 403 Forbidden",
        "Доступ к сайту ограничен",
        "الوصول محجوب",
        "محتوای مجرمانه",
        "Güvenli İnternet Uyarı",
        "禁止访问",
        "X. It’s what’s happening",
    ],
)
def test_plain_text_remains(text: str) -> None:
    assert kept_text(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "Denied for 203.0.113.7",
        "nginx/203.0.113.7",
        "nginx/45.67.89 10",
        "Blocked for GIYDGLRQFYYTCMZO",
        "user Zq8xPlw",
        "id ywBxBw==",
        "SIZE 3405803783",
        "from 203 and 0 and 113 and 7",
        "٢٠٣.٠.١١٣.٧",
        "二〇三・〇・一一三・七",
        "㈳ 203\u200b.0\u200b.113\u200b.7",
    ],
)
def test_other_text_becomes_class_and_length(text: str) -> None:
    kind = kept_text(text)
    assert kind in {f"[address-like, {len(text)} characters]", f"[opaque, {len(text)} characters]"}


def test_product_remains_before_a_text_that_does_not() -> None:
    assert kept_product("nginx 203.0.113.7") == "nginx [address-like, 17 characters]"


def test_word_of_imap_remains() -> None:
    assert kept_answer("BYE 203.0.113.7 is not served") == "BYE [address-like, 25 characters]"


def test_own_failure_strings_remain() -> None:
    texts = [value for name, value in vars(failures).items() if isinstance(value, str) and name.isupper()]
    reasons = ["WRONG_VERSION_NUMBER", "SSLV3_ALERT_HANDSHAKE_FAILURE", "TLSV1_ALERT_INTERNAL_ERROR", "BAD_SIGNATURE"]
    texts += [f"unknown_failure: tls: {reason.lower().replace('_', ' ')}" for reason in reasons]
    texts += [
        *failures.ALERT_TEXTS.values(),
        "unknown_failure: quic: closed with 0x128",
        "unknown_failure: errno EPROTO",
    ]
    texts += ["unknown_failure: errno EPROTO", "unknown_failure: helper: ClientConnectorError"]
    texts += ["unknown_failure: remote error: tls: alert(40)"]
    texts += ["unknown_failure: mtproto transport error 404", "unknown_failure: stun: 401 without realm and nonce"]
    assert ssl.OPENSSL_VERSION and [text for text in texts if kept_failure(text) != text] == []


@pytest.mark.parametrize("end", ["0xcb007107", "3405803783", "cb007107", "2653 8774", "for 203.0.113.7"])
def test_number_that_an_address_fits_is_removed_from_a_failure(end: str) -> None:
    assert kept_failure(f"unknown_failure: quic: closed with {end}").startswith("unknown_failure: quic: [")


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"HTTP/1.1 403 x\r\n", "http"),
        (b"<html>", "html"),
        (b"\x15\x03\x01\x00\x02\x02\x28", "tls"),
        (b"SSH-2.0-x", "ssh"),
        (b"SIP/2.0 403 x", "sip"),
        (b"220 x", "smtp"),
        (b"* OK x", "imap"),
        (b"\x01\x01\x00\x0c\x21\x12\xa4\x42", "stun"),
        (b"Zq8x", "text"),
        (bytes(range(200, 240)), "binary"),
    ],
)
def test_bytes_that_are_not_plain_have_class_and_length(raw: bytes, kind: str) -> None:
    assert class_of(raw) == kind


@given(st.binary(max_size=80) | st.text(max_size=80))
def test_any_bytes_are_reduced_without_an_error(raw: Any) -> None:
    coded = base64.b64encode(raw).decode() if isinstance(raw, bytes) else raw
    kept = kept_bytes({"format": "base64", "data": coded, "note": "203.0.113.7"})
    assert "note" not in kept and kept["data"] in {"", coded}
