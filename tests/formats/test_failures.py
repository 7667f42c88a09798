"""Test that our failure strings equal OONI's, because its pipeline recognises some of them by their text."""

import ssl

import pytest

from probe.formats import failures as f
from probe.session.classify import classify
from probe.steps.http.http import MALFORMED_STATUS
from tests.support.ooni.shapes import FAILURES

# normalize_failure in ooni/data c8fcc729: the first that is part of an unknown_failure gives it its name.
NORMALISED = {
    "tls: first record does not look like a TLS handshake": "invalid_record",
    "remote error: tls: handshake failure": "tls_handshake_failure",
    "remote error: tls: illegal parameter": "tls_illegal_parameter",
    "tls: internal error": "internal_error",
    "tls: access denied": "access_denied",
    "malformed HTTP version": "http_malformed_response",
}


def normalised(failure: str) -> str:
    return next((name for text, name in NORMALISED.items() if text in failure), failure)


def plaintext_error() -> ssl.SSLError:
    """Return OpenSSL's error for an answer that is no TLS."""
    engine = ssl.create_default_context().wrap_bio(incoming := ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="a")
    incoming.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(ssl.SSLError) as caught:
        engine.do_handshake()
    return caught.value


@pytest.mark.parametrize(
    ("failure", "name"),
    [
        (f.NOT_TLS, "invalid_record"),
        (f.ALERT_TEXTS[40], "tls_handshake_failure"),
        (f.ALERT_TEXTS[47], "tls_illegal_parameter"),
        (f.ALERT_TEXTS[80], "internal_error"),
        (f.ALERT_TEXTS[49], "access_denied"),
        (MALFORMED_STATUS, "http_malformed_response"),
    ],
)
def test_oonis_pipeline_normalises_our_unknown_failures(failure: str, name: str) -> None:
    assert failure.startswith("unknown_failure: ") and normalised(failure) == name


def test_plain_text_in_place_of_tls_has_gos_failure_string() -> None:
    assert normalised(classify(plaintext_error())) == "invalid_record"


def test_every_other_failure_string_is_in_oonis_list() -> None:
    ours = {value for name, value in vars(f).items() if name.isupper() and isinstance(value, str)}
    assert {failure for failure in ours if not failure.startswith(f.UNKNOWN)} <= FAILURES
    assert {failure for failure in f.ALERT_TEXTS.values() if not failure.startswith(f.UNKNOWN)} == {
        f.SSL_INVALID_HOSTNAME
    }
