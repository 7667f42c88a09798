"""Unbound and NSD: a record that only NSD holds, by every way that the steps know; Unbound as the run's resolver."""

import base64

import dns.flags
import dns.message
import pytest

from tests.real.servers import nsd, unbound
from tests.real.servers.nsd import TTL
from tests.real.visit import FAMILIES, RESOLVER, ROOT, Visit

pytestmark = pytest.mark.lab
WAYS = ["unbound/udp", "unbound/tcp", "unbound/dot", "unbound/doh", "nsd/udp", "nsd/tcp", "nsd/dot"]


def message_of(visited: Visit, way: str, mark: str, marked: str) -> dns.message.Message:
    """The message by which a server answered the question for `mark`, once the entry was found to be right."""
    outcome = visited.answers[f"{way}/{mark}"]
    assert outcome["failure"] is None
    entry = outcome["entry"]
    assert (entry["engine"], entry["hostname"]) == (way.partition("/")[2], mark)
    assert [answer["ipv4"] for answer in entry["answers"]] == [marked]
    assert TTL - 60 < entry["answers"][0]["ttl"] <= TTL
    return dns.message.from_wire(base64.b64decode(entry["raw_response"]))


@pytest.mark.parametrize("way", WAYS)
def test_what_nsd_knows_comes_from_it_and_through_unbound(visited: Visit, way: str) -> None:
    message = message_of(visited, way, nsd.MARK, nsd.MARKED)
    from_nsd = way.startswith("nsd/")
    assert bool(message.flags & dns.flags.AA) == from_nsd
    assert bool(message.flags & dns.flags.RA) != from_nsd
    authority = [record.to_text() for rrset in message.authority for record in rrset]
    assert authority == ([f"{ROOT}."] if from_nsd else [])


@pytest.mark.parametrize("way", [way for way in WAYS if way.startswith("unbound/")])
def test_what_only_unbound_knows(visited: Visit, way: str) -> None:
    message = message_of(visited, way, unbound.MARK, unbound.MARKED)
    assert message.flags & dns.flags.AA  # its own data, unlike what it asked for


@pytest.mark.parametrize("way", [way for way in WAYS if way.startswith("nsd/")])
def test_nsd_knows_nothing_of_it(visited: Visit, way: str) -> None:
    assert visited.answers[f"{way}/{unbound.MARK}"]["failure"] == "dns_nxdomain_error"


def test_the_run_asked_unbound_for_every_name(visited: Visit) -> None:
    """The encrypted resolver that vouches for addresses."""
    for target in visited.lines:
        lookups = [query for query in visited.entries(target, "queries") if "lookup" in query["tags"]]
        encrypted = [query for query in lookups if query["engine"] in {"dot", "doh"}]
        assert encrypted
        for query in encrypted:
            assert RESOLVER in query["resolver_address"]
            assert query["answers"]
            assert all(TTL - 60 < answer["ttl"] <= TTL for answer in query["answers"])


@pytest.mark.parametrize(("service", "proof"), [("names/unbound", "answer"), ("names/nsd", "answer")])
def test_verdict(visited: Visit, service: str, proof: str) -> None:
    visited.assert_ok(service, proof)


@pytest.mark.parametrize("way", WAYS)
def test_the_nettest_asks_them_for_a_neutral_name(visited: Visit, way: str) -> None:
    server, _, engine = way.partition("/")
    queries = [
        query
        for query in visited.entries("names", "queries")
        if query["engine"] == engine and {server, "first"} <= set(query["tags"])
    ]
    assert len(queries) == len(FAMILIES)
    for query in queries:
        assert (query["hostname"], query["failure"]) == ("neutral.example", None)
        assert all(TTL - 60 < answer["ttl"] <= TTL for answer in query["answers"])
        message = dns.message.from_wire(base64.b64decode(query["raw_response"]))
        assert bool(message.flags & dns.flags.AA) == (server == "nsd")
