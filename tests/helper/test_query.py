"""Test the parsing of questions to the helper: refusals with their status, and hosts outside the target."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.helper.query import HelperQuery, RequestRefused, read_question
from probe.targets.address_guard import Contacts
from probe.targets.target import Service, Target, parse_endpoint

ENDPOINTS = (parse_endpoint("https://chat.example:443/"), parse_endpoint("tcp://93.184.216.34:5222"))
TARGET = Target(
    "chat", "endpoint_reachability", "Chat", "x", date(2026, 11, 24), {"web": Service("web", "all", ENDPOINTS)}, "00"
)


def read(document: Any, *, lab: bool = False) -> HelperQuery:
    return read_question(json.dumps(document).encode(), {"chat": TARGET}, Contacts.LAB if lab else Contacts.PUBLIC)


def refusal(document: Any, *, lab: bool = False) -> RequestRefused:
    with pytest.raises(RequestRefused) as caught:
        read(document, lab=lab)
    return caught.value


def with_address(address: str) -> dict[str, Any]:
    return {"target": "chat", "addresses": {"chat.example": [address]}}


def test_query_for_target_is_read() -> None:
    question = read({"target": "chat", "services": ["web"], "addresses": {"chat.example": ["93.184.216.34"]}})
    assert question.services == ["web"] and question.addresses == {"chat.example": ["93.184.216.34"]}
    assert read({"target": "chat"}).services is None


def test_fresh_query_has_only_the_endpoints_that_it_names() -> None:
    urls = ["tcp://93.184.216.34:5222"]
    question = read({"target": "chat", "fresh": True, "endpoints": urls})
    assert question.fresh and [endpoint.url for _, endpoint in question.target.endpoints()] == urls
    whole = read({"target": "chat", "fresh": True})
    assert whole.fresh and whole.target is TARGET and not read({"target": "chat"}).fresh


def test_query_for_web_address_is_read() -> None:
    question = read({"url": "https://Page.example/a?b", "addresses": {"page.example": ["93.184.216.34"]}})
    ((_, endpoint),) = question.target.endpoints()
    assert (endpoint.url, question.target.nettest) == ("https://page.example:443/a?b", "web_connectivity")
    assert question.key != read({"url": "https://page.example/other"}).key


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ({"url": 7}, 400),
        ({"url": "https://page.example/", "target": "chat"}, 400),
        ({"url": "gopher://page.example/"}, 422),
        ({"url": "http://10.0.0.1/"}, 422),
        ({"url": "http://[::ffff:127.0.0.1]/"}, 422),
        ({"url": "http://localhost/"}, 422),
        ({"url": "https://page.example:22/"}, 422),
        ({"url": "https://page.example/", "addresses": {"other.example": ["93.184.216.34"]}}, 422),
        ({"url": "https://page.example/", "addresses": {"page.example": ["192.168.0.1"]}}, 422),
        ({"url": "https://page.example/", "services": ["calls"]}, 404),
        ([], 400),
        ({}, 400),
        ({"target": 7}, 400),
        ({"target": "chat", "adresses": {}}, 400),
        ({"target": "chat", "services": "web"}, 400),
        ({"target": "chat", "services": [1]}, 400),
        ({"target": "chat", "addresses": []}, 400),
        ({"target": "chat", "addresses": {"chat.example": "1.1.1.1"}}, 400),
        ({"target": "chat", "addresses": {"chat.example": [1]}}, 400),
        ({"target": "chap"}, 404),
        ({"target": "chat", "services": ["calls"]}, 404),
        ({"target": "chat", "fresh": 1}, 400),
        ({"target": "chat", "endpoints": ["https://chat.example:443/"]}, 400),
        ({"target": "chat", "fresh": False, "endpoints": ["https://chat.example:443/"]}, 400),
        ({"target": "chat", "fresh": True, "endpoints": []}, 400),
        ({"target": "chat", "fresh": True, "endpoints": "https://chat.example:443/"}, 400),
        ({"target": "chat", "fresh": True, "endpoints": [1]}, 400),
        ({"target": "chat", "fresh": True, "endpoints": ["https://other.example:443/"]}, 422),
        ({"target": "chat", "fresh": True, "endpoints": ["tcp://93.184.216.34:22"]}, 422),
        ({"target": "chat", "addresses": {"other.example": ["93.184.216.34"]}}, 422),
        ({"target": "chat", "addresses": {"93.184.216.34": ["8.8.8.8"]}}, 422),
        ({"target": "chat", "addresses": {"chat.example": ["93.184.216.34"] * 17}}, 422),
        (with_address("not an address"), 422),
    ],
)
def test_unacceptable_query_has_its_status(document: Any, status: int) -> None:
    assert refusal(document).status == status


def test_similar_target_name_is_suggested() -> None:
    assert "did you mean 'chat'" in str(refusal({"target": "chap"}))


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[" * 100_000])
def test_invalid_json_is_refused(raw: bytes) -> None:
    with pytest.raises(RequestRefused, match="not JSON") as caught:
        read_question(raw, {"chat": TARGET}, Contacts.PUBLIC)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.9.9", "169.254.1.1", "100.64.0.1", "0.0.0.0"),
        *("255.255.255.255", "224.0.0.1", "198.18.0.1", "::1", "::", "fe80::1", "fc00::1", "ff02::1"),
        *("::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "fe80::1%eth0", "2001:db8::1"),
    ],
)
def test_non_public_addresses_are_refused(address: str) -> None:
    assert refusal(with_address(address)).status == 422


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "::1", "fc00::1"])
def test_lab_allows_private_addresses(address: str) -> None:
    assert read(with_address(address), lab=True).addresses


@pytest.mark.parametrize("address", ["224.0.0.1", "ff02::1", "0.0.0.0"])
def test_lab_refuses_multicast(address: str) -> None:
    assert refusal(with_address(address), lab=True).status == 422


@given(st.ip_addresses(network="10.0.0.0/8") | st.ip_addresses(network="127.0.0.0/8"))
def test_private_address_inside_ipv6_is_refused(inner: Any) -> None:
    for form in (f"::ffff:{inner}", f"64:ff9b::{int(inner) >> 16:x}:{int(inner) & 0xFFFF:x}"):
        assert refusal(with_address(form)).status == 422


def test_order_of_addresses_does_not_change_cache_key() -> None:
    ips = ["93.184.216.34", "8.8.8.8"]
    one, two = (read({"target": "chat", "addresses": {"chat.example": order}}) for order in (ips, ips[::-1]))
    assert one.key == two.key != read({"target": "chat"}).key
