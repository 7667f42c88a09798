"""Test which addresses are sent to a helper: those that it accepts, because one other would lose the whole answer."""

import ipaddress
import json

from hypothesis import given
from hypothesis import strategies as st

from probe.control.sendable_addresses import MOST_ADDRESSES, sendable
from probe.helper.query import read_question
from probe.targets.address_guard import Contacts, may_contact
from probe.targets.url_lists import web_target
from tests.support.special_addresses import PUBLIC_V4, all_refused

HOST = "page.example"


def test_no_refused_address_is_sent() -> None:
    assert sendable({HOST: all_refused()}) == {}
    assert sendable({HOST: [*all_refused()[:40], PUBLIC_V4]}) == {HOST: [PUBLIC_V4]}


def test_at_most_sixteen_addresses_of_a_name_are_sent() -> None:
    given = [str(ipaddress.ip_address("93.184.216.0") + n) for n in range(40)]
    assert sendable({HOST: given}) == {HOST: given[:MOST_ADDRESSES]}


@given(st.lists(st.ip_addresses().map(str), max_size=20))
def test_our_helper_accepts_what_is_sent(addresses: list[str]) -> None:
    sent = sendable({HOST: addresses})
    question = read_question(json.dumps({"url": f"https://{HOST}/", "addresses": sent}).encode(), {}, Contacts.PUBLIC)
    assert question.target.services == web_target(f"https://{HOST}/").services
    public = [ip for ip in addresses if may_contact(ip, Contacts.PUBLIC)][:MOST_ADDRESSES]
    assert question.addresses == ({HOST: list(dict.fromkeys(public))} if public else {})
