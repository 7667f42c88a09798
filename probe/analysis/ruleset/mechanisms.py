"""Name the mechanisms: a tree of how interference is done, at the layer where it showed."""

from probe.analysis.phenomena import in_order

_OF_LAYERS: dict[str, str] = {
    "dns.injection.blockpage": "A false answer leads to a known block page.",
    "dns.injection.bogon": "A false answer gives an address that no public service can have.",
    "dns.injection.other": "A false answer gives the address of another party.",
    "dns.nxdomain": "A false answer says that the name does not exist.",
    "dns.refused": "The resolver refuses queries for this name.",
    "dns.servfail": "The resolver reports a failure for this name.",
    "dns.timeout": "Queries get no answer.",
    "dns.intercepted": "A device on the path answers in the place of the resolver.",
    "ip.unreachable": "ICMP reports the address as unreachable.",
    "tcp.timeout": "The connection gets no answer.",
    "tcp.refused": "The connection is refused.",
    "tcp.reset": "The connection is reset while it is opened.",
    "tls.reset.sni": "The handshake is reset, depending on the name in the client hello.",
    "tls.reset.other": "The handshake is reset with an innocuous name too.",
    "tls.timeout.sni": "The handshake times out, depending on the name in the client hello.",
    "tls.timeout.other": "The handshake times out with an innocuous name too.",
    "quic.timeout.sni": "The handshake times out, depending on the name in the QUIC Initial.",
    "quic.timeout.other": "The handshake times out with an innocuous name too.",
    "http.blockpage": "A block page is shown in the place of the service.",
    "http.redirect": "The answer redirects to another domain, and does not do so elsewhere.",
    "http.error": "The answer is an HTTP error status, and is not elsewhere.",
    "http.reset.host": "The connection is reset, depending on the Host header.",
    "http.timeout": "The request gets no answer.",
    "udp.timeout": "Datagrams to the server and to the helper's echo get no answer, and those of DNS do.",
    "stun.tampering": "STUN datagrams arrive with exchanged bytes, and random datagrams arrive as sent.",
    "stun.rewrite": "STUN answers name an address that this computer does not have on the Internet.",
    "stun.timeout.payload": "STUN datagrams are lost, and random datagrams of equal size are not.",
    "stun.timeout.other": "STUN gets no answer, and the cause is not isolated.",
    "turn.refused": "The TURN relay refuses the allocation.",
    "turn.tampering": "TURN datagrams arrive with exchanged bytes, and random datagrams arrive as sent.",
    "turn.timeout.payload": "TURN datagrams are lost, and random datagrams of equal size are not.",
    "turn.timeout.other": "TURN gets no answer, and the cause is not isolated.",
    "reflector.timeout.payload": "Hellos to a call relay are lost, and random datagrams of equal size are not.",
    "reflector.timeout.other": "The call relay gives no answer, and the cause is not isolated.",
    "reflector.tampering": "Hellos to a call relay arrive with exchanged bytes, and random datagrams arrive as sent.",
    "relay.udp.timeout": "Call relays give no answer over UDP, and answer or accept connections over TCP.",
    "dtls.tampering": "DTLS hellos arrive with exchanged bytes, and random datagrams arrive as sent.",
    "dtls.timeout.payload": "DTLS hellos are lost, and random datagrams of equal size are not.",
    "dtls.timeout.other": "DTLS hellos get no answer, and the cause is not isolated.",
    "sip.tampering": "SIP datagrams arrive with exchanged bytes, and random datagrams arrive as sent.",
    "sip.timeout.payload": "SIP datagrams are lost, and random datagrams of equal size are not.",
    "sip.timeout.other": "SIP gets no answer, and the cause is not isolated.",
    "sip.reset.payload": "The connection is reset when it carries SIP.",
    "sip.rewrite": "A device on the path rewrites SIP messages.",
    "smtp.injection": "A device on the path refuses SMTP commands in the server's name.",
    "smtp.starttls_stripped": "The server's offer of STARTTLS in SMTP is removed or refused.",
    "imap.starttls_stripped": "The server's offer of STARTTLS in IMAP is removed or refused.",
    "protocol.reset": "The service's own protocol is reset, and another one at the same port passes.",
    "store.absent": "A storefront of an app store does not list the app, which control storefronts list.",
    "store.delisted": "A storefront listed the app, and has not listed it in three tests over more than 6 hours.",
}
_LAYERS = tuple(dict.fromkeys(leaf.partition(".")[0] for leaf in _OF_LAYERS))
_MEANINGS = _OF_LAYERS | {leaf: meaning for each in in_order() for leaf, meaning in each.mechanisms.items()}


def _place(leaf: str) -> int:
    """Return the place of a leaf's layer. Those of layers that only phenomena have come last."""
    layer = leaf.partition(".")[0]
    return _LAYERS.index(layer) if layer in _LAYERS else len(_LAYERS)


MEANINGS: dict[str, str] = {leaf: _MEANINGS[leaf] for leaf in sorted(_MEANINGS, key=_place)}
"""Each leaf of the tree with its meaning, in the order in which the leaves are printed."""

RESERVED: dict[str, str] = {
    "turn.refused": "Relays refuse unauthenticated allocations by design, so a refusal proves that they answer.",
}
"""Leaves that no rule uses, with the reason. `probe rules` does not print them.

No other use may take the name.
"""

LEAVES: tuple[str, ...] = tuple(MEANINGS)
"""Every leaf, reserved ones included."""


def ancestors(name: str) -> tuple[str, ...]:
    """Return the node and the nodes above it, deepest first: `tls.reset.sni`, `tls.reset`, `tls`."""
    parts = name.split(".")
    return tuple(".".join(parts[:depth]) for depth in range(len(parts), 0, -1))


IN_ORDER: tuple[str, ...] = tuple(dict.fromkeys(node for leaf in LEAVES for node in reversed(ancestors(leaf))))
"""Every node, each after those above it."""

ALL: frozenset[str] = frozenset(IN_ORDER)
"""Every node, inner ones included. An inner node is a complete answer."""


def is_mechanism(name: str) -> bool:
    """Return whether `name` is a node of the tree."""
    return name in ALL


def deepest(names: set[str]) -> list[str]:
    """Sort the names and leave out each node that is an ancestor of another."""
    above = {node for name in names for node in ancestors(name)[1:]}
    return sorted(names - above)


def blocking_in_ooni(name: str) -> str | None:
    """Return the value of `blocking` in OONI's web_connectivity for a mechanism, or None if it has none.

    Source: https://github.com/ooni/spec/blob/master/nettests/ts-017-web-connectivity.md, read 2026-11-24.
    """
    if name.startswith("http.") and name.split(".")[1] in {"blockpage", "redirect", "error"}:
        return "http-diff"
    return _IN_OONI.get(name.split(".")[0])


_IN_OONI = {"dns": "dns", "ip": "tcp_ip", "tcp": "tcp_ip", "tls": "http-failure", "http": "http-failure"}
