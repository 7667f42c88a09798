"""Test that an unencrypted page like the helper's page makes a web address `ok`, and that no weaker likeness does."""

from typing import Any

import pytest

from tests.analysis.ooni_import.test_measurements import judged
from tests.support.ooni.cases.web import ALIKE, BOGON, PROXY, SITE, UNLIKE, Web

REFUSED = "connection_refused"
UNKNOWN = {"failure": None, "addrs": ["[scrubbed]"]}
"""What a helper's answer about the name is after redaction."""


def page(address: str = SITE, dns: Any = UNKNOWN, alike: Any = ALIKE, blocking: Any = False) -> Web:
    """Return an unencrypted address without a certificate on port 443, as version 0.4 measures it."""
    web = (
        Web("http://www.example.com/", "0.4.3")
        .asked(address)
        .flow(address)
        .helper(SITE, failed={f"{SITE}:443": REFUSED})
    )
    web.keys["control"]["dns"] = dns
    return web.seen(blocking, blocking is False, alike)


def verdict(web: Web) -> tuple[str, str]:
    (record,) = judged(web.measured())
    return record["state"], record["rule_id"]


def test_page_like_the_helpers_verifies_the_address() -> None:
    (record,) = judged(page().measured())
    assert (record["state"], record["rule_id"], record["proof"]) == ("ok", "http_answers", "http")
    assert verdict(page(PROXY, {"failure": None, "addrs": [SITE]})) == ("ok", "http_answers")


@pytest.mark.parametrize("different", range(4))
def test_page_that_differs_in_one_respect_verifies_no_address(different: int) -> None:
    alike = tuple(place != different for place in range(4))
    assert verdict(page(alike=alike))[0] == "insufficient"


def test_page_that_ooni_did_not_compare_verifies_no_address() -> None:
    assert verdict(page(alike=(None, True, True, True))) == ("insufficient", "name_unproven")
    assert verdict(page(alike=UNLIKE, blocking="http-diff"))[0] == "insufficient"


@pytest.mark.parametrize("conclusion", [False, "dns", "http-diff", None])
def test_facts_carry_the_verdict_and_not_oonis_conclusion(conclusion: Any) -> None:
    assert verdict(page(blocking=conclusion)) == ("ok", "http_answers")
    proven = {"failure": None, "addrs": [SITE]}
    assert verdict(page(dns=proven, alike=(True, False, True, True), blocking=conclusion)) == ("ok", "http_answers")
    assert verdict(page(dns=proven, alike=(False, False, True, True), blocking=conclusion))[0] == "insufficient"


def test_private_address_is_not_verified_by_a_page() -> None:
    assert verdict(page(BOGON, {"failure": None, "addrs": [SITE]})) == ("likely_blocked", "dns_bogon_here")


def test_known_block_page_verifies_no_address() -> None:
    web = page()
    web.keys["requests"][0]["response"]["body"] = '<iframe src="http://10.10.34.36">'
    assert verdict(web)[0] != "ok"


@pytest.mark.parametrize(
    "dns",
    [
        {"failure": None, "addrs": ["www.example.com.cdn.example.net", SITE]},
        {"addrs": [SITE]},
    ],
)
def test_answers_of_old_helpers_are_read(dns: dict[str, Any]) -> None:
    """Read answers that list a CNAME too, or that have no key `failure`."""
    assert verdict(page(dns=dns, alike=(True, False, True, True))) == ("ok", "http_answers")


@pytest.mark.parametrize("addrs", [["[scrubbed]", SITE], ["cdn.example.net"], ["nonsense", SITE], ["[::1"], None])
def test_answers_that_are_not_known_verify_nothing(addrs: Any) -> None:
    web = page(dns={"failure": None, "addrs": addrs} if addrs else {}, alike=(True, False, True, True))
    assert verdict(web) == ("insufficient", "name_unproven")
