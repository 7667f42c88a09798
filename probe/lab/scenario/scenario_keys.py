"""Define the keys of the tables of a scenario file that are neither censors nor faults."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class PathKeys(BaseModel):
    """Hold `[path]`: the hops from the user to the servers."""

    model_config = ConfigDict(extra="forbid", strict=True)

    rtt_ms: float = Field(default=20, gt=0, le=5000, description="round trip in milliseconds")
    loss: float = Field(default=0.0, ge=0, lt=1, description="share of packets lost each way, 0 to 1")
    rate_kbit: float | None = Field(default=None, gt=0, description="rate of the access line, each way")
    queue_ms: float = Field(
        default=300, ge=0, le=10000, description="longest queue of an access line with `rate_kbit`, in milliseconds"
    )
    before: int | None = Field(default=None, ge=1, le=15, description="hops before the censor; else 3, or by seed")
    after: int | None = Field(default=None, ge=0, le=15, description="hops after the censor; else 2, or by seed")
    silent: list[int] = Field(default=[], description="hops that send no ICMP time exceeded")
    parallel: list[int] = Field(
        default=[], description="hops with two routers: half of all flows pass the one that sends no ICMP time exceeded"
    )
    icmp_per_second: float | None = Field(
        default=None, gt=0, description="most ICMP time exceeded that each other hop sends in a second"
    )
    icmp_share: float = Field(
        default=1.0, gt=0, le=1, description="share of expired packets that each other hop reports, by chance"
    )
    quoted: int | None = Field(
        default=None,
        ge=8,
        description="bytes behind the IP header that hops quote in ICMP errors; else as many as fit in 576 bytes",
    )
    mtu: int | None = Field(
        default=None, ge=576, le=1500, description="longer IP packets (bytes) are lost behind hop 1, without ICMP"
    )
    mtu_family: Literal[4, 6] | None = Field(default=None, description="address family of the mtu; else both")
    mtu_direction: Literal["both", "out", "in"] = Field(
        default="both", description="out: the user's packets have the mtu, in: the servers', or both"
    )
    direct_resolver: bool = Field(
        default=False, description="true: the computer asks the provider's resolver itself, as a phone does"
    )
    resolver: str = Field(
        default="", description="address of a public resolver that the user has chosen, empty: the home router"
    )
    assigned_resolver: str = Field(
        default="",
        description='resolver in the lease of the computer: "router", "provider" or an address, empty: no lease',
    )
    provider_gateway: bool = Field(
        default=False, description="true: hop 1 belongs to the provider and has an address of RFC 6598, as for a phone"
    )


Lie = Literal["failures", "successes", "addresses"]
"""What a false helper reports: that everything fails, works, or works only at an address that no server has."""


class HelperKeys(BaseModel):
    """Hold `[helper]`: the test helper outside the user's network."""

    model_config = ConfigDict(extra="forbid", strict=True)

    up: bool = Field(default=True, description="false: its server does not run")
    form: Literal["own", "ooni"] = Field(default="own", description="protocol of the helper: our own or OONI's")
    censored: bool = Field(default=False, description="true: the censor drops packets to it")
    lies: Lie | None = Field(
        default=None,
        description="what it reports: that everything fails, works, or works only at an address without server",
    )
    reset_names: list[str] = Field(default=[], description="server names that are reset in the helper's own network")
    asked_before: float | None = Field(
        default=None, gt=0, description="seconds before the run at which another user asked it the same questions"
    )
    restarts_after: float | None = Field(
        default=None, ge=0, description="seconds from its first connection to a service until it is restarted"
    )
    transfer: bool = Field(default=True, description="it sends transfers, at ports 443 and 8080")
    media: bool = Field(default=False, description="true: it reflects media flows of calls")
    media_taken: int = Field(
        default=0, ge=0, le=8, description="flows that others behind the same router hold there, it has 8 for a router"
    )

    sip: bool = Field(default=False, description="true: it answers calls over SIP")
    webrtc: bool = Field(default=False, description="true: it takes part in calls over WebRTC")

    calls_taken: int = Field(
        default=0, ge=0, le=4, description="calls over SIP that others behind the same router hold there, it has 4"
    )

    @model_validator(mode="after")
    def _check_taken(self) -> Self:
        if self.media_taken and not self.media:
            raise ValueError("media_taken needs media = true")
        if self.calls_taken and not self.sip:
            raise ValueError("calls_taken needs sip = true")
        return self


class RunKeys(BaseModel):
    """Hold `[run]`: limits and interruption of the probe, or of the command that is run instead."""

    model_config = ConfigDict(extra="forbid", strict=True)

    interrupt_after: float | None = Field(
        default=None, gt=0, description="seconds from the first connection to a service until Ctrl-C"
    )
    open_files: int | None = Field(default=None, ge=16, description="file descriptors that it may have open at a time")
    repeat: int = Field(default=1, ge=1, le=10, description="probe run --repeat")
    measure_anyway: bool = Field(default=False, description="true: probe run --measure-anyway")
    post_quantum: bool | None = Field(
        default=None,
        description="false: the computer's TLS library sends no post-quantum key share; else as it does, or by seed",
    )


class Page(BaseModel):
    """Hold one `[[page]]`: a web address that no target file has, and its answer."""

    model_config = ConfigDict(extra="forbid", strict=True)

    url: str = Field(description="http:// or https:// address; its host gets a server")
    status: int = Field(default=200, ge=200, le=599, description="status of the answer")
    location: str = Field(default="", description="Location header")
    title: str = Field(default="", description="title of the page")
    body: str = Field(default="", description="text of the page")
    gives_cookie: str = Field(default="", description="Set-Cookie header")
    wants_cookie: str = Field(default="", description="without this cookie the answer is 403")
    for_all: bool = Field(default=False, description="true: the server gives this answer for every host and path")
    measured: bool = Field(default=True, description="false: a run of the scenario does not measure the address")
