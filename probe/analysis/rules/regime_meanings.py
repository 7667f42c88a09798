"""Explain each regime to an analyst: what is measured, what is excluded, and what it does not mean."""

from typing import NamedTuple


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
