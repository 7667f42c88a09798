"""Define the facts of a measurement beside its entries: target, run, and the test helper's answer."""

from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from probe.formats.call_kinds import AppShape
from probe.formats.entries import Part
from probe.formats.field_notes import Bytes, Count, Foreign, Hops, Port, PrivacyClass, Product, Public, Seconds
from probe.formats.flow_results import CallResults, MediaResult, TransferResult
from probe.formats.network_facts import (
    AccessLine,
    InnocuousFailures,
    InnocuousResets,
    OwnLoad,
    PortConnect,
    ResolverFilter,
)

Portal = Literal["redirect", "content", "dns"]
"""How a captive portal appeared: as a redirect, as other content, or as the address of every name."""

Translation = Literal["clat", "nat64"]
"""What translates IPv4 into IPv6 in a network without IPv4: this computer (464XLAT), or the probe with the network's
prefix (RFC 7050).
"""


class ServiceFacts(Part):
    """Hold one service of the target file."""

    PRIVACY: ClassVar[PrivacyClass] = "public"

    works_if: Literal["all", "any"]  # whether all endpoints are needed or one is enough
    endpoints: list[str]  # URLs with explicit ports
    needs: list[str] | None = Field(default=None, examples=[["messages"]])
    """What a person needs the service for, such as messages or calls. The verdict of the app rests on it."""

    media: AppShape | None = Field(
        default=None, examples=["rtp"]
    )  # shape of the packets in its calls (null: not known)

    OMITTED: ClassVar[frozenset[str]] = frozenset({"needs", "media"})


class TargetFacts(Part):
    """Hold facts of the target file for the analysis (`x_target`), which reads no target file."""

    PRIVACY: ClassVar[PrivacyClass] = "public"

    name: str  # of the file, without .toml
    digest: str  # SHA-256 of the file
    reviewed: str  # the day of its last review, YYYY-MM-DD
    retired: str | None  # the day on which the product ended, null while it works
    successor: str | None  # the target that replaces it
    title: str  # the name for users
    nettest: str  # the nettest that measured it
    services: dict[str, ServiceFacts]  # by role


class NeutralHost(Part):
    """Record one neutral host at one address, tested before the first measurement."""

    OMITTED: ClassVar[frozenset[str]] = frozenset({"failed_operation", "connect_only", "segment_size", "home"})

    endpoint: Public[str]  # as targets/neutral.toml has it
    address: str  # address that the resolver returned
    family: Literal[4, 6]  # of that address
    failure: str | None  # of the connect, the handshake or the chain (null: the genuine host)
    trusted_by_machine: bool | None  # checked only if the public roots do not accept the chain
    failed_operation: str | None = Field(default=None, examples=["connect"])  # the step that failed
    connect_only: bool | None = Field(
        default=None, examples=[True]
    )  # no handshake followed, so nothing proves the host
    segment_size: Bytes | None = Field(
        default=None, examples=[1200]
    )  # longest TCP segment with which this result came, after silence with the usual size (null: the usual one)
    home: bool | None = Field(
        default=None, examples=[True]
    )  # in the country of the run. It shows that a part of the Internet works where nothing abroad answers


class SegmentSizes(Part):
    """Record that large packets are lost on the way and no router reports it: a path MTU black hole (RFC 2923, 2.1)."""

    PRIVACY: ClassVar[PrivacyClass] = "machine"

    ipv4: Bytes | None = Field(examples=[1200])  # longest TCP segment of the run over it (null: the usual size)
    ipv6: Bytes | None = Field(examples=[1200])  # longest TCP segment of the run over it (null: the usual size)
    refused: list[Literal[4, 6]] = Field(
        examples=[[4, 6]]
    )  # families of silent handshakes, for which this system refused a lower size


class ResolverFacts(Part):
    """Hold properties of the system resolver's answer to an innocuous query over UDP. A forged one differs."""

    PRIVACY: ClassVar[PrivacyClass] = "network"

    ip_ttl: Hops | None = Field(examples=[64])  # 64: its answers' TTL on arrival. The value itself is not kept
    flags: list[str] = Field(examples=[["QR", "RD", "RA"]])  # of QR AA TC RD RA AD CD


class Preflight(Part):
    """Hold the state of the network before the run. All fields are null in a measurement without preflight."""

    PRIVACY: ClassVar[PrivacyClass] = "machine"
    OMITTED: ClassVar[frozenset[str]] = frozenset(
        {
            "began",
            "runtime",
            "resolver",
            "dark_answers",
            "ipv4_proven",
            "ipv6_proven",
            "helpers",
            "mtu",
            "ipv4_translated",
        }
    )

    began: Seconds | None = Field(default=None, examples=[-2.4])  # its begin, counted from the begin of the measurement
    network: bool | None = None  # a server answered
    neutral: list[NeutralHost] = Field(default_factory=list)  # the result of each neutral host
    portal: Portal | None = None  # how a captive portal appeared
    clock_skew: Seconds | None = None  # the neutral hosts' clocks minus ours, the median
    vpn: bool | None = None  # flows leave through a tunnel
    tls_interception: Literal["all"] | None = None  # only this machine trusts the chain of every neutral host
    ipv4: bool | None = None  # a flow over it was answered from beyond the local network
    ipv6: bool | None = None  # a flow over it was answered from beyond the local network
    ipv4_proven: bool | None = Field(default=None, examples=[True])  # a host proved its identity over it
    ipv6_proven: bool | None = Field(default=None, examples=[True])  # a host proved its identity over it
    udp: bool | None = None  # a resolver answered over UDP, possibly in the local network
    udp_public: bool | None = None  # a public resolver answered over UDP
    proxy_environment: bool | None = None  # a proxy is set for other programs
    resolver_class: Literal["none", "public", "isp", "private"] | None = None  # of the first system resolver
    resolver: ResolverFacts | None = None  # its answer to an innocuous query
    dark_answers: bool | None = Field(
        default=None, examples=[True]
    )  # an address that runs no resolver answered a query
    mtu: SegmentSizes | None = None  # set where large packets are lost on the way, or may be
    ipv4_translated: Translation | None = Field(
        default=None, examples=["nat64"]
    )  # how IPv4 addresses are reached over a line with IPv6 alone (null: IPv4 has its own way, or none)
    runtime: Seconds | None = None  # duration of the preflight
    helpers: list[str | None] | None = Field(
        default=None, examples=[[None, "connection_refused"]]
    )  # why each test helper of the run does not answer (null: it does), without their names


class NetworkCheck(Part):
    """Record one check of the network during the run, near in time to this measurement. Times are those of the entries.

    The probe checks beside each confirmation and each flow to a neutral host, and once a minute.
    """

    PRIVACY: ClassVar[PrivacyClass] = "machine"
    OMITTED: ClassVar[frozenset[str]] = frozenset({"changes"})

    began: Seconds = Field(examples=[12.5])  # since the measurement began, negative before it
    neutral: list[NeutralHost]  # the result of each address that the preflight tested
    portal: Portal | None = Field(examples=["redirect"])  # how a captive portal appeared
    clock_skew: Seconds | None = Field(examples=[60.0])  # as in preflight
    vpn: bool | None = Field(examples=[True])  # as in preflight
    tls_interception: Literal["all"] | None = Field(examples=["all"])  # as in preflight
    udp_public: bool | None = Field(examples=[True])  # as in preflight
    changes: list[Literal["network", "sleep"]] | None = Field(default=None, examples=[["network"]])
    """Flows leave from another network than at the run's begin, or the computer slept since the last check."""


class Families(Part):
    """Hold the measured address families: those that work and are not switched off."""

    PRIVACY: ClassVar[PrivacyClass] = "machine"

    ipv4: bool  # measured
    ipv6: bool  # measured


class Abilities(Part):
    """Hold what the system let the run see. Without an ability, the absence of such evidence shows nothing."""

    PRIVACY: ClassVar[PrivacyClass] = "machine"

    icmp_errors: bool = Field(examples=[True])  # which router reported an error. The hop search needs it
    received_ttl: bool = Field(examples=[True])  # the TTL at which a datagram arrived
    tcp_state: bool = Field(examples=[True])  # round trip, retransmissions and state of a TCP connection
    segment_size: bool = Field(examples=[True])  # TCP segments can be made shorter
    raw_packets: bool = Field(examples=[True])  # the packets of the run
    resolver_list: bool = Field(
        examples=[True]
    )  # the addresses of the system's resolvers. Without them names are asked with getaddrinfo only
    interface_names: bool = Field(
        examples=[True]
    )  # the interface that flows leave through. Without it a VPN is not recognized
    own_addresses: bool = Field(examples=[True])  # every address of this machine
    gateways: bool = Field(examples=[True])  # the addresses of its routers


class RunFacts(Part):
    """Hold facts of the run for the analysis (`x_run`). Counters are totals of the run so far."""

    PRIVACY: ClassVar[PrivacyClass] = "machine"
    # where the system does not report the first, and in older measurements
    OMITTED: ClassVar[frozenset[str]] = frozenset(
        {
            *("tcp_timestamps", "network_checks", "access_line", "out_of_time", "abilities", "media", "calls"),
            *("transfers", "innocuous_resets", "name_filter", "own_load", "innocuous_failures", "checks"),
            "port_connects",
        }
    )

    run_id: Public[str]  # random and new for each run, "helper" in a helper's answer
    depth: Literal["standard", "deep"]  # how many triggers were allowed
    preflight: Preflight  # the state of the network before the first measurement
    network_checks: list[NetworkCheck] | None = None  # later checks, by begin. Null without any
    families: Families  # IPv4, IPv6
    udp: bool | None  # as in preflight
    triggers: Count  # flows and datagrams that carried a target's name or payload past the first hop
    openssl: Product[str]  # version of the library that made the TLS hello
    client_hello_length: Bytes  # of the longest TLS hello in this measurement (0: none)
    tcp_timestamps: bool | None = Field(default=None, examples=[True])  # whether our TCP headers carry them (RFC 7323)
    bytes_sent: Bytes  # payload, without headers
    bytes_received: Bytes  # payload, without headers. Where the system tells: also what was not read
    access_line: AccessLine | None = None  # how fast the access line is
    interrupted: bool  # ended early by Ctrl-C, a time limit or a lack of file descriptors
    out_of_time: bool | None = Field(default=None, examples=[True])  # the time limit of a standard run ended it
    asn_database: Public[str]  # name and date of the AS table ("": none)
    abilities: Abilities | None = None  # what this system shows of the network
    media: MediaResult | None = Field(default=None, examples=["measured"])
    """Whether media flows to the helper were measured (null: no service of the target needs them)."""
    calls: CallResults | None = None
    """Whether test calls to the helper were made. Null in a run of standard depth, and if no service needs a call."""
    transfers: TransferResult | None = Field(default=None, examples=["measured"])
    """Whether transfers from the helper were measured (null: no page came slowly)."""
    innocuous_resets: InnocuousResets | None = None  # null if no innocuous name passed after it was reset
    name_filter: ResolverFilter | None = None  # null if no name got a false answer, so that nothing was asked
    own_load: OwnLoad | None = None  # the largest numbers of flows
    innocuous_failures: list[InnocuousFailures] | None = None  # null if no kind of failure is listed
    port_connects: list[PortConnect] | None = None  # null if no port was compared
    checks: list[str] | None = Field(default=None, examples=[["near_reaction"]])
    """Follow-ups that exclude another cause than a censor, and that this run makes when they are due."""


class EchoPorts(Part):
    """Hold ports of the helper's UDP echo, for echo pairs."""

    ports: Foreign[list[Port]]  # UDP


class FreshControl(Part):
    """Record that the helper was asked again, since its successes were too old for the failures here."""

    endpoints: Public[list[str]] = Field(examples=[["tcp://192.0.2.1:443"]])  # what it was asked about
    failure: Foreign[str | None] = Field(
        examples=["generic_timeout_error"]
    )  # why its second answer was not used (null: its attempts were added to the first)


class Control(Part):
    """Hold the test helper's answer (`x_control`) as received, unknown keys included.

    Each transaction in `test_keys.x_transactions` has `began` in place of the received `age`: seconds from the begin of
    this measurement to its begin. It is negative where the helper measured before, and null or absent if unknown.
    """

    model_config = ConfigDict(extra="allow")
    PRIVACY: ClassVar[PrivacyClass] = "foreign"
    OMITTED: ClassVar[frozenset[str]] = frozenset(
        {
            "software_version",
            "targets_digest",
            "preflight",
            "test_keys",
            "echo",
            "anomalies",
            "fresh",
            "asked_again",
            "asked",
            "contradicted",
        }
    )

    failure: str | None = None  # why there is no answer, a df-007 string (null: there is one)
    software_version: Product[str | None] = None  # the helper's
    targets_digest: str | None = None  # SHA-256 over its target files, to compare with ours
    preflight: dict[str, Any] | None = None  # ipv4, ipv6, udp: whether they work at the helper
    test_keys: dict[str, Any] | None = None  # of the same nettest at the helper
    echo: EchoPorts | None = None  # null without an echo
    anomalies: list[str] | None = Field(default=None, examples=[["your_address"]])  # false fields: a server's address
    asked_again: str | None = Field(default=None, examples=["connection_reset"])
    """Failure of the question that was open when the helper's connection broke (null: the first was answered)."""
    fresh: FreshControl | None = None  # null if the helper was not asked again
    asked: Public[list[str] | None] = Field(default=None, examples=[["tcp://192.0.2.1:443"]])
    """The endpoints that a public helper was asked about first: those that did not prove to work (null: all)."""
    contradicted: Public[list[str] | None] = Field(default=None, examples=[["tcp://192.0.2.1:443"]])
    """Endpoints and names on which two public helpers contradict each other. Neither answer about them is kept."""
