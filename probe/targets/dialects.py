"""List every dialect (scheme, or scheme and transport) with the facts that other packages derive their tables from."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

Layer = Literal["tcp", "tls", "quic", "http", "mail", "payload"]
"""A layer is also the prefix of the columns of an observation: `LAYER_attempts`, `LAYER_failure`."""


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """Hold the facts about one dialect."""

    scheme: str
    layers: tuple[Layer, ...]
    """Layers that a successful attempt passes, lowest first."""
    proof: str
    """Word of a verdict record for a success at the topmost layer, one of `PROOF_DEPTH`."""
    transport: Literal["", "udp", "tcp", "tls"] = ""
    """Value of `;transport=` in the endpoint's URI, "" for schemes without this parameter."""
    name_layer: Literal["", "tls", "quic", "http"] = "tls"
    """Layer at which flows with the host's name are compared, "" for none.

    Some dialects send no name themselves and have `tls`, because other endpoints of the same host may send the name
    over TLS.
    """
    has_exchangeable_name: bool = False
    """The first message shows a name in the clear, and another name can be sent in its place."""
    payload_authenticates: bool = False
    """Only the genuine server can pass the layer `payload`."""
    payload_rules: str = "payload"
    """Rule table for the layer `payload`. The other layers have a rule table of their own name."""
    payload_kind: str = ""
    """Kind of the payload in echo pairs and hop searches (`Entry.PAYLOAD`), "" if it is sent in neither.

    "random" is the protocol of one operator, which no list of usual protocols contains.
    """
    located: tuple[str, ...] = ()
    """Prefixes of further mechanisms that a hop search with this payload locates."""
    alpn_offered: tuple[str, ...] = ()
    alpn_served: tuple[str, ...] = ()
    """Protocol ids (RFC 7301) that a server accepts, the preferred one first."""
    default_port: int = 0
    """Port that other notations omit, 0 where no such notation is read or written."""
    ooni_scheme: str = ""
    """Scheme of the resolver's URL in OONI's `dnscheck`."""
    usual_need: str = ""
    """What a person needs a service with this dialect for (`probe/targets/needs.py`), "" where needs differ."""
    typical_bytes: int = 8_000
    """Bytes of one successful attempt in both directions, rounded up. A TLS chain has about 4 to 6 kB."""

    @property
    def name(self) -> str:
        """Return the scheme, with the transport for STUN, TURN and SIP: `https`, `sip/tls`."""
        return f"{self.scheme}/{self.transport}" if self.transport else self.scheme

    @property
    def carrier(self) -> Literal["udp", "tcp"]:
        """Return what carries the dialect: datagrams or a TCP connection."""
        return "tcp" if "tcp" in self.layers else "udp"

    @property
    def tls_first(self) -> bool:
        """Return whether the first message on the TCP connection is a TLS hello."""
        return self.layers[:2] == ("tcp", "tls")

    @property
    def starttls(self) -> bool:
        """Return whether the exchange begins in the clear and then asks for TLS (RFC 3207, RFC 9051 6.2.1)."""
        return "tls" in self.layers and not self.tls_first

    @property
    def authenticates_server(self) -> bool:
        """Return whether a successful attempt proves that the server is the genuine one."""
        return self.payload_authenticates or not {"tls", "quic"}.isdisjoint(self.layers)

    @property
    def payload_names_no_server(self) -> bool:
        """Return whether any server could give the expected answer: a payload with no certificate and no key."""
        return "payload" in self.layers and not self.authenticates_server

    @property
    def unlisted(self) -> bool:
        """Return whether the payload is on no list of usual protocols, because it belongs to one operator."""
        return self.payload_kind == "random"

    @property
    def echo_payload(self) -> str | None:
        """Return the kind of the datagram that is repeated to the helper's UDP echo after silence."""
        return self.payload_kind or None if self.carrier == "udp" else None

    @property
    def is_resolver(self) -> bool:
        """Return whether the server is a DNS resolver."""
        return self.proof == "answer"

    @cached_property
    def rule_tables(self) -> tuple[str, ...]:
        """Return the rule tables for an address, in their order. The first decides whether it has usable attempts."""
        return ("address", *(self.payload_rules if layer == "payload" else layer for layer in self.layers))

    def proof_at(self, layer: str) -> str:
        """Return the word of a verdict record for a success at `layer`."""
        return self.proof if layer == self.layers[-1] else layer


def _web() -> tuple[Dialect, ...]:
    tls = Dialect(scheme="tls", layers=("tcp", "tls"), proof="tls", has_exchangeable_name=True, typical_bytes=9_000)
    https = replace(tls, scheme="https", layers=("tcp", "tls", "http"), proof="http", typical_bytes=14_000)
    http = replace(https, scheme="http", layers=("tcp", "http"), name_layer="http", typical_bytes=3_000)
    return (
        Dialect(scheme="tcp", layers=("tcp",), proof="tcp", typical_bytes=400),
        tls,
        replace(https, alpn_offered=("http/1.1",), alpn_served=("http/1.1",), default_port=443),
        replace(http, default_port=80),
    )


def _messengers() -> tuple[Dialect, ...]:
    mtproto = Dialect(
        scheme="mtproto",
        layers=("tcp", "payload"),
        proof="mtproto",
        payload_authenticates=True,
        payload_kind="random",
        usual_need="messages",
        typical_bytes=1_200,
    )
    return mtproto, replace(mtproto, scheme="noise", proof="noise", typical_bytes=2_500)


def _calls(scheme: str, payload_kind: str, *located: str) -> tuple[Dialect, ...]:
    """Return STUN, TURN or SIP over each transport. Only TLS sends a name before the payload."""
    udp = Dialect(
        scheme=scheme,
        transport="udp",
        layers=("payload",),
        proof=scheme,
        name_layer="",
        payload_rules=scheme,
        payload_kind=payload_kind,
        located=located,
        usual_need="calls",
    )
    tcp = replace(udp, transport="tcp", layers=("tcp", "payload"), located=())
    tls = replace(tcp, transport="tls", layers=("tcp", "tls", "payload"), name_layer="tls", has_exchangeable_name=True)
    return udp, tcp, tls


def _reflectors() -> tuple[Dialect, ...]:
    """Return Telegram's call relays. An answer proves that a relay is there, and not its owner."""
    udp = Dialect(
        scheme="reflector",
        layers=("payload",),
        proof="reflector",
        name_layer="",
        payload_rules="reflector",
        payload_kind="reflector",
        usual_need="calls",
        typical_bytes=1_000,
    )
    return udp, replace(udp, scheme="reflector+tcp", layers=("tcp", "payload"), payload_kind="")


_DTLS = Dialect(
    scheme="dtls",
    layers=("payload",),
    proof="dtls",
    name_layer="",
    payload_rules="dtls",
    payload_kind="dtls",
    located=("dtls.timeout.fingerprint",),
    usual_need="calls",
    typical_bytes=3_000,
)
"""The beginning of a DTLS handshake. An answer shows that a DTLS server is there, and not whose it is."""


def _resolvers() -> tuple[Dialect, ...]:
    udp = Dialect(
        scheme="dns+udp",
        layers=("payload",),
        proof="answer",
        name_layer="",
        payload_rules="resolver",
        default_port=53,
        ooni_scheme="udp",
        usual_need="names",
    )
    dot = replace(
        udp,
        scheme="dot",
        layers=("tcp", "tls", "payload"),
        name_layer="tls",
        has_exchangeable_name=True,
        default_port=853,
        ooni_scheme="dot",
    )
    return (
        udp,
        replace(udp, scheme="dns+tcp", layers=("tcp", "payload"), ooni_scheme="tcp"),
        replace(dot, alpn_served=("dot",)),
        replace(
            dot,
            scheme="doh",
            alpn_offered=("h2",),
            alpn_served=("h2", "http/1.1"),
            default_port=443,
            ooni_scheme="https",
        ),
    )


def _mail() -> tuple[Dialect, ...]:
    smtps = Dialect(
        scheme="smtps",
        layers=("tcp", "tls", "mail"),
        proof="smtp",
        has_exchangeable_name=True,
        usual_need="messages",
    )
    starttls = replace(smtps, scheme="smtp+starttls", layers=("tcp", "mail", "tls"), has_exchangeable_name=False)
    return (
        smtps,
        replace(smtps, scheme="imaps", proof="imap"),
        starttls,
        replace(starttls, scheme="imap+starttls", proof="imap"),
    )


_QUIC = Dialect(
    scheme="quic",
    layers=("quic",),
    proof="quic",
    name_layer="quic",
    has_exchangeable_name=True,
    alpn_offered=("h3",),
    alpn_served=("h3",),
    typical_bytes=9_000,
)

HTTP3 = replace(_QUIC, layers=("quic", "http"), proof="http")
"""The dialect `quic` for an endpoint that has a path, which is then requested."""

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        *_web(),
        *_messengers(),
        *_calls("stun", "stun"),
        *_calls("turn", "stun"),
        *_reflectors(),
        _DTLS,
        *_calls("sip", "sip", "sip.injection."),
        *_resolvers(),
        *_mail(),
        _QUIC,
    )
}

SCHEMES = frozenset(dialect.scheme for dialect in DIALECTS.values())
SCHEMES_WITH_TRANSPORT = frozenset(dialect.scheme for dialect in DIALECTS.values() if dialect.transport)
TRANSPORTS = frozenset(dialect.transport for dialect in DIALECTS.values()) - {""}
DEFAULT_TRANSPORT = "udp"  # RFC 7064 3.2, RFC 7065 3.2, RFC 3263 4.1
ENCRYPTED_RESOLVERS = frozenset(
    name for name, dialect in DIALECTS.items() if dialect.is_resolver and dialect.authenticates_server
)

FAKED_BY_ANY_DEVICE = frozenset(name for name, dialect in DIALECTS.items() if set(dialect.layers) <= {"tcp", "http"})
"""Dialects without a proof of identity, so that a captive portal can answer in the server's place."""

LAYERS: tuple[Layer, ...] = tuple(dict.fromkeys(layer for dialect in DIALECTS.values() for layer in dialect.layers))
"""Every layer that a dialect uses."""

PROOF_DEPTH = (
    *("dns", "tcp", "mail", "tls", "quic", "http", "mtproto", "noise"),
    *("stun", "turn", "reflector", "dtls", "sip", "smtp", "imap", "answer"),
)
"""The words that name a proof, shallowest first."""


def deepest_proof(proofs: list[str]) -> str:
    """Return the deepest of the proofs, "" if there is none."""
    return max(proofs, key=lambda proof: PROOF_DEPTH.index(proof) if proof else -1, default="")


def shallowest_proof(proofs: list[str]) -> str:
    """Return the shallowest of the proofs. An endpoint without proof counts as a name that was resolved."""
    return min(proofs, key=lambda proof: PROOF_DEPTH.index(proof or "dns"))
