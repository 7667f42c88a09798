"""Define the feature row about the network of a run: what all its measurements show together."""

from dataclasses import dataclass

from probe.analysis.sql.column import column

UNLISTED_NAMES = tuple(
    f"{kind}:{layer}:{way}"
    for layer in ("tls", "http")
    for way in ("reset", "timeout", "close")
    for kind in ("unlisted_names_fail", "all_names_but_the_hosts_own_fail")
)
"""Rules by which only listed names pass. QUIC is left out, since a list for QUIC alone leaves the web as it is."""

ONE_PROTOCOL = ("payload_fails_beside_other_protocol:payload:timeout",)
UNLISTED_PROTOCOLS = ("payload_unlisted_protocols_fail",)
"""Rules by which only listed protocols pass."""

ANY_HELLO_WITH_ECH = tuple(f"tls_any_hello_with_ech_fails:tls:{way}" for way in ("reset", "timeout"))
ANY_NAME_IN_QUIC = tuple(f"fails_again_for_any_name:quic:{way}" for way in ("timeout", "close"))
RESOLVER_DENIES = "dns_resolver_denies"
NO_DATAGRAM = tuple(f"no_datagram_passes:{layer}" for layer in ("stun", "turn", "sip", "reflector", "dtls"))
DATAGRAMS_ABSENT = "address_datagrams_absent"
FEW_PORTS, MAIL_PORT_CLOSED = "few_ports_pass", "mail_port_closed"
TOO_LONG = tuple(f"datagrams_too_long_here:{layer}" for layer in ("turn", "sip", "dtls", "quic"))


def _listed(rule_ids: tuple[str, ...]) -> str:
    return f"({', '.join(repr(rule_id) for rule_id in rule_ids)})"


def _count(source: str, what: str = "*") -> str:
    return f"(SELECT count({what}) FROM {source})"


def _hosts(condition: str) -> str:
    return _count(f"run_host h WHERE h.m = c.m AND {condition}")


def _checks(condition: str) -> str:
    return _count(f"run_check k WHERE k.m = c.m AND {condition}")


def _of_endpoints(condition: str, what: str) -> str:
    return _count(f"run_endpoint e WHERE e.m = c.m AND {condition}", f"DISTINCT e.{what}")


def _flows(condition: str) -> str:
    return _count(f"run_flow f WHERE f.m = c.m AND {condition}")


_DATAGRAM = "e.carrier = 'datagram' AND e.names = ''"
_ACCUSED = "e.state IN ('blocked', 'likely_blocked')"
_RELAY = (
    "e.carrier = 'datagram' AND (e.endpoint LIKE 'stun:%' OR e.endpoint LIKE 'turn:%' OR e.endpoint LIKE 'reflector:%')"
)
_BESIDE_LISTED = (
    "f.kind IN ('innocuous', 'other_name_same_address') AND f.carrier = 'stream'"
    " AND EXISTS (SELECT 1 FROM run_endpoint e WHERE e.m = f.m"
    " AND e.endpoint = f.endpoint AND e.state = 'ok' AND e.port = 443)"
)


@dataclass
class RegimeRow:
    """Hold what a run shows about its network, once for each regime that is looked for."""

    candidate: str = column("", "The regime that is looked for.", "c.regime")
    portals: int = column(0, "Checks of the network that a sign-in page answered.", _checks("k.portal"))
    large_packets_lost: int = column(
        0, "Checks by which large packets are lost on the way.", _checks("k.large_packets_lost")
    )
    udp_passed: int = column(0, "Checks in which a public server answered over UDP.", _checks("k.udp_public = 1"))
    udp_failed: int = column(0, "Checks in which no public server answered over UDP.", _checks("k.udp_public = 0"))
    providers_resolver: bool = column(
        False,
        "The system asks a resolver of the provider, and no device in the local network between them.",
        f"{_checks('k.providers_resolver')} > 0",
    )
    neutral_proven: int = column(
        0, "Neutral hosts abroad that proved their identity.", _hosts("NOT h.home AND h.proven > 0")
    )
    neutral_disturbed: int = column(
        0,
        "Neutral hosts abroad of which a test failed otherwise than by silence before the connect.",
        _hosts("NOT h.home AND h.tests > h.proven + h.connected + h.silent"),
    )
    neutral_hosts: int = column(0, "Neutral hosts abroad that were tested.", _hosts("NOT h.home"))
    neutral_shown: int = column(
        0, "Of these, the hosts that are asked for their certificate.", _hosts("NOT h.home AND h.asked > 0")
    )
    neutral_reset: int = column(
        0,
        "Neutral hosts abroad of which every connection was refused or reset.",
        _hosts("NOT h.home AND h.reset = h.tests"),
    )
    neutral_silent: int = column(
        0,
        "Neutral hosts abroad that never answered a connect.",
        _hosts("NOT h.home AND h.silent = h.tests"),
    )
    neutral_silent_by_address: int = column(
        0,
        "Of these, hosts with an IPv4 address in the place of a name, which are tested if no name has an address.",
        _hosts("NOT h.home AND h.silent = h.tests AND substr(h.host, length(h.host), 1) BETWEEN '0' AND '9'"),
    )
    home_proven: int = column(
        0, "Hosts in the country of the run that proved their identity.", _hosts("h.home AND h.proven > 0")
    )
    neutral_cut: int = column(
        0,
        "Neutral hosts abroad that accepted connections, of which every handshake was cut off or silent.",
        _hosts("NOT h.home AND h.asked > 0 AND h.cut = h.asked"),
    )
    apps_working: int = column(
        0,
        "Apps with an endpoint that proved its identity and works.",
        _of_endpoints("e.state = 'ok' AND e.authenticates AND e.names = ''", "app"),
    )
    services_accused: int = column(
        0,
        "Services that are interfered with, as a whole or at an endpoint.",
        _of_endpoints(
            "(e.state IN ('blocked', 'likely_blocked', 'degraded') OR e.service_state = 'degraded')", "service"
        ),
    )
    services_unclear: int = column(
        0,
        "Services that do not work, of which the cause is unclear, or that were not tested to their end.",
        _of_endpoints("e.service_state IN ('impaired', 'insufficient')", "service"),
    )
    services_disturbed: int = column(
        0, "Services with an anomaly: interference that did no harm.", _of_endpoints("e.has_anomaly", "service")
    )
    apps_blocked: int = column(
        0,
        "Apps with an endpoint over TCP that is blocked by an artefact. Resolvers, and what the lists of names and"
        " protocols explain, do not count.",
        _of_endpoints(
            "e.carrier = 'stream' AND e.state = 'blocked' AND e.names = ''"
            f" AND e.rule_id NOT IN {_listed(ONE_PROTOCOL + UNLISTED_PROTOCOLS + UNLISTED_NAMES)}",
            "app",
        ),
    )
    protocol_apps_blocked: int = column(
        0,
        "Apps whose own protocol is blocked at an address where another one passes.",
        _of_endpoints(f"e.rule_id IN {_listed(ONE_PROTOCOL)}", "app"),
    )
    datagram_apps_blocked: int = column(
        0,
        "Apps with an endpoint over UDP that is blocked by an artefact. DNS and QUIC do not count.",
        _of_endpoints(f"{_DATAGRAM} AND e.state = 'blocked'", "app"),
    )
    datagram_services_silent: int = column(
        0,
        "Services with an endpoint over UDP that is silent, like a random datagram to the helper.",
        _of_endpoints(f"{_DATAGRAM} AND e.rule_id IN {_listed(NO_DATAGRAM)}", "service"),
    )
    datagram_services_absent: int = column(
        0,
        "Services with an endpoint over UDP that is silent, where no public server answers over UDP.",
        _of_endpoints(f"{_DATAGRAM} AND e.rule_id = '{DATAGRAMS_ABSENT}'", "service"),
    )
    datagrams_working: int = column(
        0,
        "Services with an endpoint over UDP that works. DNS and QUIC do not count.",
        _of_endpoints(f"{_DATAGRAM} AND e.state = 'ok'", "service"),
    )
    relay_apps_accused: int = column(
        0,
        "Apps with a call relay that is blocked or likely blocked over UDP, while random datagrams to the helper pass.",
        _of_endpoints(f"{_RELAY} AND {_ACCUSED} AND e.rule_id NOT IN {_listed(NO_DATAGRAM)}", "app"),
    )
    relay_apps_working: int = column(
        0, "Apps with a call relay that answers over UDP.", _of_endpoints(f"{_RELAY} AND e.state = 'ok'", "app")
    )
    quic_apps_blocked: int = column(
        0,
        "Apps with an endpoint over QUIC that is blocked by an artefact.",
        _of_endpoints("e.carrier = 'quic' AND e.state = 'blocked'", "app"),
    )
    quic_apps_silent: int = column(
        0,
        "Apps with an endpoint over QUIC that fails with any name.",
        _of_endpoints(f"e.carrier = 'quic' AND e.rule_id IN {_listed(ANY_NAME_IN_QUIC)}", "app"),
    )
    quic_working: int = column(
        0,
        "Services with an endpoint over QUIC that works.",
        _of_endpoints("e.carrier = 'quic' AND e.state = 'ok'", "service"),
    )
    neutral_quic_passed: int = column(
        0,
        "Flows over QUIC to a neutral host with its own name that passed.",
        _flows("f.kind = 'neutral_name_neutral_host' AND f.carrier = 'quic' AND f.passed"),
    )
    neutral_quic_failed: int = column(
        0,
        "Flows over QUIC to a neutral host with its own name that failed.",
        _flows("f.kind = 'neutral_name_neutral_host' AND f.carrier = 'quic' AND NOT f.passed"),
    )
    unlisted_services: int = column(
        0,
        "Services with an endpoint by which only listed names pass.",
        _of_endpoints(f"e.rule_id IN {_listed(UNLISTED_NAMES)}", "service"),
    )
    nonexistent_passed: int = column(
        0,
        "Flows over TCP with a non-existent name that passed at a neutral host.",
        _flows("f.kind = 'nonexistent_name_neutral_host' AND f.carrier = 'stream' AND f.passed"),
    )
    innocuous_beside_listed: int = column(
        0,
        "Flows with an innocuous name that passed at a server on port 443 that works.",
        _flows(f"{_BESIDE_LISTED} AND f.passed"),
    )
    innocuous_cut_beside_listed: int = column(
        0,
        "Flows with an innocuous name that failed at a server on port 443 that works.",
        _flows(f"{_BESIDE_LISTED} AND NOT f.passed"),
    )
    unlisted_protocol_apps: int = column(
        0,
        "Apps with an endpoint by which only listed protocols pass.",
        _of_endpoints(f"e.rule_id IN {_listed(UNLISTED_PROTOCOLS)}", "app"),
    )
    web_port_working: int = column(
        0,
        "Services with an endpoint over TCP on port 443 that works.",
        _of_endpoints("e.carrier = 'stream' AND e.port = 443 AND e.state = 'ok'", "service"),
    )
    web_port_apps_accused: int = column(
        0,
        "Apps with an endpoint over TCP on port 443 that is blocked or likely blocked.",
        _of_endpoints(f"e.carrier = 'stream' AND e.port = 443 AND {_ACCUSED}", "app"),
    )
    other_ports_working: int = column(
        0,
        "Services with an endpoint on another port that proved its identity and works.",
        _of_endpoints("e.port <> 443 AND e.state = 'ok' AND e.authenticates", "service"),
    )
    few_ports_services: int = column(
        0,
        "Services with an endpoint at a port that is closed for unrelated servers, as a port of no service is.",
        _of_endpoints(f"e.rule_id = '{FEW_PORTS}'", "service"),
    )
    mail_port_services: int = column(
        0,
        "Services with an endpoint at a port of mail programs that is closed for unrelated servers.",
        _of_endpoints(f"e.rule_id = '{MAIL_PORT_CLOSED}'", "service"),
    )
    unusual_ports_working: int = column(
        0,
        "Services with an endpoint over TCP that works, at another port than 80 and 443.",
        _of_endpoints("e.carrier = 'stream' AND e.port NOT IN (80, 443) AND e.state = 'ok'", "service"),
    )
    datagram_ports_in_doubt: int = column(
        0,
        "Services with an endpoint over UDP that works, at a port where another one is silent like a random datagram.",
        _of_endpoints(
            f"{_DATAGRAM} AND e.state = 'ok' AND EXISTS (SELECT 1 FROM run_endpoint o WHERE o.m = e.m"
            f" AND o.port = e.port AND o.rule_id IN {_listed(NO_DATAGRAM)})",
            "service",
        ),
    )
    long_datagram_services: int = column(
        0,
        "Services whose datagrams are longer than random ones that pass.",
        _of_endpoints(f"e.rule_id IN {_listed(TOO_LONG)}", "service"),
    )
    apps_denied: int = column(
        0,
        "Apps with a name that the system resolver denies, and that exists.",
        _of_endpoints(f"e.rule_id = '{RESOLVER_DENIES}'", "app"),
    )
    forged_names: int = column(
        0, "Services of which an endpoint gets a false address.", _of_endpoints("e.forged_name", "service")
    )
    encrypted_dns_accused: int = column(
        0,
        "Resolvers of which every endpoint of encrypted DNS is blocked or likely blocked.",
        _count("run_resolver r WHERE r.m = c.m AND r.encrypted > 0 AND r.encrypted_accused = r.encrypted"),
    )
    encrypted_dns_working: int = column(
        0,
        "Resolvers with an endpoint of encrypted DNS that works.",
        _of_endpoints("e.names = 'encrypted' AND e.state = 'ok'", "service"),
    )
    plain_dns_working: int = column(
        0,
        "Resolvers with an endpoint of plain DNS that works.",
        _of_endpoints("e.names = 'plain' AND e.state = 'ok'", "service"),
    )
    ech_services: int = column(
        0,
        "Services whose hellos with Encrypted ClientHello fail with any name, at a neutral host too.",
        _of_endpoints(f"e.rule_id IN {_listed(ANY_HELLO_WITH_ECH)}", "service"),
    )
