"""Decide which regimes the network of a run has. These statements run only when they are asked for.

`m` numbers the runs. The tables are filled from the checks of the network, the verdict records and some flows of all
measurements of a run.
"""

from dataclasses import fields

from probe.analysis.features.regime_row import (
    ANY_HELLO_WITH_ECH,
    ANY_NAME_IN_QUIC,
    DATAGRAMS_ABSENT,
    FEW_PORTS,
    MAIL_PORT_CLOSED,
    NO_DATAGRAM,
    RESOLVER_DENIES,
    TOO_LONG,
    UNLISTED_NAMES,
    UNLISTED_PROTOCOLS,
)
from probe.analysis.features.rows import RegimeRow
from probe.analysis.pipeline.input_tables import BOOL, INT, TEXT
from probe.analysis.pipeline.rule_facts import decided
from probe.analysis.sql.expressions import quoted
from probe.analysis.sql.statement import InputTable, Statement

_M = {"m": (INT, "number of the run")}
_BY_RUN = (("m",),)

REGIME_CANDIDATE = InputTable(
    "regime_candidate",
    "One row per run and regime that is looked for.",
    _M | {"regime": (TEXT, "name of the regime")},
)
RUN_CHECK = InputTable(
    "run_check",
    "One row per check of the network, the preflight included.",
    _M
    | {
        "portal": (BOOL, "a sign-in page answered"),
        "udp_public": (INT, "UDP to public servers passed: 1 yes, 0 no, -1 unknown"),
        "large_packets_lost": (BOOL, "large packets are lost on the way, or may be"),
        "providers_resolver": (BOOL, "the system resolver has a public address and is none of the public resolvers"),
    },
    joined_by=_BY_RUN,
)
RUN_NEUTRAL = InputTable(
    "run_neutral",
    "One row per test of a neutral host at an address. A family over which no host answered is left out.",
    _M
    | {
        "host": (TEXT, "name of the host"),
        "home": (BOOL, "the host is in the country of the run"),
        "connect_only": (BOOL, "no handshake follows the connect"),
        "outcome": (TEXT, "proven, connected, reset, cut (reset in the handshake), stopped (silent in it), silent"),
    },
)
RUN_ENDPOINT = InputTable(
    "run_endpoint",
    "One row per endpoint of a valid verdict record.",
    _M
    | {
        "app": (TEXT, "name of the target"),
        "service": (TEXT, "target and role"),
        "endpoint": (TEXT, "URL of the endpoint"),
        "carrier": (TEXT, "stream, datagram or quic"),
        "port": (INT, "port of the endpoint"),
        "authenticates": (BOOL, "a success proves that the server is the genuine one"),
        "names": (TEXT, "encrypted or plain, for an endpoint of a resolver, else empty"),
        "state": (TEXT, "state of the endpoint"),
        "rule_id": (TEXT, "rule that decided on the endpoint"),
        "service_state": (TEXT, "state of the service"),
        "has_anomaly": (BOOL, "the service has an anomaly"),
        "forged_name": (BOOL, "a false address was sent for its name"),
        "line": (INT, "line of the measurement"),
    },
    joined_by=(("m", "endpoint"),),
)
RUN_FLOW = InputTable(
    "run_flow",
    "One row per flow with an innocuous or non-existent name, or with a neutral host's own name.",
    _M
    | {
        "kind": (TEXT, "innocuous, or the kind of the follow-up"),
        "carrier": (TEXT, "stream or quic"),
        "endpoint": (TEXT, "URL of the endpoint that it belongs to"),
        "passed": (BOOL, "the handshake was completed, with whatever certificate"),
    },
    joined_by=_BY_RUN,
)
REGIME_INPUTS = (REGIME_CANDIDATE, RUN_CHECK, RUN_NEUTRAL, RUN_ENDPOINT, RUN_FLOW)

RUN_HOSTS = Statement(
    "run_host",
    "The neutral hosts of a run with how their tests ended.",
    ("m", "host"),
    "SELECT m, host, home, count(*) AS tests, count(*) FILTER (WHERE NOT connect_only) AS asked,"
    " count(*) FILTER (WHERE outcome = 'proven') AS proven,"
    " count(*) FILTER (WHERE outcome = 'connected') AS connected,"
    " count(*) FILTER (WHERE outcome = 'reset') AS reset,"
    " count(*) FILTER (WHERE outcome IN ('cut', 'stopped')) AS cut,"
    " count(*) FILTER (WHERE outcome = 'silent') AS silent FROM run_neutral GROUP BY m, host, home",
)
RUN_RESOLVERS = Statement(
    "run_resolver",
    "The resolvers of a run that have encrypted DNS, with the states of its endpoints.",
    ("m", "service"),
    "SELECT m, service, count(*) AS encrypted,"
    " count(*) FILTER (WHERE state IN ('blocked', 'likely_blocked')) AS encrypted_accused"
    " FROM run_endpoint WHERE names = 'encrypted' GROUP BY m, service",
)
_SHOWN = tuple(column for column in fields(RegimeRow) if column.name != "candidate")
RUN_ROWS = Statement(
    "run_row",
    "What each run shows about its network. The columns are those of the feature row.",
    ("m",),
    "SELECT c.m,\n"
    + ",\n".join(f"  {column.metadata['sql']} AS {column.name}" for column in _SHOWN)
    + "\nFROM (SELECT DISTINCT m FROM regime_candidate) c",
)
REGIME_ROWS = Statement(
    "regime_row",
    "The feature row of each run and regime that is looked for.",
    ("m", "regime"),
    "SELECT c.m, c.regime, c.regime AS candidate, "
    + ", ".join(f"r.{column.name}" for column in _SHOWN)
    + "\nFROM regime_candidate c JOIN run_row r ON r.m = c.m",
)
REGIME_DECIDED = decided(
    "regime_decided", "The rule that decides on each regime.", RegimeRow, ("m", "regime"), "regime_row"
)
REGIME_STATEMENTS = (RUN_HOSTS, RUN_RESOLVERS, RUN_ROWS, REGIME_ROWS, REGIME_DECIDED)

_HOSTS = "SELECT m, host, outcome, 0 FROM run_neutral WHERE"
_ENDPOINTS = "SELECT m, service || ' ' || endpoint, rule_id, line FROM run_endpoint WHERE"
_ACCUSED = "state IN ('blocked', 'likely_blocked')"
_QUIC_LOST = (
    "SELECT m, 'neutral host over QUIC', 'failed', 0 FROM run_flow"
    " WHERE kind = 'neutral_name_neutral_host' AND carrier = 'quic' AND NOT passed"
)

WITNESSES: dict[str, tuple[str, ...]] = {
    "captive": ("SELECT m, 'check of the network', 'portal', 0 FROM run_check WHERE portal",),
    "international_cut": (f"{_HOSTS} home AND outcome = 'proven'", f"{_HOSTS} NOT home AND outcome = 'silent'"),
    "port_443_reset": (
        f"{_HOSTS} outcome = 'reset'",
        f"{_ENDPOINTS} carrier = 'stream' AND (port = 443 AND {_ACCUSED} OR port <> 443 AND state = 'ok')",
    ),
    "allowlist_address": (f"{_HOSTS} outcome IN ('cut', 'stopped')", f"{_ENDPOINTS} state = 'ok' AND authenticates"),
    "allowlist_name": (
        f"{_ENDPOINTS} rule_id IN {quoted(UNLISTED_NAMES)}",
        f"{_HOSTS} outcome IN ('cut', 'stopped', 'proven')",
    ),
    "protocol_allowlist": (f"{_ENDPOINTS} rule_id IN {quoted(UNLISTED_PROTOCOLS)}",),
    "blocklist": (f"{_ENDPOINTS} state = 'blocked' AND names = ''", f"{_HOSTS} outcome = 'proven'"),
    "national_dns_delisting": (f"{_ENDPOINTS} rule_id = '{RESOLVER_DENIES}'",),
    "encrypted_dns_blocked": (f"{_ENDPOINTS} names = 'encrypted' OR names = 'plain' AND state = 'ok'",),
    "ech_blocked": (f"{_ENDPOINTS} rule_id IN {quoted(ANY_HELLO_WITH_ECH)}",),
    "quic_blocked": (
        f"{_ENDPOINTS} carrier = 'quic' AND rule_id IN {quoted(ANY_NAME_IN_QUIC)}",
        _QUIC_LOST,
    ),
    "udp_blocked": (
        "SELECT m, 'check of the network', 'no UDP', 0 FROM run_check WHERE udp_public = 0",
        f"{_ENDPOINTS} rule_id IN {quoted((*NO_DATAGRAM, DATAGRAMS_ABSENT))}",
        _QUIC_LOST,
    ),
    "udp_limited": (
        f"{_ENDPOINTS} rule_id IN {quoted((*NO_DATAGRAM, *TOO_LONG))}",
        f"{_ENDPOINTS} carrier <> 'stream' AND state = 'ok'",
    ),
    "relay_ports_cut": (
        f"{_ENDPOINTS} carrier = 'datagram' AND {_ACCUSED}",
        f"{_ENDPOINTS} carrier <> 'stream' AND state = 'ok'",
    ),
    "few_ports": (f"{_ENDPOINTS} rule_id = '{FEW_PORTS}'", f"{_HOSTS} outcome = 'proven'"),
    "mail_ports_closed": (f"{_ENDPOINTS} rule_id = '{MAIL_PORT_CLOSED}'", f"{_HOSTS} outcome = 'proven'"),
    "open": (f"{_HOSTS} outcome = 'proven'", f"{_ENDPOINTS} state = 'ok' AND authenticates"),
}
"""SELECTs of (run, what was tested, what it showed, line of the measurement or 0), by regime."""
