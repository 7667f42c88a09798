"""Test what is kept of the fields that servers and helpers fill."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probe.analysis.verdicts.verdicts import judge_measurements
from probe.privacy.server_fields import keep_known_shapes
from probe.privacy.web_addresses import kept_path, kept_url
from tests.privacy.encoded.certificates import certificate_with
from tests.privacy.encoded.fields import RECORDED, Json, entry_in, measurements

KEY = b"k" * 32


def kept(document: Json, key: bytes = KEY) -> Json:
    return keep_known_shapes(document, key)


def measurement(name: str) -> Json:
    copied: Json = json.loads(json.dumps(measurements()[name]))
    return copied


def shown(der: bytes) -> dict[str, str]:
    return {"format": "base64", "data": base64.b64encode(der).decode()}


@pytest.mark.parametrize("path", sorted(RECORDED.glob("*.gz"))[::4], ids=lambda path: path.name.partition(".")[0])
def test_reduced_recording_gets_the_same_verdicts(path: Path) -> None:
    lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines()]
    before = list(judge_measurements(("-", number, line) for number, line in enumerate(lines, 1)))
    after = list(judge_measurements(("-", number, kept(line)) for number, line in enumerate(lines, 1)))
    assert before == after


def test_text_of_known_words_remains() -> None:
    document = measurement("requests")
    response = entry_in(document, "requests")["response"]
    response |= {"x_title": "Access Denied", "headers": {"Server": "nginx/1.24.0", "Content-Length": "162"}}
    after = entry_in(kept(document), "requests")["response"]
    assert after["x_title"] == "Access Denied"
    assert after["headers"] == {"Server": "nginx/1.24.0", "Content-Length": "162"}


def test_other_text_is_replaced_by_class_and_length() -> None:
    document = measurement("requests")
    response = entry_in(document, "requests")["response"]
    response |= {"x_title": "For 203.0.113.7", "headers": {"Server": "nginx for Zq8xPlw"}}
    after = entry_in(kept(document), "requests")["response"]
    assert after["x_title"] == "[address-like, 15 characters]"
    assert after["headers"] == {"Server": "nginx [opaque, 17 characters]"}


def test_address_that_is_compressed_to_the_length_of_a_digest_is_replaced() -> None:
    """Test 32 bytes of zlib that hold an address in base85. A true digest of a helper stays."""
    document = measurement("requests")
    sent = {"a": "789c33f072373437c0203c5d0db2b513421cb263f3550d02b494bc00c8860a20", "digest": "c7" * 32}
    document["test_keys"]["x_control"]["test_keys"] |= sent
    after = kept(document)["test_keys"]["x_control"]["test_keys"]
    assert after["digest"] == sent["digest"] and after["a"] == "[address-like, 64 characters]"


def test_digest_of_a_body_is_comparable_in_one_run_only() -> None:
    """Compare pages of one run, as the rules for redirects and block pages do."""
    document = measurement("requests")
    digest = entry_in(document, "requests")["response"]["x_body_sha256"]
    control = document["test_keys"]["x_control"]["test_keys"]
    control["requests"] = [{"response": {"x_body_sha256": digest}}]
    here, again, other = (kept(document, key) for key in (KEY, KEY, b"o" * 32))
    written = entry_in(here, "requests")["response"]["x_body_sha256"]
    assert digest and written != digest
    assert written == here["test_keys"]["x_control"]["test_keys"]["requests"][0]["response"]["x_body_sha256"]
    assert written == entry_in(again, "requests")["response"]["x_body_sha256"]
    assert written != entry_in(other, "requests")["response"]["x_body_sha256"]


def test_number_as_large_as_an_address_becomes_null() -> None:
    document = measurement("queries, udp")
    entry_in(document, "queries", engine="udp")["answers"] = [
        {"answer_type": "A", "ipv4": "192.0.2.1", "ttl": 3405803783}
    ]
    answer = entry_in(kept(document), "queries", engine="udp")["answers"][0]
    assert answer == {"answer_type": "A", "ipv4": "192.0.2.1", "ttl": None}


def test_cname_keeps_its_suffix() -> None:
    document = measurement("queries, udp")
    name = {"answer_type": "CNAME", "hostname": "203-0-113-7.dsl.example", "ttl": 60}
    entry_in(document, "queries", engine="udp")["answers"] = [name, dict(name)]
    names = [answer["hostname"] for answer in entry_in(kept(document), "queries", engine="udp")["answers"]]
    assert names[0].endswith("].dsl.example") and names[0].startswith("[11-") and names[0] == names[1]


def test_certificate_with_an_address_is_replaced_by_its_facts() -> None:
    document = measurement("tls_handshakes")
    entry = entry_in(document, "tls_handshakes")
    entry |= {"failure": "ssl_unknown_authority", "x_verified_name": entry["server_name"]}
    entry["peer_certificates"] = [shown(certificate_with("name", "203-0-113-7.isp.example"))]
    after = entry_in(kept(document), "tls_handshakes")
    assert after["peer_certificates"] == []
    facts = after["x_withheld_leaf"]
    assert (facts["self_signed"], facts["bears_name"]) == (False, False) and facts["digest"] and facts["issuer"]


def test_certificate_without_an_address_remains() -> None:
    document = measurement("tls_handshakes")
    entry = entry_in(document, "tls_handshakes")
    entry |= {"failure": "ssl_unknown_authority", "x_verified_name": entry["server_name"]}
    entry["peer_certificates"] = [shown(certificate_with("subject", "Local Firewall"))]
    assert entry_in(kept(document), "tls_handshakes")["peer_certificates"] == entry["peer_certificates"]


def test_valid_certificate_remains_with_any_name() -> None:
    """Keep the certificates of public resolvers, which contain addresses."""
    document = measurement("tls_handshakes")
    entry = entry_in(document, "tls_handshakes")
    entry |= {"failure": None, "x_verified_name": entry["server_name"]}
    entry["peer_certificates"] = [shown(certificate_with("name", "dns-203-0-113-7.example"))]
    assert entry_in(kept(document), "tls_handshakes")["peer_certificates"] == entry["peer_certificates"]


def test_two_withheld_leaves_of_one_authority_have_the_same_issuer() -> None:
    document = measurement("tls_handshakes")
    entry = entry_in(document, "tls_handshakes")
    entry |= {"failure": "ssl_unknown_authority", "x_verified_name": entry["server_name"]}
    found = []
    for name in ("203-0-113-7.isp.example", "203-0-113-8.isp.example"):
        entry["peer_certificates"] = [shown(certificate_with("name", name))]
        found.append(entry_in(kept(document), "tls_handshakes")["x_withheld_leaf"])
    assert found[0]["issuer"] == found[1]["issuer"] and found[0]["digest"] != found[1]["digest"]


def test_injected_plaintext_is_still_evidence_without_its_bytes() -> None:
    from probe.analysis.observations.protocol_entries import mail_columns

    document = measurement("mail, starttls")
    entry = entry_in(document, "mail", operation="starttls")
    entry["x_injected"] = {"format": "base64", "data": base64.b64encode(b"250 for 203.0.113.7\r\n").decode()}
    after = entry_in(kept(document), "mail", operation="starttls")
    assert after["x_injected"] == {"format": "base64", "data": "", "x_class": "smtp", "x_length": 21}
    assert mail_columns([after])["mail_injected"] is True


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("http://notice.example/start", "http://notice.example/start"),
        ("http://notice.example/u/203.0.113.7?ip=1", "http://notice.example/[1]/[11]?[scrubbed]"),
        ("http://notice.example:99x/", "[opaque, 26 characters]"),
        ("mailto:203.0.113.7", "[address-like, 18 characters]"),
    ],
)
def test_location_keeps_known_parts(url: str, written: str) -> None:
    assert kept_url(url, frozenset()) == written


def test_path_keeps_words() -> None:
    assert kept_path("/news/index.html") == "/news/index.html"
    assert kept_path("/a/Zq8xPlw/") == "/a/[7]/"


strange = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)
KEYS = """headers code peer_certificates answer_type hostname data format raw_response x_title failure addrs
software_version x_first_bytes server_name request url test_keys lookups tcp_connect""".split()  # noqa: SIM905


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(KEYS), strange | st.dictionaries(st.sampled_from(KEYS), strange), max_size=6))
def test_any_answer_of_a_helper_is_reduced_without_an_error(answer: dict[str, Any]) -> None:
    document = measurement("x_control")
    document["test_keys"]["x_control"] = {"failure": None, "test_keys": answer}
    assert kept(document)["test_keys"]["x_control"]["failure"] is None
