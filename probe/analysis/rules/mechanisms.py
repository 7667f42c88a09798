"""The tree of mechanism names: how interference is done, at the layer where it showed."""

_LEAVES = """
dns.injection.{blockpage,bogon,other} dns.nxdomain dns.refused dns.servfail dns.timeout dns.intercepted
ip.unreachable
tcp.timeout tcp.refused tcp.reset
tls.reset.{sni,other} tls.timeout.{sni,other} tls.mitm.{self_signed,ca_signed} tls.throttle.sni
quic.timeout.{sni,other}
http.blockpage http.redirect http.error http.reset.host http.timeout http.throttle.host
udp.timeout
stun.timeout.{payload,other} turn.refused turn.timeout.{payload,other}
sip.timeout.{payload,other} sip.reset.payload sip.rewrite
smtp.starttls_stripped imap.starttls_stripped
media.{loss,jitter,silence} flow.freeze.{bytes,packets}
protocol.{drop,reset}
store.absent
"""


def _expand(word: str) -> list[str]:
    stem, brace, rest = word.partition("{")
    return [stem + leaf for leaf in rest.rstrip("}").split(",")] if brace else [word]


LEAVES: tuple[str, ...] = tuple(name for word in _LEAVES.split() for name in _expand(word))
"""Every leaf, in the order of the design."""


def ancestors(name: str) -> tuple[str, ...]:
    """The node itself and the nodes above it, deepest first: `tls.reset.sni`, `tls.reset`, `tls`."""
    parts = name.split(".")
    return tuple(".".join(parts[:depth]) for depth in range(len(parts), 0, -1))


IN_ORDER: tuple[str, ...] = tuple(dict.fromkeys(node for leaf in LEAVES for node in reversed(ancestors(leaf))))
"""Every node, each after those above it."""

ALL: frozenset[str] = frozenset(IN_ORDER)
"""Every node, inner ones included: an inner node is a complete answer."""


def is_mechanism(name: str) -> bool:
    """Say whether `name` is a node of the tree."""
    return name in ALL


def deepest(names: set[str]) -> list[str]:
    """Sort the names and leave out every node that stands above another of them: the deeper one says it already."""
    above = {node for name in names for node in ancestors(name)[1:]}
    return sorted(names - above)


def blocking_in_ooni(name: str) -> str | None:
    """The word that OONI's web_connectivity has in `blocking` for what a mechanism shows; None: it has none.

    Source: OONI's spec ts-017, and reference/ooni.md section 4: "dns", "tcp_ip", "http-diff", "http-failure".
    """
    if name.startswith("http.") and name.split(".")[1] in {"blockpage", "redirect", "error"}:
        return "http-diff"
    return _IN_OONI.get(name.split(".")[0])


_IN_OONI = {"dns": "dns", "ip": "tcp_ip", "tcp": "tcp_ip", "tls": "http-failure", "http": "http-failure"}
