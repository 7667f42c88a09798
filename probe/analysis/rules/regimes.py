"""Define the rules about the network of a run. Each rule decides on one regime, and several regimes can hold."""

from probe.analysis.rules.rule import Rule, State
from probe.messages import mark

REGIMES = (
    "captive",
    "international_cut",
    "port_443_reset",
    "allowlist_address",
    "allowlist_name",
    "protocol_allowlist",
    "blocklist",
    "national_dns_delisting",
    "encrypted_dns_blocked",
    "ech_blocked",
    "udp_blocked",
    "quic_blocked",
    "open",
)
"""The regimes from the most to the least general. The first one that holds is the main regime of a run."""

UNKNOWN = "unknown"
WITHOUT_LISTS = frozenset(
    {"international_cut", "port_443_reset", "allowlist_address", "allowlist_name", "protocol_allowlist"}
)
"""Regimes that block without a list of what is blocked. One sentence describes them better than a list of apps."""
RESTRICTIONS = frozenset(
    {"national_dns_delisting", "encrypted_dns_blocked", "ech_blocked", "udp_blocked", "quic_blocked"}
)
"""Regimes that leave most connections alone."""

_ONLY_LISTED_NAMES = "unlisted_services >= 2 AND nonexistent_passed = 0"
# Large packets that are lost leave handshakes silent too, and a home router without uplink accepts connections itself.
# A list may have the address of a neutral host. Most of them are on none.
_MOST_CUT_OFF = (
    "neutral_cut >= 3 AND neutral_cut > neutral_proven AND neutral_cut + neutral_proven = neutral_shown"
    " AND large_packets_lost = 0"
    " AND apps_working > 0 AND web_port_apps_accused + services_unclear >= 2"
)

REGIME_RULES = (
    Rule(
        "regime_captive",
        "candidate = 'captive' AND portals > 0",
        State.IMPAIRED,
        because="A captive portal answers in the place of every server.",
        plain=mark(
            "A sign-in page answers in the place of every server. Networks in hotels do so, and mobile networks "
            "without credit."
        ),
    ),
    Rule(
        "regime_international_cut",
        "candidate = 'international_cut' AND home_proven > 0 AND neutral_silent = neutral_hosts"
        " AND (neutral_silent >= 6 OR neutral_silent_by_address >= 4 AND udp_failed > 0)"
        " AND udp_passed + apps_working = 0",
        State.IMPAIRED,
        because="No neutral host abroad answers, in several networks. A host in the country proves its identity.",
        plain=mark(
            "Nothing outside the country answers, and servers inside it do. This happens in shutdowns, when the "
            "provider's lines abroad are broken, and in some mobile networks without credit."
        ),
    ),
    Rule(
        "regime_port_443_reset",
        "candidate = 'port_443_reset' AND neutral_proven = 0 AND neutral_reset >= 3 AND neutral_reset = neutral_hosts"
        " AND web_port_working = 0 AND web_port_apps_accused >= 2 AND other_ports_working > 0",
        State.DEGRADED,
        because=(
            "Every connection to port 443 is refused or reset, to all neutral hosts too. Servers on other ports prove "
            "their identity."
        ),
        plain=mark(
            "This network cuts off all encrypted web connections (port 443), whatever they lead to. Other connections "
            "pass."
        ),
    ),
    Rule(
        "regime_allowlist_of_addresses",
        f"candidate = 'allowlist_address' AND {_MOST_CUT_OFF} AND innocuous_beside_listed > 0"
        " AND innocuous_cut_beside_listed = 0",
        State.DEGRADED,
        because=(
            "Most neutral hosts accept connections and complete no handshake. Other servers prove their identity, and "
            "any name passes there."
        ),
        plain=mark(
            "This network lets only listed servers pass. Connections to all others are opened, but nothing gets "
            "through."
        ),
    ),
    Rule(
        "regime_allowlist_without_neutral_hosts",
        f"candidate = 'allowlist_name' AND {_MOST_CUT_OFF} AND innocuous_beside_listed = 0"
        " AND innocuous_cut_beside_listed > 0",
        State.DEGRADED,
        because=(
            "Most neutral hosts complete no handshake. Other servers prove their identity, and an innocuous name fails "
            "there too."
        ),
        plain=mark("This network lets only listed names pass. Connections with all other names are cut off."),
    ),
    Rule(
        "regime_allowlist_of_names",
        f"candidate = 'allowlist_name' AND neutral_proven > 0 AND {_ONLY_LISTED_NAMES}",
        State.DEGRADED,
        because=(
            "Connections with names of several services and with non-existent names fail. Neutral hosts prove their "
            "identity with their own names."
        ),
        plain=mark("This network lets only listed names pass. Connections with all other names are cut off."),
    ),
    Rule(
        "regime_allowlist_of_protocols",
        "candidate = 'protocol_allowlist' AND neutral_proven > 0 AND unlisted_protocol_apps >= 2",
        State.DEGRADED,
        because="Protocols of several apps fail, and so do random bytes to a neutral host that TLS reaches.",
        plain=mark("This network lets only well-known protocols pass. Other connections are cut off."),
    ),
    Rule(
        "regime_blocklist",
        "candidate = 'blocklist' AND neutral_proven > 0 AND apps_working > 0 AND (apps_blocked > 0"
        " OR protocol_apps_blocked > 0 AND unlisted_protocol_apps < 2"
        " OR datagram_apps_blocked > 0 AND datagrams_working > 0"
        " OR quic_apps_blocked > 0 AND quic_working + neutral_quic_passed > 0)"
        f" AND NOT ({_ONLY_LISTED_NAMES})",
        State.DEGRADED,
        because="Some apps are blocked. Neutral hosts and another app prove their identity.",
        plain=mark("This network blocks some services and lets others pass."),
    ),
    Rule(
        "regime_resolver_denies_names",
        "candidate = 'national_dns_delisting' AND neutral_proven > 0 AND apps_denied >= 2 AND forged_names = 0"
        " AND providers_resolver",
        State.DEGRADED,
        because=("The provider's resolver denies names of several apps. They exist, and no false address was seen."),
        plain=mark("The name server of the provider denies that the servers of some apps exist. They do exist."),
    ),
    Rule(
        "regime_encrypted_dns_blocked",
        "candidate = 'encrypted_dns_blocked' AND neutral_proven > 0 AND encrypted_dns_accused >= 2"
        " AND encrypted_dns_working = 0 AND plain_dns_working >= 2",
        State.DEGRADED,
        because="Encrypted DNS of all tested resolvers is blocked, and their plain DNS works.",
        plain=mark(
            "This network blocks encrypted name queries. Unencrypted ones pass, and the provider can read them."
        ),
    ),
    Rule(
        "regime_ech_blocked",
        "candidate = 'ech_blocked' AND neutral_proven > 0 AND ech_services >= 2",
        State.DEGRADED,
        because="Hellos with Encrypted ClientHello fail with any name, at a neutral host too, and pass without it.",
        plain=mark("This network cuts off connections that hide the name of the server (Encrypted ClientHello)."),
    ),
    Rule(
        "regime_udp_absent",
        "candidate = 'udp_blocked' AND neutral_proven > 0 AND udp_failed > 0 AND udp_passed = 0"
        " AND datagram_services_absent >= 2 AND datagrams_working + quic_working + neutral_quic_passed = 0",
        State.IMPAIRED,
        because="No public resolver and no other server answered over UDP, and TCP works.",
        plain=mark(
            "UDP does not pass in this network, so calls are worse or impossible. Hotels and companies often do so."
        ),
    ),
    Rule(
        "regime_udp_but_dns_absent",
        "candidate = 'udp_blocked' AND neutral_proven > 0 AND udp_passed > 0 AND datagram_services_silent >= 3"
        " AND neutral_quic_failed > 0 AND datagrams_working + quic_working + neutral_quic_passed = 0",
        State.IMPAIRED,
        because=(
            "DNS over UDP is answered. No other server is, nor a neutral host over QUIC, and random datagrams to the "
            "test helper are lost too."
        ),
        plain=mark(
            "UDP passes in this network for name queries only, so calls are worse or impossible. Hotels and companies "
            "often do so."
        ),
    ),
    Rule(
        "regime_quic_blocked",
        "candidate = 'quic_blocked' AND neutral_proven > 0 AND quic_apps_silent > 0 AND neutral_quic_failed > 0"
        " AND datagrams_working > 0 AND quic_working + neutral_quic_passed = 0",
        State.DEGRADED,
        because="QUIC fails with any name, to a neutral host with its own name too. Other packets over UDP pass.",
        plain=mark("This network blocks the web protocol QUIC. Browsers use the older protocol instead."),
    ),
    Rule(
        "regime_open",
        "candidate = 'open' AND neutral_proven >= 3 AND apps_working >= 3 AND services_accused + services_unclear = 0"
        " AND services_disturbed + neutral_disturbed = 0 AND udp_passed > 0 AND udp_failed + portals = 0",
        State.OK,
        because="Neutral hosts and all tested services work, over TCP and UDP. No interference was seen.",
        plain=mark("No interference was seen in this network."),
    ),
    Rule(
        "regime_not_shown",
        "TRUE",
        State.INSUFFICIENT,
        because="The measurements of this run do not show this regime, and do not exclude it.",
        plain=mark("It is not known which rules this network applies to all connections."),
    ),
)


def sentence_of(regime: str) -> str:
    """Return the plain sentence of a regime: that of its first rule, or of the last rule for an unknown one."""
    named = (rule.plain for rule in REGIME_RULES if rule.when.startswith(f"candidate = '{regime}' "))
    return next(named, REGIME_RULES[-1].plain)
