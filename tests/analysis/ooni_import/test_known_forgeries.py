"""Test that a censor's known false address accuses in its country, and only if another resolver contradicts it."""

from typing import Any

import pytest

from probe.signatures.forged_answers import is_known_forgery
from tests.analysis.ooni_import.test_measurements import judged
from tests.support.ooni.cases.web import SITE, Web

TIMEOUT = "generic_timeout_error"
KNOWN = ("10.10.34.34", "10.10.34.35", "10.10.34.36")


def looked_up(address: str, *there: str, **failed: str) -> Web:
    """Return the measurement of an address that does not answer. `there` are the addresses that the helper got."""
    web = Web("https://www.example.com/", "0.4.3").asked(address).flow(address, tcp=TIMEOUT)
    return web.helper(*there, **failed).seen("dns", False)


def verdict(web: Web, country: str = "IR") -> tuple[str, str, list[str]]:
    (record,) = judged(web.measured(probe_cc=country))
    return record["state"], record["rule_id"], record["mechanisms"]


@pytest.mark.parametrize("address", KNOWN)
def test_known_false_address_is_blocked_in_its_country(address: str) -> None:
    known = ("blocked", "dns_known_forgery", ["dns.injection.bogon"])
    assert verdict(looked_up(address, SITE)) == known


@pytest.mark.parametrize(("address", "country"), [("10.10.34.35", "IT"), ("10.10.34.37", "IR"), ("10.10.34.35", "")])
def test_elsewhere_it_is_a_private_address_like_others(address: str, country: str) -> None:
    assert verdict(looked_up(address, SITE), country)[:2] == ("likely_blocked", "dns_bogon_here")


def test_known_false_address_of_a_name_that_exists_nowhere_is_false() -> None:
    web = looked_up("10.10.34.35", dns="dns_name_error", failure="dns_lookup_error")
    assert verdict(web)[:2] == ("blocked", "dns_known_forgery")
    assert verdict(web, "IT")[0] == "impaired", "it may be a name of the user's own network"


def test_known_false_address_alone_accuses_nothing() -> None:
    """Leave out the helper, or let its resolver fail: nothing contradicts the answer."""
    alone = Web("https://www.example.com/", "0.4.3").asked("10.10.34.35").flow("10.10.34.35", tcp=TIMEOUT)
    assert verdict(alone)[0] == "impaired"
    assert verdict(looked_up("10.10.34.35", dns="dns_server_failure", failure="unknown_error"))[0] == "impaired"


def test_true_address_beside_a_known_false_one_is_no_forgery() -> None:
    web = looked_up("10.10.34.35 93.184.215.14", SITE)
    assert verdict(web)[1] != "dns_known_forgery"


@pytest.mark.parametrize("junk", ["", "ir", "IRN", "10.10.34.35"])
def test_other_countries_have_no_known_forgeries(junk: Any) -> None:
    assert not is_known_forgery(junk, "10.10.34.35")
    assert is_known_forgery("IR", "d0::11") and is_known_forgery("CN", "243.185.187.39")
