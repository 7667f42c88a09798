"""What a line says besides its entries: of the target, of the run, and what the test helper answered."""

from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from probe.formats.entries import Part
from probe.formats.field_notes import Bytes, Count, Foreign, Hops, Port, PrivacyClass, Public, Seconds

Portal = Literal["redirect", "content", "dns"]
"""How a sign-in page stands in the way: it sends elsewhere, answers in another's place, or every name leads there."""


class ServiceFacts(Part):
    """One service of the target, by role, as the target file has it."""

    PRIVACY: ClassVar[PrivacyClass] = "public"

    works_if: Literal["all", "any"]  # how its endpoints combine: every one needed, or redundant ones
    endpoints: list[str]  # URLs with explicit ports


class TargetFacts(Part):
    """What the judge needs of the target file (`x_target`): it reads no file itself."""

    PRIVACY: ClassVar[PrivacyClass] = "public"

    name: str  # of the file, without .toml
    digest: str  # SHA-256 of the file
    reviewed: str  # the day on which somebody last checked it, YYYY-MM-DD
    retired: str | None  # the day from which the service is gone; null while it lives
    successor: str | None  # the target that took its place
    title: str  # what people call it
    nettest: str  # the method that measured it
    services: dict[str, ServiceFacts]  # by role


class NeutralHost(Part):
    """One neutral host at one address, before anything else was measured: does this network let harmless names be?"""

    endpoint: Public[str]  # as targets/neutral.toml has it
    address: str  # what the resolver gave
    family: Literal[4, 6]  # of that address
    failure: str | None  # of the connect, the handshake or the chain; null: genuine
    trusted_by_machine: bool | None  # judged only when the public roots refuse the chain


class ResolverFacts(Part):
    """How the system's resolver answers a harmless question over UDP; who forges its answers does it otherwise."""

    PRIVACY: ClassVar[PrivacyClass] = "network"

    ip_ttl: Hops | None = Field(examples=[58])  # TTL or hop limit left on arrival
    flags: list[str] = Field(examples=[["QR", "RD", "RA"]])  # of QR AA TC RD RA AD CD


class Preflight(Part):
    """Whether the network was fit to measure from. All null in a measurement that no preflight came before."""

    PRIVACY: ClassVar[PrivacyClass] = "machine"
    OMITTED: ClassVar[frozenset[str]] = frozenset({"runtime", "resolver", "dark_answers"})

    network: bool | None = None  # something answered
    neutral: list[NeutralHost] = Field(default_factory=list)  # what each neutral host showed
    portal: Portal | None = None  # how a sign-in page stood in the way
    clock_skew: Seconds | None = None  # the neutral hosts' clocks minus ours, the median
    vpn: bool | None = None  # flows leave through a tunnel
    tls_interception: Literal["all"] | None = None  # every chain is one that only this machine trusts
    ipv4: bool | None = None  # works here
    ipv6: bool | None = None  # works here
    udp: bool | None = None  # a resolver answered over it, possibly next door
    udp_public: bool | None = None  # a public resolver did
    proxy_environment: bool | None = None  # a proxy is set for other programs
    resolver_class: Literal["none", "public", "isp", "private"] | None = None  # of the first system resolver
    resolver: ResolverFacts | None = None  # its answer to a harmless question
    dark_answers: bool | None = Field(default=None, examples=[True])  # an address that runs no resolver answers, too
    runtime: Seconds | None = None  # how long all this took


class Families(Part):
    """Which families were measured: those that work here and are not switched off."""

    PRIVACY: ClassVar[PrivacyClass] = "machine"

    ipv4: bool  # measured
    ipv6: bool  # measured


class RunFacts(Part):
    """What the judge needs of the run (`x_run`). Counters are the run's so far, not this measurement's."""

    PRIVACY: ClassVar[PrivacyClass] = "machine"
    OMITTED: ClassVar[frozenset[str]] = frozenset({"tcp_timestamps"})  # where the system does not say

    run_id: Public[str]  # random, of this run alone; "helper" in a helper's answer
    depth: Literal["standard", "deep"]  # how many triggers were allowed
    preflight: Preflight  # what was found before the first measurement
    families: Families  # IPv4, IPv6
    udp: bool | None  # as in preflight
    triggers: Count  # flows and datagrams that carried a target's name or payload past the first hop
    openssl: str  # whose TLS hello was sent
    client_hello_length: Bytes  # of the longest TLS hello in this measurement; 0: there was none
    tcp_timestamps: bool | None = Field(default=None, examples=[True])  # whether our TCP headers carry them (RFC 7323)
    bytes_sent: Bytes  # payload, without headers
    bytes_received: Bytes  # payload, without headers
    interrupted: bool  # ended before its end: Ctrl-C, --max-time, or no descriptor left
    asn_database: Public[str]  # name and date of the table of networks; "": there was none


class EchoPorts(Part):
    """Where the helper's echo listened, for twins."""

    ports: Foreign[list[Port]]  # UDP


class Control(Part):
    """What the test helper answered (`x_control`), kept as it came: whatever else it says is kept too."""

    model_config = ConfigDict(extra="allow")
    PRIVACY: ClassVar[PrivacyClass] = "foreign"
    OMITTED: ClassVar[frozenset[str]] = frozenset(
        {"software_version", "targets_digest", "preflight", "test_keys", "echo"}
    )

    failure: str | None = None  # why there is no answer: a df-007 string; null: there is one
    software_version: str | None = None  # the helper's
    targets_digest: str | None = None  # SHA-256 over its target files: does it measure the same?
    preflight: dict[str, Any] | None = None  # ipv4, ipv6, udp: which of them work where it stands
    test_keys: dict[str, Any] | None = None  # of the same nettest, run there
    echo: EchoPorts | None = None  # null: it offers none
