"""Test Unbound and NSD with all engines, and Unbound as the resolver of the run."""

import base64

import dns.flags
import dns.message
import pytest

from tests.real.servers import nsd, unbound
from tests.real.servers.nsd import TTL
from tests.real.visit import FAMILIES, RESOLVER, RESOLVER_V6, ROOT, Visit

pytestmark = pytest.mark.lab
ENGINES = ["unbound/udp", "unbound/tcp", "unbound/dot", "unbound/doh", "nsd/udp", "nsd/tcp", "nsd/dot"]


def message_of(visited: Visit, server: str, mark: str, marked: str) -> dns.message.Message:
    """Check the entry of the query for `mark` and return the answer of the server."""
    outcome = visited.answers[f"{server}/{mark}"]
    assert outcome["failure"] is None
    entry = outcome["entry"]
    assert (entry["engine"], entry["hostname"]) == (server.partition("/")[2], mark)
    assert [answer["ipv4"] for answer in entry["answers"]] == [marked]
    assert TTL - 60 < entry["answers"][0]["ttl"] <= TTL
    return dns.message.from_wire(base64.b64decode(entry["raw_response"]))


@pytest.mark.parametrize("server", ENGINES)
def test_record_of_nsd_comes_from_nsd_and_through_unbound(visited: Visit, server: str) -> None:
    message = message_of(visited, server, nsd.MARK, nsd.MARKED)
    from_nsd = server.startswith("nsd/")
    assert bool(message.flags & dns.flags.AA) == from_nsd
    assert bool(message.flags & dns.flags.RA) != from_nsd
    authority = [record.to_text() for rrset in message.authority for record in rrset]
    assert authority == ([f"{ROOT}."] if from_nsd else [])


@pytest.mark.parametrize("server", [server for server in ENGINES if server.startswith("unbound/")])
def test_record_of_unbound_is_its_own(visited: Visit, server: str) -> None:
    message = message_of(visited, server, unbound.MARK, unbound.MARKED)
    assert message.flags & dns.flags.AA  # its own data, not resolved through NSD


@pytest.mark.parametrize("server", [server for server in ENGINES if server.startswith("nsd/")])
def test_record_of_unbound_is_unknown_to_nsd(visited: Visit, server: str) -> None:
    assert visited.answers[f"{server}/{unbound.MARK}"]["failure"] == "dns_nxdomain_error"


def test_run_queries_unbound_for_each_name(visited: Visit) -> None:
    """Test that Unbound is the encrypted resolver that verifies addresses."""
    for target in visited.measurements:
        lookups = [query for query in visited.entries(target, "queries") if "lookup" in query["tags"]]
        encrypted = [query for query in lookups if query["engine"] in {"dot", "doh"}]
        assert encrypted
        for query in encrypted:
            assert any(address in query["resolver_address"] for address in (RESOLVER, RESOLVER_V6))
            assert query["answers"]
            assert all(TTL - 60 < answer["ttl"] <= TTL for answer in query["answers"])


@pytest.mark.parametrize(("service", "proof"), [("names/unbound", "answer"), ("names/nsd", "answer")])
def test_verdict_is_ok(visited: Visit, service: str, proof: str) -> None:
    visited.assert_ok(service, proof)


@pytest.mark.parametrize("server", ENGINES)
def test_nettest_queries_neutral_name(visited: Visit, server: str) -> None:
    server, _, engine = server.partition("/")
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
