"""Define the facts about the network that a run measures from its own flows."""

from typing import ClassVar, Literal

from pydantic import Field

from probe.formats.entries import Part
from probe.formats.field_notes import BytesPerSecond, Count, Port, PrivacyClass, Public, Seconds


class AccessLine(Part):
    """Hold how fast the access line is (`x_run.access_line`), from all flows of the run so far."""

    PRIVACY: ClassVar[PrivacyClass] = "machine"

    round_trip: Seconds = Field(
        examples=[0.31]
    )  # of a connect, the median, with the time in queues (0: no connect succeeded)
    queueing: Seconds = Field(
        examples=[0.36]
    )  # longest median time of eight answers in a queue of the access line (0: fewer answers)
    received_rate: BytesPerSecond = Field(examples=[9175])  # payload received per second, in the busiest five seconds


class InnocuousResets(Part):
    """Count the flows with innocuous names that the run has made so far to addresses that had got no target's name.

    Neutral hosts' own names count too. A flow that passes after a reset is no sign of a censor.
    """

    PRIVACY: ClassVar[PrivacyClass] = "network"

    flows: Count = Field(examples=[24])  # those that were answered or reset
    resets: Count = Field(examples=[7])  # those of them that were reset after their first data
    networks: Count = Field(examples=[4])  # networks (/24, /48) in which a name passed after it was reset
    owners: Count = Field(examples=[3])  # targets and neutral hosts at whose addresses that was


class FilterControl(Part):
    """Record what the system resolver answered for a name of advertising, or for a name that tests a filter.

    Also the addresses that operators of filters document for their block pages, as answers for blocked names.
    """

    PRIVACY: ClassVar[PrivacyClass] = "network"

    name: Public[str] = Field(examples=["doubleclick.net"])  # as targets/filters.toml has it, of a page its address
    kind: str = Field(examples=["advertisement"])  # advertisement, test, or page
    answer: str = Field(examples=["null"])
    """What the answer had: address, null (0.0.0.0), loopback, private, nxdomain, no_answer, refused, or other."""
    addresses: list[str] = Field(examples=[["203.0.113.7"]])  # public ones in the answer
    authoritative: bool = Field(examples=[True])  # the answer has the flag AA
    record_ttl: Count | None = Field(examples=[2])  # seconds for which a null or loopback address may be kept
    known: bool = Field(examples=[True])  # another resolver gave a public address for the name. Of a page: true


class ResolverFilter(Part):
    """Record whether the system resolver filters names by lists (`x_run.name_filter`)."""

    PRIVACY: ClassVar[PrivacyClass] = "network"
    OMITTED: ClassVar[frozenset[str]] = frozenset({"assigned"})

    resolver: str = Field(examples=["local_network"])
    """Where it is: none, listed (a public resolver that filters), public (another well-known one), this_computer,
    local_network, or elsewhere."""
    assigned: str | None = Field(default=None, examples=["elsewhere"])
    """Where the resolver is that the network assigned by DHCP or in router advertisements (null: it is in use, or
    unknown)."""
    title: Public[str | None] = Field(examples=["AdGuard DNS"])  # of a listed one
    far: bool | None = Field(examples=[True])  # its answers passed two routers or more (null: unknown)
    controls: list[FilterControl]  # one per control name


class LoadBefore(Part):
    """Count the flows of the run in one scope before a failed flow, if flows passed there before, and none since.

    Scopes: the address, its /24 or /48 (`network`), its AS (`operator`), the measurement (`target`), the run (`line`).
    """

    PRIVACY: ClassVar[PrivacyClass] = "machine"

    scope: Literal["address", "network", "operator", "target", "line"] = Field(
        examples=["network"]
    )  # where these flows went, over the family of the failed one
    transport: Literal["all", "tcp", "udp"] = Field(default="all", examples=["udp"])  # which of them count here
    flows: Count = Field(examples=[14])  # flows that began in the 60 s before it failed
    passed: Count = Field(examples=[9])  # flows that passed the step at which it failed, and began before it
    turned: Count = Field(
        examples=[2]
    )  # addresses that accepted a connection and then refused one, after the last that was accepted
    hosts: Count = Field(examples=[5])  # hosts of failed endpoints since the last flow passed, without residual windows


class OwnLoad(Part):
    """Hold the largest numbers of flows of the run so far (`x_run.own_load`). A flow is one socket."""

    PRIVACY: ClassVar[PrivacyClass] = "machine"

    flows: Count = Field(examples=[540])  # in all
    address: Count = Field(examples=[9])  # to one address, queries over port 53 not counted
    network: Count = Field(examples=[41])  # to one /24 or /48, queries over port 53 not counted
    resolver: Count = Field(examples=[80])  # queries over port 53 to one address
    second: Count = Field(examples=[160])  # in one second


class InnocuousFailures(Part):
    """Count the run's flows to addresses that got no target's name or payload until then, and how many failed.

    A kind is listed if such a flow failed at an address and port where another passed.
    """

    PRIVACY: ClassVar[PrivacyClass] = "network"

    kind: Literal["connect_cut_off", "connect_silent", "data_cut_off", "data_silent"] = Field(
        examples=["connect_cut_off"]
    )  # the step at which they failed, and how
    flows: Count = Field(examples=[107])  # those that passed, or failed in this way
    failures: Count = Field(examples=[89])  # those that failed in this way
    networks: Count = Field(examples=[6])  # networks (/24, /48) of addresses where some passed and others failed
    owners: Count = Field(examples=[4])  # targets and neutral hosts whose addresses these are


class PortConnect(Part):
    """Record one connect to an unrelated server (`x_run.port_connects`), after connects to a service failed.

    The same port, port 443 and a port that no service has are compared.
    """

    PRIVACY: ClassVar[PrivacyClass] = "network"

    host: Public[str] = Field(examples=["posteo.de"])  # as targets/neutral.toml has it
    family: Literal[4, 6] = Field(examples=[4])  # of its address
    port: Port = Field(examples=[993])  # of the connect
    failure: str | None = Field(examples=["generic_timeout_error"])  # of the connect (null: accepted)
