"""Test resolvers that limit queries, that are false for one name for a time, and public ones, without namespaces."""

from typing import Literal

import pytest

from probe.lab.censors.dns_censors import DNSLie
from probe.lab.censors.kit.middlebox import Deployment, Middlebox
from probe.lab.censors.resolver_limits import QueryLimit
from probe.lab.net.dns_packets import read_question, reply
from probe.lab.net.layout import Direction
from probe.lab.net.packets import Packet, udp_packet
from probe.wire.dns.dns_message import build_query

RESOLVER, PUBLIC, USER = "192.88.99.53", "1.1.1.3", "192.168.1.20"
OTHER = "t.co"
NAME = "web.telegram.org"


def seen(device: Middlebox, now: float, *, name: str = NAME, source: str = RESOLVER) -> str:
    """Return what becomes of a resolver's answer: passed, dropped, or its rcode after a change."""
    question = read_question(build_query(name, "A", 7))
    assert question is not None
    packet = Packet(udp_packet(source, USER, 53, 4000, reply(question, ["8.8.8.8"]), ttl=60))
    actions = device.see(packet, Direction.IN, now)
    if actions is None:
        return "passed"
    return "dropped" if actions.replace is None else f"rcode {Packet(actions.replace).payload[3] & 15}"


def deployed(device: Middlebox) -> Middlebox:
    device.deploy(Deployment(resolvers=[RESOLVER]))
    return device


@pytest.mark.parametrize(("how", "result"), [("refused", "rcode 5"), ("servfail", "rcode 2"), ("silent", "dropped")])
def test_limit_counts_queries_in_its_time(how: Literal["refused", "servfail", "silent"], result: str) -> None:
    device = deployed(QueryLimit(most=2, seconds=5.0, how=how, names=["*.telegram.org"]))
    assert [seen(device, now) for now in (0.0, 1.0, 2.0, 4.9, 5.1, 5.2)] == [
        *("passed", "passed", result, result, "passed", result),
    ]
    assert seen(device, 5.2, name=OTHER) == seen(device, 5.2, source=PUBLIC) == "passed"


def test_answers_for_the_names_alone_are_false_for_a_time() -> None:
    device = deployed(DNSLie(names=[NAME], rcode="refused", lasts=4.0, lasts_for="names"))
    assert seen(device, 0.0) == seen(device, 3.9) == "rcode 5"
    assert seen(device, 1.0, name=OTHER) == seen(device, 4.1) == "passed"


def test_answers_of_a_public_resolver_are_false() -> None:
    device = deployed(DNSLie(names=[NAME], rcode="nxdomain", resolvers=[PUBLIC]))
    assert seen(device, 0.0, source=PUBLIC) == "rcode 3"
    assert seen(device, 0.0) == "passed"
