"""Define the faults of a scenario that are no censorship: one class per kind, whose fields are its keys.

A class registers itself in `KINDS` with the `kind` that it is defined with.
"""

import math
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from probe.lab.net.layout import LocalFilterHow, NoIPv6How, NoNetworkHow

KINDS: dict[str, type["Fault"]] = {}
REFUSALS = (403, 451, 503)
"""Statuses of HTTP with which services refuse clients. A seed chooses from them."""


def check_repetition(after: float | None, until: float | None, every: float | None) -> None:
    """Raise ValueError if what happens `every` so many seconds has no end, or lasts as long."""
    if every is not None and (until is None or every <= until - (after or 0.0)):
        raise ValueError("every needs until, and must be longer than the time between after and until")


class Fault(BaseModel):
    """Represent a fault of the computer, the network or the servers."""

    model_config = ConfigDict(extra="forbid", strict=True)

    def __init_subclass__(cls, kind: str = "", **config: Any) -> None:
        """Register the class under `kind`. A class without `kind` is a base of others."""
        super().__init_subclass__(**config)
        if kind in KINDS:
            raise TypeError(f"two faults of the kind {kind!r}")
        if kind:
            KINDS[kind] = cls


class Placed(Fault):
    """Represent a fault of servers. It applies to `services` and `names`, or to every target's if both are empty."""

    services: list[str] = Field(default=[], description='services, such as "telegram/dc_pool" or "telegram/*"')
    names: list[str] = Field(default=[], description="host names (* is a wildcard) or addresses")


class ServerDown(Placed, kind="server_down"):
    """Make the servers unreachable from every network."""

    how: Literal["silent", "refused", "hangs_up"] = Field(
        default="silent", description="no packet at all, a reset to every SYN, or a close at the first HTTP request"
    )
    after: float | None = Field(
        default=None, ge=0, description="seconds from the run's first packet until they go down; else always down"
    )
    until: float | None = Field(
        default=None, gt=0, description="seconds from the run's first packet until they are back; else never"
    )
    every: float | None = Field(
        default=None, gt=0, description="seconds from one outage to the next; else there is one"
    )
    until_question: int | None = Field(
        default=None, ge=1, description="they are back with this connection of the run to the helper; else never"
    )

    @property
    def is_timed(self) -> bool:
        """Return whether they are up at some time."""
        return any(each is not None for each in (self.after, self.until, self.until_question))

    @model_validator(mode="after")
    def _check_times(self) -> Self:
        check_repetition(self.after, self.until, self.every)
        if not self.is_timed:
            return self
        if self.how == "hangs_up":
            raise ValueError('"hangs_up" has no times')
        if self.until is not None and self.until <= (self.after or 0.0):
            raise ValueError("until must be later than after")
        return self


class RefuseUnknownNames(Placed, kind="refuse_unknown_names"):
    """Let the servers answer a TLS hello with an unknown name by the alert unrecognized_name."""


class WrongCertificate(Placed, kind="wrong_certificate"):
    """Let the servers show every client a certificate for another name."""


class ExpiredCertificate(Placed, kind="expired_certificate"):
    """Let the servers show every client an expired certificate."""


class NewAuthority(Placed, kind="new_authority"):
    """Sign the servers' certificates by an authority that the helper trusts and the probe does not know yet."""


class NoSTARTTLS(Placed, kind="no_starttls"):
    """Remove STARTTLS from the mail servers: they neither offer nor understand it."""


class Unhelpful(Placed, kind="unhelpful"):
    """Let the servers of calls and mail answer clients without proving or offering any service.

    STUN and TURN send 403 (Forbidden), SIP only 100 (Trying), SMTP 554, IMAP BYE. Telegram's call relays send another
    tag than the client's, DTLS servers an alert.
    """

    spares_helper: bool = Field(default=False, description="true: the test helper is served normally")


class RegisteredOnly(Placed, kind="registered_only"):
    """Let call relays and DTLS servers answer registered clients alone. Over TCP they accept all the same."""

    over: list[Literal["udp", "tcp"]] = Field(
        default=["udp", "tcp"], min_length=1, description="transports over which they do so"
    )


class RefusedMail(Placed, kind="refused_mail"):
    """Let mail servers with SMTP refuse clients, or answer them slowly, as filters of spam do."""

    reply: str = Field(default="", description='the reply, such as "550 5.7.1 Client host blocked", empty: none')
    to: Literal["connect", "ehlo"] = Field(default="connect", description="what it is the reply to")
    delay: float = Field(default=0.0, ge=0, description="seconds before the greeting, as of a tarpit")
    spares_helper: bool = Field(default=False, description="true: the test helper is served normally")


class RefusedCalls(Placed, kind="refused_calls"):
    """Let SIP servers answer every request, or some, with a refusal. The answers name the server as its others do."""

    status: int = Field(ge=0, le=699, description="status of these answers, 0: one for each seed, but not 480 or 500")
    every: int = Field(default=1, ge=1, description="the first request of each client and then each n-th gets it")
    spares_helper: bool = Field(default=False, description="true: the test helper is served normally")


class NoQUIC(Placed, kind="no_quic"):
    """Switch QUIC off at the servers, although the target file has it."""

    how: Literal["silent", "refused"] = Field(
        default="silent", description="no packet at all, or ICMP port unreachable"
    )


class Rotating(Placed, kind="rotating"):
    """Give the hosts addresses in several networks. Each resolver answers with one, and at each query with the next."""

    together: bool = Field(default=False, description="true: every resolver answers with all addresses at once")


class PublishedBogon(Placed, kind="published_bogon"):
    """Let the names' owner publish a private address, which only works inside its own network."""

    beside: bool = Field(default=False, description="true: in addition to the public addresses, which work")


class IPv6Only(Placed, kind="ipv6_only"):
    """Give the hosts IPv6 addresses only."""


class BrokenAAAA(Placed, kind="broken_aaaa"):
    """Let the names' own DNS servers fail at AAAA queries, which every resolver reports (RFC 4074, section 4)."""

    rcode: Literal["nxdomain", "servfail", "refused"] = Field(default="servfail", description="rcode of the answers")


class HostsFile(Placed, kind="hosts_file"):
    """Give the names a false address in the hosts file of the user's computer."""

    address: Literal["drawn", "null", "loopback", "other"] = Field(
        default="drawn", description="0.0.0.0, 127.0.0.1, one of another company, or one of these by seed"
    )
    both_families: bool = Field(default=True, description="true: an IPv6 address of the same kind too")


class HomeFilter(Placed, kind="home_filter"):
    """Let the home router answer for some names itself, and for names of advertising, as ad blockers do."""

    answer: Literal["drawn", "null", "loopback", "page", "foreign_page", "nxdomain", "refused", "no_answer"] = Field(
        default="drawn",
        description="0.0.0.0, 127.0.0.1, a private address, a filter's public one, a rcode, no address, or one by seed",
    )
    advertisements: bool = Field(default=True, description="false: it answers for these names alone")


class FilteringResolver(Placed, kind="filtering_resolver"):
    """Let public resolvers deny some names over every transport, as filtering resolvers do."""

    denies: list[str] = Field(min_length=1, description="names that get NXDOMAIN, * is a wildcard")


class OddAnswers(Placed, kind="odd_answers"):
    """Let the servers answer every HTTP request of every client with a new status code, a captcha or a redirect."""

    status: int = Field(
        ge=0, le=599, description="status code of every answer, 0: for each server 403, 451 or 503, by seed"
    )
    title: str = Field(default="", description='title of the page, such as "Just a moment..."')
    location: str = Field(default="", description="Location header of every answer")
    bare: bool = Field(default=False, description="true: the answers have no page")
    spares_helper: bool = Field(default=False, description="true: the test helper gets the usual answers")


class LargePages(Placed, kind="large_pages"):
    """Let the web servers send pages of another size than the usual 160 kB."""

    bytes: int = Field(gt=0, le=10_000_000, description="bytes of each page")


class StallingPages(Placed, kind="stalling_pages"):
    """Let the web servers pause in the middle of each page, as busy or misconfigured servers do."""

    bytes: int = Field(gt=0, description="bytes of each answer that are sent before the pause")
    pause: float = Field(gt=0, le=90, description="seconds of the pause. 90: the rest is never sent")
    piece: int = Field(default=0, ge=0, description="bytes that are sent after each pause, 0: the rest at once")
    spares_helper: bool = Field(default=False, description="true: the test helper is served normally")


class ClosingConnections(Placed, kind="closing_connections"):
    """Let the web servers close each connection after a time or some answers, as an operator's limit does."""

    seconds: float = Field(default=0.0, ge=0, description="seconds after which a connection is closed, 0: never")
    answers: int = Field(default=0, ge=0, description="answers after which a connection is closed, 0: any number")


class ConnectionLimit(Placed, kind="connection_limit"):
    """Let the servers together answer only so many connections of a client side by side, as an operator's limit does.

    They accept further ones and stay silent, and answer no new one of this client for some seconds.
    """

    most: int = Field(ge=1, description="connections of one client that are answered side by side")
    seconds: float = Field(gt=0, description="seconds in which the client gets no answer after one too many")
    spares_helper: bool = Field(default=False, description="true: the test helper is served normally")


class ConnectionRate(Placed, kind="connection_rate"):
    """Let the servers reset connections of a client that opens too many in some seconds, as packet filters do."""

    most: int = Field(default=1, ge=1, description="connections that are accepted in this time")
    seconds: float = Field(gt=0, description="seconds for which a connection counts")
    at: Literal["connect", "data"] = Field(description="what is answered by the reset: the SYN or the first data")
    per: Literal["address", "network", "all"] = Field(
        default="address", description="one count for each address, each /24 or /48, or all servers of the fault"
    )
    renews: bool = Field(default=False, description="true: refused connections count too")
    spares_helper: bool = Field(default=False, description="true: the test helper is served normally")


Range = tuple[float, float]


class BurstBan(Fault, kind="client_limit"):
    """Ban a client that sends too much in some seconds for a time, as protection against scans does.

    The seed draws the place and all numbers.
    """

    model_config = ConfigDict(extra="forbid", strict=False)

    places: list[str] = Field(
        min_length=1,
        description='one is drawn: services such as "telegram/*", "resolver" for that of the provider,'
        ' "operator" for all services of the run in the network of one operator, or "line" for all addresses',
    )
    counts: list[Literal["connections", "ports", "hosts", "queries"]] = Field(
        default=["connections"],
        min_length=1,
        description="one is drawn: new flows, pairs of address and port, addresses, or DNS queries",
    )
    how: list[Literal["refuse", "reset", "drop"]] = Field(
        default=["refuse", "reset", "drop"],
        min_length=1,
        description="one is drawn: a reset to each packet, a reset to the first data, or no answer",
    )
    most: Range = Field(description="least and largest number that passes in this time")
    seconds: Range = Field(description="least and largest time in which it is counted")
    ban: Range = Field(description="least and largest time for which the client is banned")
    transports: list[Literal["tcp", "udp"]] = Field(
        default=["tcp", "udp"], min_length=1, description="what counts and is stopped, for all alike"
    )
    spares_helper: bool = Field(default=False, description="true: the test helper is served normally")


class FirstReset(Placed, kind="first_reset"):
    """Let the servers reset the first connections of a client at its first data, as protection from floods does."""

    connections: int = Field(ge=1, description="connections of a client to each address that are reset")
    spares_helper: bool = Field(default=False, description="true: the test helper is served normally")


class SlowPages(Placed, kind="slow_pages"):
    """Let the web servers send each answer at a limited rate, to every client."""

    rate: int = Field(gt=0, description="bytes a second of each answer")


class LocalFirewall(Placed, kind="local_firewall"):
    """Let a firewall on the user's own computer stop what it sends to the servers, in the real kernel."""

    how: LocalFilterHow | Literal["drawn"] = Field(
        default="drawn",
        description="a reset or an ICMP error to its own programs, silence, or a route; else drawn by seed",
    )
    protocols: list[Literal["tcp", "udp"]] = Field(
        default=["tcp", "udp"], min_length=1, description="protocols that it stops. A route stops all."
    )
    ports: list[int] = Field(default=[], description="destination ports that it stops, empty: all")


class Clock(Fault, kind="clock"):
    """Set the computer's clock wrong."""

    days: float = Field(description="days by which the computer's clock is behind")


class Portal(Fault, kind="portal"):
    """Put a captive portal on the path: it redirects HTTP and resets TLS, or answers every name, or both."""

    by: list[Literal["http", "dns"]] = Field(default=["http"], min_length=1, description="what it intercepts")
    location: str = Field(default="http://login.hotel.example/", description="target of the HTTP redirect")
    spare: list[str] = Field(default=[], description="host names (* is a wildcard) that pass, as zero-rated ones do")
    after: float = Field(default=0.0, ge=0, description="seconds from the path's first packet until it begins")


class NoIPv6(Fault, kind="no_ipv6"):
    """Take IPv6 from the user's network, or lose every IPv6 packet."""

    how: NoIPv6How = Field(default="absent", description="no address and no route, or both and no answer")


class IPv6Alone(Fault, kind="ipv6_alone"):
    """Give the user's network IPv6 alone. A translator (NAT64) leads to servers with IPv4, a resolver knows it (DNS64).

    The prefix of the translator is drawn by the seed, and so are name and address of the computer's own translator.
    """

    computer_translates: bool = Field(
        default=False, description="true: the computer gives programs an IPv4 address and translates (464XLAT)"
    )
    tells_prefix: bool = Field(default=True, description="false: the provider's resolver knows no translator")
    translates: bool = Field(default=True, description="false: the network's translator is down and drops all packets")


class NAT(Fault, kind="nat"):
    """Let the home router give every flow another source port for each destination."""


class VPN(Fault, kind="vpn"):
    """Send the user's flows through a tunnel."""


class ResolverDown(Fault, kind="resolver_down"):
    """Let the resolver fail for every name for a time, as while it starts again or has no connection itself."""

    how: Literal["silent", "denies", "home"] = Field(
        default="silent",
        description="no answer, the answer that no name exists, or a private address, as by a router without uplink",
    )
    names: list[str] = Field(min_length=1, description="it begins with the first answer for one of these names")
    seconds: float = Field(gt=0, description="seconds until it works again")


class NoNetwork(Fault, kind="no_network"):
    """Cut the user's network off."""

    how: NoNetworkHow = Field(
        default="silent",
        description="packets are lost behind the router, it answers with ICMP, or there is no route",
    )
    after: float | None = Field(
        default=None, gt=0, description="seconds from the run's first packet until the network is lost; else always"
    )
    until: float | None = Field(
        default=None, gt=0, description="seconds from the run's first packet until it is back; else never"
    )
    every: float | None = Field(default=None, gt=0, description="seconds from one loss to the next; else there is one")

    @model_validator(mode="after")
    def _check_times(self) -> Self:
        if self.until is not None and self.until <= (self.after or math.inf):
            raise ValueError("until must be later than after")
        check_repetition(self.after, self.until, self.every)
        if self.after is not None and self.how == "unplugged":
            raise ValueError('"unplugged" has no times')
        return self
