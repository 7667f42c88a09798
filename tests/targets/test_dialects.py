"""Test that the table of dialects is consistent, and that every table of functions covers it."""

import ast
from pathlib import Path

import pytest

from probe.dialogue import DIALOGUE_BY_DIALECT, FIRST_MESSAGE_BY_DIALECT
from probe.formats.entries import payload_kinds
from probe.lab.services.datagrams import DATAGRAMS
from probe.lab.services.tcp_dialects import GREETING_SERVERS, PLAIN_SERVERS, TLS_SERVERS
from probe.targets.dialects import DIALECTS, LAYERS, PROOF_DEPTH, SCHEMES, TRANSPORTS, deepest_proof, shallowest_proof
from probe.targets.target import parse_endpoint

ROOT = Path(__file__).parents[2]


def test_every_dialect_has_a_dialogue() -> None:
    assert DIALOGUE_BY_DIALECT.keys() == DIALECTS.keys()


def test_every_dialect_with_a_payload_of_its_own_has_a_first_message() -> None:
    own = {name for name, dialect in DIALECTS.items() if dialect.payload_kind and not dialect.unlisted}
    assert FIRST_MESSAGE_BY_DIALECT.keys() == own


def test_payloads_of_dialects_and_of_entries_are_the_same() -> None:
    kinds = {dialect.payload_kind for dialect in DIALECTS.values()} - {"", "random"}
    assert kinds == set(payload_kinds())


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


# Names of dialects that also name layers, URL schemes, engines or lists of entries.
AMBIGUOUS = {"tcp", "tls", "quic", "http", "https", "dot", "doh", "mtproto", "noise"}


def second_tables(tree: ast.AST) -> list[int]:
    """Return the lines of collections that list several dialects. Tables of functions by dialect are allowed."""
    found = []
    for node in ast.walk(tree):
        parts: list[ast.expr | None] = []
        if isinstance(node, ast.Set | ast.Tuple | ast.List):
            parts = list(node.elts)
        elif isinstance(node, ast.Dict) and all(isinstance(value, ast.Constant | ast.Tuple) for value in node.values):
            parts = list(node.keys)
        values = {part.value for part in parts if isinstance(part, ast.Constant)}
        if len(values) >= 2 and values <= DIALECTS.keys() and not values <= AMBIGUOUS:
            found.append(getattr(node, "lineno", 0))
    return found


def test_second_table_of_dialects_is_found() -> None:
    assert second_tables(ast.parse('NAMED = frozenset({"https", "stun/tls"})')) == [1]
    assert second_tables(ast.parse('RUN = {"https": run_https, "smtps": run_smtps}')) == []


def test_facts_about_dialects_are_in_one_table_only() -> None:
    tables = {
        f"{path.relative_to(ROOT)}:{line}"
        for path in (ROOT / "probe").rglob("*.py")
        if path.name != "dialects.py"
        for line in second_tables(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert tables == set()
