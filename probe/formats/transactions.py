"""The transaction: a chain of steps on one connection, and why it was tried. Entries name it by `transaction_id`."""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from probe.formats.field_notes import Ordinal, Port, PrivacyClass, Public, Seconds

Kind = Literal["lookup", "first", "innocuous", "confirm", "followup"]
"""lookup: a DNS question of the first pass · first: the target's own name or payload, first pass · innocuous: a
harmless name to the same address, first pass, before the name · confirm: the one longer repeat after a failure ·
followup: caused by a failure, see FollowUp."""

FollowUp = Literal[
    "",
    "other_name_same_address",  # innocuous name → the address that failed
    "same_name_neutral_host",  # the target's name → a neutral host
    "nonexistent_name_same_address",  # a name that nobody has → the address that failed
    "nonexistent_name_neutral_host",  # a name that nobody has → a neutral host that was told no target's name
    "neutral_name_neutral_host",  # that host's own name → it, at the end
    "browser_hello",  # the target's name in a hello like a browser's → the address that failed, or a neutral host
    "harmless_browser_hello",  # a harmless name in such a hello → the address at which the target's died in it
    "other_size_hello",  # the target's name in the same hello, longer or shorter → likewise
    "same_hello_again",  # the target's name in the very hello that failed → the address that failed, at the end
    "random_bytes_neutral_host",  # bytes of no protocol → a neutral host, same port
    "resolver_udp",  # the same question → a public resolver over UDP
    "resolver_dot",
    "resolver_doh",
    "dark_resolver",  # the same question → an address that runs no resolver, or the helper's closed port
    "dark_innocuous",  # a harmless name's question → the helper's closed port
    "same_payload_echo",  # the failed endpoint's own datagram → the helper's echo, same port
    "other_payload_echo",  # a datagram of the same size that is of no protocol → the helper's echo, same port
    "path_sweep",  # harmless packets with rising TTL → the address that failed: which routers answer
    "limited_payload",  # the failed name or payload with limited TTL → the same address: from where on is it met
    "alternative_address",  # the endpoint, at an address that another resolver or the control gave
]


class TransactionRecord(BaseModel):
    """One transaction as written to `x_transactions`."""

    model_config = ConfigDict(extra="forbid")
    PRIVACY: ClassVar[PrivacyClass] = "network"

    transaction_id: Ordinal  # from 1, in the order in which they began
    service: Public[str] = ""  # the role: "web"; "" where a lookup serves several
    endpoint: Public[str] = ""  # the endpoint's URL as the target file has it; "" for lookups
    kind: Kind  # why it was tried
    followup: FollowUp = ""  # which differential; "" for every other kind
    cause: Ordinal | None = None  # the transaction whose failure caused this follow-up or confirmation
    hostname: str = ""  # lookups and DNS follow-ups: the name asked for
    address: str = ""  # IP literal that was connected to or asked, without port; "system" for the system resolver
    port: Port = 0  # 0 where no port was involved
    family: Literal[0, 4, 6] = 0  # of the address; 0: there is none
    address_sources: list[str] = Field(default_factory=list)
    """Who gave the address: "literal" (target file), "system", "udp", "dot", "doh" (public resolvers), "control"."""
    corroborated: bool = False  # literal, or a second trusted source (DoT/DoH/control) gave it or one of its AS
    sent_name: str = ""  # the SNI, Host or question name that travelled
    in_residual: bool = False
    """A harmless flow inside the window that an earlier trigger may have opened for its address and port; or one that
    failed, and shows no name, inside the window that a trigger to another port of the address may have opened."""
    trigger: bool = False  # carried a target's name or payload past the first hop
    steps: list[str] = Field(default_factory=list)  # operations that succeeded, in order
    failed_operation: str | None = None  # the step that ended it; null for success
    failure: str | None = None  # that step's failure
    t0: Seconds = 0.0  # when the first step began, since the measurement began
    t: Seconds = 0.0  # when it ended
