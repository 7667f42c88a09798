"""What may be wrong with the world apart from censors: one class per fault; its fields are keys of a `[[fault]]`."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from probe.lab.net.layout import NoIPv6How, NoNetworkHow


class Fault(BaseModel):
    """Something that goes wrong without anybody's intent."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Placed(Fault):
    """A fault of servers: those of `services` and `names`; of every target's where both are empty."""

    services: list[str] = Field(default=[], description='services, such as "telegram/dc_pool", or "telegram/*"')
    names: list[str] = Field(default=[], description="host names, * as a wildcard, or addresses")


class ServerDown(Placed):
    """The servers do not answer, to anybody anywhere."""

    how: Literal["silent", "refused", "hangs_up"] = Field(
        default="silent", description="no word at all, no listener, or an end at the first HTTP request"
    )


class RefuseUnknownNames(Placed):
    """The servers end a hello that carries a name not theirs with the alert unrecognized_name."""


class WrongCertificate(Placed):
    """The servers show a certificate for another name, to everybody."""


class ExpiredCertificate(Placed):
    """The servers show a certificate that has expired, to everybody."""


class NewAuthority(Placed):
    """The servers' certificates come from an authority that is too new for the probe's list; the helper's has it."""


class NoSTARTTLS(Placed):
    """The mail servers have no STARTTLS, for nobody: they neither offer nor understand it."""


class Unhelpful(Placed):
    """The servers of calls and mail answer strangers in their own protocol, and with nothing that proves or helps.

    STUN and TURN say 403 (Forbidden), SIP says 100 (Trying) and no more, SMTP 554, IMAP BYE.
    """

    spares_helper: bool = Field(default=False, description="true: the test helper is served as ever")


class NoQUIC(Placed):
    """The servers speak no QUIC, to nobody: whatever a target file says of them."""

    how: Literal["silent", "refused"] = Field(default="silent", description="no word at all, or no listener")


class Rotating(Placed):
    """The hosts have addresses in several networks; every resolver tells of one, and of the next at every asking."""

    together: bool = Field(default=False, description="true: every resolver tells of all of them at once")


class PublishedBogon(Placed):
    """The names' owner publishes a private address, where nobody outside his own network can go."""

    beside: bool = Field(default=False, description="true: beside the public addresses, which work")


class IPv6Only(Placed):
    """The hosts have IPv6 addresses alone."""


class BrokenAAAA(Placed):
    """Who serves the names breaks off at questions for AAAA: every resolver says so (RFC 4074 4)."""

    rcode: Literal["nxdomain", "servfail", "refused"] = Field(default="servfail", description="what is answered")


class FilteringResolver(Placed):
    """Public resolvers say of some names that they do not exist, as those do that filter; however they are asked."""

    denies: list[str] = Field(min_length=1, description="names that they deny, * as a wildcard")


class OddAnswers(Placed):
    """The servers answer every request otherwise than they used to, to everybody: a new status, or a captcha."""

    status: int = Field(ge=200, le=599, description="status of every answer")
    title: str = Field(default="", description='title of the page, such as "Just a moment..."')


class Clock(Fault):
    """The computer's clock is wrong against the world's."""

    days: float = Field(description="how far the world's clock is ahead of the computer's")


class Portal(Fault):
    """A captive portal: HTTP is led to its login page and TLS is reset, or every name to its address, or both."""

    by: list[Literal["http", "dns"]] = Field(default=["http"], min_length=1, description="what is led aside")
    location: str = Field(default="http://login.hotel.example/", description="where HTTP is led to")


class NoIPv6(Fault):
    """The volunteer's network has no IPv6, or seems to have it and loses every packet."""

    how: NoIPv6How = Field(default="absent", description="no address and no route, or both and no word back")


class NAT(Fault):
    """The home router gives every flow another source port, and each destination another one."""


class VPN(Fault):
    """The volunteer's flows leave through a tunnel."""


class NoNetwork(Fault):
    """The volunteer's network leads nowhere."""

    how: NoNetworkHow = Field(
        default="silent",
        description="packets vanish behind the router, it says unreachable, or there is no route to it",
    )


KINDS: dict[str, type[Fault]] = {
    "server_down": ServerDown,
    "refuse_unknown_names": RefuseUnknownNames,
    "wrong_certificate": WrongCertificate,
    "expired_certificate": ExpiredCertificate,
    "new_authority": NewAuthority,
    "no_starttls": NoSTARTTLS,
    "unhelpful": Unhelpful,
    "no_quic": NoQUIC,
    "rotating": Rotating,
    "published_bogon": PublishedBogon,
    "ipv6_only": IPv6Only,
    "broken_aaaa": BrokenAAAA,
    "filtering_resolver": FilteringResolver,
    "odd_answers": OddAnswers,
    "clock": Clock,
    "portal": Portal,
    "nat": NAT,
    "vpn": VPN,
    "no_ipv6": NoIPv6,
    "no_network": NoNetwork,
}
