"""Test that the table of dialects is consistent, and that every table of functions covers it."""

import pytest

from probe.dialogue import DIALOGUE_BY_DIALECT
from probe.followups.udp_echo import PAYLOADS
from probe.lab.services.datagrams import DATAGRAMS
from probe.lab.services.protocols import GREETING_SERVERS, PLAIN_SERVERS, TLS_SERVERS
from probe.targets.dialects import DIALECTS, LAYERS, PROOF_DEPTH, SCHEMES, TRANSPORTS, deepest_proof, shallowest_proof
from probe.targets.target import parse_endpoint


def test_every_dialect_has_a_dialogue() -> None:
    assert DIALOGUE_BY_DIALECT.keys() == DIALECTS.keys()


def test_every_dialect_with_an_echo_payload_has_a_datagram_for_the_echo() -> None:
    assert PAYLOADS.keys() == {name for name, dialect in DIALECTS.items() if dialect.echo_payload}


def test_lab_serves_every_dialect_in_the_way_that_the_table_states() -> None:
    in_the_clear = {voice.dialect for voice in PLAIN_SERVERS} | GREETING_SERVERS.keys()
    over_udp = DATAGRAMS.keys() | {"dns+udp"}  # DNS has a server of its own
    assert TLS_SERVERS.keys() == {name for name, dialect in DIALECTS.items() if dialect.tls_first}
    assert over_udp == {name for name, dialect in DIALECTS.items() if dialect.carrier == "udp"}
    assert in_the_clear == DIALECTS.keys() - TLS_SERVERS.keys() - over_udp


@pytest.mark.parametrize("name", DIALECTS)
def test_facts_of_one_dialect_agree_with_each_other(name: str) -> None:
    dialect = DIALECTS[name]
    assert dialect.name == name and dialect.scheme in SCHEMES and dialect.transport in {"", *TRANSPORTS}
    assert dialect.proof in PROOF_DEPTH and set(dialect.layers) <= set(LAYERS)
    if dialect.has_exchangeable_name:
        assert dialect.name_layer in dialect.layers[:2]
    if dialect.payload_authenticates:
        assert "payload" in dialect.layers
    assert set(dialect.alpn_offered) <= set(dialect.alpn_served)


@pytest.mark.parametrize("name", sorted(name for name in DIALECTS if name.endswith("/tls")))
def test_call_dialect_over_tls_shows_a_name_and_authenticates_the_server(name: str) -> None:
    dialect = DIALECTS[name]
    assert dialect.has_exchangeable_name and dialect.tls_first and dialect.authenticates_server


@pytest.mark.parametrize(
    ("url", "layers", "proof"),
    [
        ("quic://a.example:443", ("quic",), "quic"),
        ("quic://a.example:443/", ("quic", "http"), "http"),
        ("sip://a.example:5060", ("payload",), "sip"),
        ("sip://a.example:5061;transport=tls", ("tcp", "tls", "payload"), "sip"),
    ],
)
def test_endpoint_has_the_facts_of_its_transport_and_path(url: str, layers: tuple[str, ...], proof: str) -> None:
    facts = parse_endpoint(url).facts
    assert (facts.layers, facts.proof) == (layers, proof)


def test_proofs_are_ordered_by_depth_and_no_proof_is_the_shallowest() -> None:
    assert deepest_proof(["tcp", "", "http", "tls"]) == "http" and deepest_proof([]) == ""
    assert shallowest_proof(["http", "tcp"]) == "tcp" and shallowest_proof(["http", ""]) == ""
