"""How each dialect is judged: its layers, which of them carries the name, and the word for its proof; all as tables."""

from dataclasses import dataclass

from probe.targets.target import Endpoint


@dataclass(frozen=True)
class Dialect:
    """One dialect. A layer is a prefix of `Observation`'s columns: `LAYER_attempts`, `LAYER_failure`."""

    layers: tuple[str, ...]  # that the endpoint needs, lowest first
    proof: str  # what a record calls a success at the topmost of them
    name_layer: str = "tls"  # the layer that shows a name which can be exchanged for a harmless one, "" for none
    payload_rules: str = "payload"  # the table that judges the layer `payload`; others have tables of their own name
    proves_name: bool = False  # only the name's own server can pass the payload

    def tables(self) -> tuple[str, ...]:
        """The tables of rules that judge an address, in their order; the first asks whether it can be judged at all."""
        return ("address", *(self.payload_rules if layer == "payload" else layer for layer in self.layers))

    def word(self, layer: str) -> str:
        """What a record calls a success at a layer."""
        return self.proof if layer == self.layers[-1] else layer


def _call(scheme: str) -> dict[str, Dialect]:
    """STUN, TURN and SIP over each of their transports; in the clear no name goes before the payload."""
    return {
        f"{scheme}/udp": Dialect(("payload",), scheme, "", scheme),
        f"{scheme}/tcp": Dialect(("tcp", "payload"), scheme, "", scheme),
        f"{scheme}/tls": Dialect(("tcp", "tls", "payload"), scheme, payload_rules=scheme),
    }


DIALECTS: dict[str, Dialect] = {
    "tcp": Dialect(("tcp",), "tcp"),
    "tls": Dialect(("tcp", "tls"), "tls"),
    "https": Dialect(("tcp", "tls", "http"), "http"),
    "http": Dialect(("tcp", "http"), "http", name_layer="http"),
    "mtproto": Dialect(("tcp", "payload"), "mtproto", proves_name=True),
    "noise": Dialect(("tcp", "payload"), "noise", proves_name=True),
    **_call("stun"),
    **_call("turn"),
    **_call("sip"),
    "dns+udp": Dialect(("payload",), "answer", "", "resolver"),
    "dns+tcp": Dialect(("tcp", "payload"), "answer", "", "resolver"),
    "dot": Dialect(("tcp", "tls", "payload"), "answer", payload_rules="resolver"),
    "doh": Dialect(("tcp", "tls", "payload"), "answer", payload_rules="resolver"),
    "smtps": Dialect(("tcp", "tls", "mail"), "smtp"),
    "imaps": Dialect(("tcp", "tls", "mail"), "imap"),
    "smtp+starttls": Dialect(("tcp", "mail", "tls"), "smtp"),
    "imap+starttls": Dialect(("tcp", "mail", "tls"), "imap"),
    "quic": Dialect(("quic",), "quic", name_layer="quic"),
}
"""Dialect (scheme, or scheme/transport) → how it is judged; one that is not here has no rules yet."""

_HTTP3 = Dialect(("quic", "http"), "http", name_layer="quic")  # QUIC where the endpoint has a path to ask for

LAYERS = tuple(dict.fromkeys(layer for dialect in DIALECTS.values() for layer in dialect.layers))
"""Every layer that some dialect needs."""

_UNKNOWN = Dialect(("tcp",), "tcp")

DEPTH = (
    *("dns", "tcp", "mail", "tls", "quic", "http", "mtproto", "noise"),
    *("stun", "turn", "sip", "smtp", "imap", "answer"),
)
"""The words that name a proof, shallowest first."""


def dialect_of(endpoint: Endpoint) -> Dialect:
    """How the endpoint is judged; as a connection and nothing more where its dialect has no rules."""
    if endpoint.dialect == "quic" and endpoint.path:
        return _HTTP3
    return DIALECTS.get(endpoint.dialect, _UNKNOWN)


def name_layer(endpoint: Endpoint) -> str:
    """The layer that carries the name past the first hop: `tls`, `quic` or, in the clear, `http`; "": none does."""
    return dialect_of(endpoint).name_layer


def proves_no_name(endpoint: Endpoint) -> bool:
    """Say whether anybody's server could answer as the endpoint does: a protocol of its own, without a certificate."""
    dialect = dialect_of(endpoint)
    return "payload" in dialect.layers and "tls" not in dialect.layers and not dialect.proves_name


def deepest_proof(proofs: list[str]) -> str:
    """The deepest of the layers named, "" if there is none."""
    return max(proofs, key=lambda proof: DEPTH.index(proof) if proof else -1, default="")


def shallowest_proof(proofs: list[str]) -> str:
    """The shallowest of the layers named; what has no proof counts as a name that resolved."""
    return min(proofs, key=lambda proof: DEPTH.index(proof or "dns"))
