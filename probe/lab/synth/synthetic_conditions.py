"""List what can happen to measurements of a synthetic world, as scenarios of the lab that were recorded."""

TARGETS = ("facebook", "gmail", "signal", "sip", "telegram", "whatsapp", "x")
CENSORSHIP: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("sni-reset", ("telegram", "whatsapp")),
    ("sni-drop", ("telegram", "whatsapp")),
    ("dns-nxdomain", ("telegram", "whatsapp")),
    ("dns-injection", ("telegram", "whatsapp")),
    ("tls-mitm", ("telegram", "whatsapp")),
    ("ip-blackhole", ("telegram",)),
    ("quic-drop", ("facebook",)),
    ("sip-drop", ("sip",)),
    ("imaps-reset", ("gmail",)),
    ("great-firewall", ("signal", "x", "facebook", "whatsapp", "telegram")),
)
"""Scenario and the targets that it may censor, in a country or some of its networks."""
NO_NETWORK = "no-network"
LOOK_ALIKES = (NO_NETWORK, "captive-portal", "no-ipv6", "server-refuses-unknown-names", "sip-alg", "dot-doh-blocked")
"""Scenarios of single measurements or runs in any network, which accuse no service."""
OUTAGE = "service-down"  # in every network, on some days
WANTED: dict[str, tuple[str, ...]] = {**dict.fromkeys(("clean", OUTAGE, *LOOK_ALIKES), TARGETS), **dict(CENSORSHIP)}
"""Scenario and the targets that need templates. Not every look-alike has one for every target."""
VERSIONS = ("0.0.8", "0.0.9", "0.1.0")  # to which the schema of 0.1.0 applies
