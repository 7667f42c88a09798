"""List the mechanisms that a hop search locates, by the payload that is sent with limited TTL."""

LAYERS: dict[str, tuple[str, ...]] = {
    "dns": ("dns.injection",),
    "tls": ("tls.",),
    "http": ("http.",),
    "quic": ("quic.",),
    "stun": ("stun.timeout.payload", "turn.timeout.payload"),
    "reflector": ("reflector.timeout.payload",),
    "dtls": ("dtls.timeout.payload", "dtls.timeout.fingerprint"),
    "sip": ("sip.timeout.payload", "sip.injection."),
    "inside_tls": ("smtp.", "imap.", "stun.", "turn.", "sip."),
    "smtp": ("smtp.",),
    "imap": ("imap.",),
    "random": ("protocol.",),
    "frozen": ("flow.freeze",),
    "kept": ("flow.cutoff",),
    "media": ("media.silence", "media.cutoff"),
    "syn": ("tcp.", "ip.unreachable"),
    "datagram": (
        *("udp.timeout", "relay.udp.timeout", "ip.unreachable", "quic.timeout.other", "stun.timeout.other"),
        *("turn.timeout.other", "reflector.timeout.other", "dtls.timeout.other", "sip.timeout.other"),
        "dns.timeout",
    ),
}
"""Prefixes of the mechanisms that a hop search with this payload locates."""

STREAM_LAYERS = LAYERS | {"stun": ("stun.", "turn."), "sip": ("sip.",)}
"""The same over TCP."""

QUOTED_LAYERS: dict[str, tuple[str, ...]] = {
    "stun": ("stun.tampering", "turn.tampering"),
    "reflector": ("reflector.tampering",),
    "dtls": ("dtls.tampering",),
    "sip": ("sip.tampering",),
}
"""The same where the payload is compared with what routers quote of it."""

QUERIES: dict[str, tuple[str, ...]] = {"timeout": ("dns.timeout",), "nxdomain": ("dns.nxdomain", "dns.injection")}
"""The same for a query about a target's name to another resolver, by its failure."""

INTERCEPTED = ("tls.mitm.",)
"""Prefixes of the mechanisms that a search locates after a wrong certificate."""
