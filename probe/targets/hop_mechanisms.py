"""List the mechanisms that a hop search locates, by the payload that is sent with limited TTL."""

from collections.abc import Callable, Iterable

from probe.targets.dialects import DIALECTS, Dialect

_DATAGRAMS = [each for each in DIALECTS.values() if each.echo_payload]
_STREAMS = [each for each in DIALECTS.values() if each.carrier == "tcp" and each.payload_kind and not each.unlisted]
_INSIDE_TLS = [
    each
    for each in DIALECTS.values()
    if each.tls_first and each.layers[-1] in {"payload", "mail"} and not each.is_resolver
]


def _by_payload(
    dialects: Iterable[Dialect], located: Callable[[Dialect], tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Return what the dialects with each kind of payload name, without repetitions."""
    found: dict[str, dict[str, None]] = {}
    for dialect in dialects:
        found.setdefault(dialect.payload_kind, {}).update(dict.fromkeys(located(dialect)))
    return {kind: tuple(prefixes) for kind, prefixes in found.items()}


LAYERS: dict[str, tuple[str, ...]] = {
    "dns": ("dns.injection",),
    "tls": ("tls.",),
    "http": ("http.",),
    "quic": ("quic.",),
    **_by_payload(_DATAGRAMS, lambda dialect: (f"{dialect.proof}.timeout.payload", *dialect.located)),
    "inside_tls": tuple(dict.fromkeys(f"{dialect.proof}." for dialect in _INSIDE_TLS)),
    "smtp": ("smtp.",),
    "imap": ("imap.",),
    "random": ("protocol.",),
    "frozen": ("flow.freeze",),
    "kept": ("flow.cutoff",),
    "media": ("media.silence", "media.cutoff"),
    "syn": ("tcp.", "ip.unreachable"),
    "datagram": (
        *("udp.timeout", "relay.udp.timeout", "ip.unreachable", "quic.timeout.other"),
        *(f"{dialect.proof}.timeout.other" for dialect in _DATAGRAMS),
        "dns.timeout",
    ),
}
"""Prefixes of the mechanisms that a hop search with this payload locates."""

STREAM_LAYERS = LAYERS | _by_payload(_STREAMS, lambda dialect: (f"{dialect.proof}.",))
"""Prefixes of the mechanisms that a search over TCP with this payload locates."""

QUOTED_LAYERS = _by_payload(_DATAGRAMS, lambda dialect: (f"{dialect.proof}.tampering",))
"""Prefixes of the mechanisms that a search locates by comparing the payload with what routers quote of it."""

PATHWIDE = frozenset({"dns", "media", *(dialect.payload_kind for dialect in _DATAGRAMS)})
"""Payloads on which a middlebox acts at any server's address: one search holds for all services of a measurement."""

SEARCHED_STREAMS = frozenset(
    {"tls", "http", *(each.payload_kind for each in DIALECTS.values() if each.carrier == "tcp")} - {""}
)
"""Payloads over TCP, beside those of mail, that are searched for without an innocuous flow that passed."""

QUERIES: dict[str, tuple[str, ...]] = {"timeout": ("dns.timeout",), "nxdomain": ("dns.nxdomain", "dns.injection")}
"""Prefixes of the mechanisms that a query about a target's name to another resolver locates, by its failure."""

INTERCEPTED = ("tls.mitm.",)
"""Prefixes of the mechanisms that a search locates after a wrong certificate."""
