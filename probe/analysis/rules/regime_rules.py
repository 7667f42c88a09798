"""Define the rules about the network of a run, and explain each regime to an analyst.

Each rule decides on one regime, and several regimes can hold.
"""

from typing import NamedTuple

from probe.analysis.rules.rule import Rule, State
from probe.messages import mark

REGIMES = (
    "captive",
    "international_cut",
    "port_443_reset",
    "allowlist_address",
    "allowlist_name",
    "protocol_allowlist",
    "few_ports",
    "blocklist",
    "national_dns_delisting",
    "encrypted_dns_blocked",
    "ech_blocked",
    "udp_blocked",
    "udp_limited",
    "relay_ports_cut",
    "mail_ports_closed",
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
    {
        *("national_dns_delisting", "encrypted_dns_blocked", "ech_blocked"),
        *("udp_blocked", "udp_limited", "relay_ports_cut", "mail_ports_closed", "quic_blocked"),
    }
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
        "regime_few_ports",
        "candidate = 'few_ports' AND neutral_proven > 0 AND few_ports_services > 0 AND unusual_ports_working = 0",
        State.IMPAIRED,
        because=(
            "Connects to ports other than 80 and 443 fail, to unrelated servers too, and to a port of no service. Port "
            "443 of these servers accepts connections."
        ),
        plain=mark(
            "This network lets web connections pass (ports 80 and 443) and closes other ports for every server. "
            "Hotels, trains and companies often do so."
        ),
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
        "regime_udp_ports",
        "candidate = 'udp_limited' AND neutral_proven > 0 AND datagram_services_silent >= 2"
        " AND datagrams_working + quic_working > 0 AND datagram_ports_in_doubt = 0",
        State.IMPAIRED,
        because=(
            "Datagrams of several services are lost, and random ones to the same ports of the test helper too. "
            "Datagrams to other ports get answers."
        ),
        plain=mark(
            "UDP passes in this network to some ports only, whatever the server. Ports that calls use are closed, so "
            "calls are worse or impossible. Companies often do so."
        ),
    ),
    Rule(
        "regime_udp_short",
        "candidate = 'udp_limited' AND neutral_proven > 0 AND long_datagram_services > 0 AND datagrams_working > 0",
        State.IMPAIRED,
        because="Random datagrams above a size are lost, and services that need longer ones get no answer.",
        plain=mark(
            "Only short UDP packets pass in this network, so some calls and pages fail. A VPN, a satellite link or a "
            "mobile network can be the cause."
        ),
    ),
    Rule(
        "regime_relays_cut",
        "candidate = 'relay_ports_cut' AND neutral_proven > 0 AND relay_apps_accused >= 2 AND relay_apps_working = 0"
        " AND datagrams_working + quic_working + neutral_quic_passed > 0",
        State.DEGRADED,
        because=(
            "The call relays of several apps are blocked or likely blocked over UDP, and no call relay answers over "
            "UDP. Other packets over UDP pass."
        ),
        plain=mark(
            "Packets (UDP) to the call relays of all tested apps get no answer in this network, and other UDP packets "
            "pass. Calls are worse or impossible, whatever the app."
        ),
    ),
    Rule(
        "regime_mail_ports_closed",
        "candidate = 'mail_ports_closed' AND neutral_proven > 0 AND mail_port_services > 0",
        State.IMPAIRED,
        because=(
            "Connects to a port of mail programs fail, to unrelated mail servers too. Port 443 of these servers "
            "accepts connections."
        ),
        plain=mark(
            "This network closes ports of mail programs for every server. Providers do so against spam. Mail in a "
            "browser is not affected."
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


class Meaning(NamedTuple):
    """Hold the paragraph of one regime in three parts, each of whole sentences."""

    measured: str
    excluded: str
    not_meant: str


REGIME_MEANINGS = {
    "captive": Meaning(
        "The preflight, or a check during the run, requests a page of which the content is known. A sign-in page "
        "came in its place.",
        "A single false page of a target does not count, since only the pages of `[[portal]]` are compared.",
        "It is no accusation. Hotels, trains and mobile accounts without credit answer in the place of every "
        "server. Nothing can be concluded about services in such a run, and its measurements are invalid.",
    ),
    "international_cut": Meaning(
        "At least six neutral hosts abroad, of several operators, never answer a connect. If no resolver gives "
        "addresses for them, four DNS root servers of four operators do the same at their known addresses. No public "
        "server answers over UDP, and no app works. A host in the country proves its identity.",
        "A dead access line is excluded by the host in the country. A dead resolver alone is excluded, because the "
        "root servers and the encrypted resolvers need none. One broken transit line is excluded, because all "
        "neutral hosts must be silent. A family without any answer is left out.",
        "It does not say who cut the lines. A provider's broken line abroad looks the same, and so does a mobile "
        "account without credit that lets hosts in the country pass. So several networks of the country are needed. "
        "Without `--cc` or a global address no host in the country is tested, and the regime stays unknown. Where "
        "the resolver is dead too, this also holds in countries without a home host that has published addresses.",
    ),
    "port_443_reset": Meaning(
        "Every connection to port 443 of at least three neutral hosts is refused or reset, and no service works "
        "on that port. At least two apps are accused there. A server on another port proves its identity.",
        "An outage is excluded, because resets are answers and other ports work. A firewall of one service is "
        "excluded, because neutral hosts are refused too.",
        "It does not mean that a name or an address is on a list. Companies and schools also force all web "
        "traffic through a proxy in this way.",
    ),
    "allowlist_address": Meaning(
        "At least three neutral hosts accept connections, and none completes a handshake. Other servers prove "
        "their identity, and flows with an innocuous name pass there. At least two services fail or are unclear.",
        "Lost large packets make handshakes silent too, so that a run in which the preflight saw them shows "
        "nothing. A neutral host that is silent before the connect excludes the regime.",
        "It does not say which addresses are on the list. A service that fails was not chosen by its name. It "
        "only lacks an entry.",
    ),
    "allowlist_name": Meaning(
        "Names of at least two services are cut off at neutral hosts that prove their identity under their own "
        "names. So are non-existent names. Or no neutral host completes a handshake, and an innocuous name fails "
        "at a server that works under its own.",
        "A list of blocked names is excluded, because it cannot contain names that do not exist. One service with "
        "a fault is excluded, because two are needed. QUIC alone does not count.",
        "It does not mean that the service's name is known to the censor. Every name that is not listed is cut "
        "off, so that the failures of services are not counted one by one.",
    ),
    "protocol_allowlist": Meaning(
        "Protocols of at least two apps fail, and random bytes to a neutral host fail too, while TLS reaches it.",
        "A block of one protocol is excluded by the random bytes. A host that is down is excluded by TLS.",
        "It says nothing about names. Web pages work, and an app that can use them as its transport may work too. "
        "Firewalls of companies often do the same.",
    ),
    "few_ports": Meaning(
        "Connects to a service fail twice. Connects to the same port of an unrelated server, and to a port that no "
        "service has, fail in the same way. Port 443 of that server accepts one. No service works at another port than "
        "80 and 443.",
        "A block of one service is excluded by the unrelated server, and a server that is down by its port 443.",
        "It is no accusation. Hotels, trains and companies let only web connections pass. A state can do the same, "
        "and nothing distinguishes the two. Ports of encrypted DNS and SIP are not explained by it.",
    ),
    "blocklist": Meaning(
        "At least one app is blocked by an artefact, another app works, and a neutral host proves its identity. "
        "For datagrams and QUIC something else over the same carrier works.",
        "An outage of one operator is excluded, because silence alone is no artefact. Resolvers as targets do not "
        "count, and neither do rules that an allowlist explains.",
        "It does not say how long the list is. Only the tested services are known.",
    ),
    "national_dns_delisting": Meaning(
        "The system asks a resolver of the provider, which denies names of at least two apps. A public resolver, "
        "asked in the same way, gives addresses that are proven. A neutral host proves its identity.",
        "A home router or a local filter is excluded, because the system must ask a resolver with a public "
        "address. A run in which any name gets a false address is excluded.",
        "One run does not show that the whole country denies the names. Compare the providers of the country. "
        "Another resolver gets the right answer.",
    ),
    "encrypted_dns_blocked": Meaning(
        "Each endpoint of encrypted DNS of at least two resolvers is blocked or likely blocked, and none works. "
        "Plain DNS of at least two resolvers works. A neutral host proves its identity.",
        "A resolver that is down is excluded, because the control reaches it. A dead line is excluded by plain DNS.",
        "It is no proof that queries are read or changed. The provider can read them. Resolvers that were not "
        "tested may work.",
    ),
    "ech_blocked": Meaning(
        "Hellos with Encrypted ClientHello fail with any name for at least two services, at a neutral host too. "
        "The same hellos without it pass. Only runs with `--depth deep` test this.",
        "A server that refuses the extension is excluded by the neutral host. A filter of one name is excluded, "
        "because hellos with other names fail too.",
        "It does not block a service. It means that the name of each visited server stays visible on the path.",
    ),
    "udp_blocked": Meaning(
        "No public server answers over UDP and at least two services over UDP have no path. Or DNS over UDP "
        "works, and at least three other services, random datagrams to the helper and QUIC are lost. TCP works.",
        "A helper without UDP is excluded by public servers. A single service that is down is excluded by the "
        "number of services. Where DNS works, dropped ports of calls are excluded by QUIC to a neutral host.",
        "It is no accusation. Hotels and companies often allow no UDP. Calls are worse or impossible, whatever "
        "the app.",
    ),
    "udp_limited": Meaning(
        "Datagrams of at least two services are lost, and so are random ones to the same ports of the helper. At other "
        "ports services answer. Or random datagrams above a size are lost, and services need longer ones.",
        "A service that is down is excluded by the helper's echo. A network without UDP is excluded by the services "
        "that answer.",
        "It is no accusation. Firewalls of companies open few ports for UDP, and tunnels have small packets.",
    ),
    "relay_ports_cut": Meaning(
        "The call relays of at least two apps are blocked or likely blocked over UDP, and the relays of no app answer "
        "over UDP. Another service over UDP works, or QUIC to a neutral host.",
        "A network without UDP is excluded by the other packets. Relays that are down are excluded by the test helper. "
        "Ports that are closed for every server are `udp_limited`, since random datagrams to the helper are lost too.",
        "It does not show whether ports, addresses or the kind of packet decide. The verdicts on the services show "
        "this. Calls over TCP may pass.",
    ),
    "mail_ports_closed": Meaning(
        "Connects to a port of mail programs fail twice. Connects to the same port of an unrelated mail server fail in "
        "the same way, and port 443 of that server accepts one.",
        "A block of one mail provider is excluded by the unrelated server. A server that is down is excluded by its "
        "port 443.",
        "It is no accusation of a mail provider's block. Providers close such ports for all customers against spam. A "
        "state that wants no mail programs can do the same. Mail in a browser shows whether one provider is blocked.",
    ),
    "quic_blocked": Meaning(
        "QUIC of at least one app fails with any name, and to a neutral host with its own name. Other packets "
        "over UDP pass, and no QUIC works.",
        "A network without UDP is excluded by the other packets. A server that offers no QUIC is excluded by the "
        "neutral host.",
        "It does not block pages, since browsers then use TCP. Some providers block QUIC to measure or shape traffic.",
    ),
    "open": Meaning(
        "At least three neutral hosts and three apps prove their identity, and UDP works. No service is accused "
        "or unclear, and no neutral host was disturbed.",
        "A run with few targets is excluded, because it shows little. Anomalies that did no harm exclude it too.",
        "It does not mean that nothing is blocked in this network. Services and names that were not tested can "
        "be, and another day can differ.",
    ),
    "unknown": Meaning(
        "No other regime holds. The record has the columns of the run under `evidence`.",
        "Nothing is excluded by it.",
        "It is not `open`. Most runs with interference that the rules cannot assign are unknown, and so are runs "
        "with an outage, a slow line or a dead helper.",
    ),
}
"""Paragraphs by regime. They describe the rules of the table `regime`, and no rule reads them."""
