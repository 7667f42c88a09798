"""What merely looks like a censor (issue 5, section 4): each with the scenarios that stand for it, and why they do.

A stranger who wants to know what happens "behind a captive portal" finds the file here. `shows` says what in the file
makes it stand for the item; tests/lab/test_look_alikes.py asks it, so that a file that changes its subject is noticed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from probe.lab.censors import IPBlackhole, SIPAlg, SYNProxy, TLSIntercept, TLSReset, UDPBlock
from probe.lab.scenario import faults
from probe.lab.scenario.faults import Fault
from probe.lab.scenario.scenario import Scenario

Shows = Callable[[Scenario], bool]


@dataclass(frozen=True)
class LookAlike:
    """One item: in words, and each scenario that stands for it with what must hold of its file."""

    item: str
    scenarios: dict[str, Shows]


def has(kind: type[Fault], **keys: Any) -> Shows:
    """The scenario has a fault of that kind, with these keys."""
    return lambda scenario: any(
        isinstance(fault, kind) and keys.items() <= fault.model_dump().items() for fault in scenario.faults
    )


def path(**keys: Any) -> Shows:
    """Its way to the servers is like this."""
    return lambda scenario: keys.items() <= scenario.path.model_dump().items()


def helper(**keys: Any) -> Shows:
    """Its helper is like this."""
    return lambda scenario: keys.items() <= scenario.helper.model_dump().items()


def censor(kind: type[Any], **keys: Any) -> Shows:
    """Somebody does that on the way, and accuses himself by nothing that a service shows."""
    return lambda scenario: any(
        isinstance(one, kind) and keys.items() <= one.model_dump().items() for one in scenario.censors
    )


def plain(scenario: Scenario) -> bool:
    """Nothing is wrong with it at all."""
    return not scenario.censors and not scenario.faults


LOOK_ALIKES = (
    LookAlike(
        "a service down, from everywhere: silent, or refused by the server",
        {
            "service-down": lambda s: (
                has(faults.ServerDown, how="silent")(s) and has(faults.ServerDown, how="refused")(s)
            ),
            "stun-down": has(faults.ServerDown, how="silent"),
            "sip-silent": has(faults.ServerDown, how="silent"),
            "quic-absent": has(faults.NoQUIC),
            "no-starttls": has(faults.NoSTARTTLS),
            "skype-gone": plain,
        },
    ),
    LookAlike("one endpoint of many down", {"one-endpoint-down": has(faults.ServerDown)}),
    LookAlike("geo-DNS and CDN rotation", {"rotating-addresses": has(faults.Rotating)}),
    LookAlike("a certificate expired on the server itself", {"server-certificates": has(faults.ExpiredCertificate)}),
    LookAlike("a certificate for another name there", {"server-certificates": has(faults.WrongCertificate)}),
    LookAlike(
        "status codes changed (501 to 411, 302 to 403)",
        {"answers-changed": lambda s: has(faults.OddAnswers, status=411)(s) and has(faults.OddAnswers, status=403)(s)},
    ),
    LookAlike("a captcha", {"answers-changed": has(faults.OddAnswers, title="Just a moment...")}),
    LookAlike(
        "a bogon that the owner publishes, alone or beside the public address",
        {
            "published-bogon": lambda s: (
                has(faults.PublishedBogon, beside=False)(s) and has(faults.PublishedBogon, beside=True)(s)
            )
        },
    ),
    LookAlike("broken IPv6", {"broken-ipv6": has(faults.NoIPv6, how="silent"), "broken-aaaa": has(faults.BrokenAAAA)}),
    LookAlike(
        "absent IPv6, and a service that has nothing else",
        {"no-ipv6": has(faults.NoIPv6, how="absent"), "ipv6-only-service": has(faults.IPv6Only)},
    ),
    LookAlike("own want of descriptors", {"descriptors-short": lambda s: s.run.open_files is not None}),
    LookAlike("NAT (every run has one; here it changes ports)", {"nat": has(faults.NAT), "clean": plain}),
    LookAlike("loss of 5 to 20 % each way", {"lossy": path(loss=0.05), "lossy-badly": path(loss=0.2)}),
    LookAlike("a round trip of 800 ms", {"satellite": path(rtt_ms=800.0)}),
    LookAlike("a line of 128 kbit/s, which our own haste could fill", {"thin-line": path(rate_kbit=128.0)}),
    LookAlike("hops that send no ICMP", {"hops-silent": lambda s: bool(s.path.silent)}),
    LookAlike("hops that send little ICMP", {"hops-tired": lambda s: s.path.icmp_per_second is not None}),
    LookAlike("the helper blocked", {"helper-censored": helper(censored=True)}),
    LookAlike("the helper down", {"helper-down": helper(up=False)}),
    LookAlike("the helper lying", {"helper-lies": helper(lies=True)}),
    LookAlike("the helper behind a censor itself", {"helper-behind-censor": lambda s: bool(s.helper.reset_names)}),
    LookAlike("all public resolvers blocked", {"resolvers-blocked": censor(IPBlackhole, ports=[])}),
    LookAlike("servers that refuse unknown names", {"server-refuses-unknown-names": has(faults.RefuseUnknownNames)}),
    LookAlike("a captive portal by DNS", {"captive-portal-dns": has(faults.Portal, by=["dns"])}),
    LookAlike("a captive portal by HTTP", {"captive-portal": has(faults.Portal, by=["http"])}),
    LookAlike("a captive portal by both", {"captive-portal-both": has(faults.Portal, by=["dns", "http"])}),
    LookAlike("every name led aside", {"names-led-aside": lambda s: s.censors[0].model_dump()["everybody"]}),
    LookAlike(
        "no network: the router says so, or nothing leads to it",
        {
            "no-network": has(faults.NoNetwork, how="unreachable"),
            "no-network-unplugged": has(faults.NoNetwork, how="unplugged"),
        },
    ),
    LookAlike(
        "silent no network: packets vanish, no ICMP, the link is up",
        {"no-network-silent": has(faults.NoNetwork, how="silent"), "syn-proxy": censor(SYNProxy, names=[])},
    ),
    LookAlike("a VPN tunnel", {"vpn": has(faults.VPN)}),
    LookAlike(
        "a clock off by a year",
        {"clock": has(faults.Clock, days=400.0), "clock-ahead": has(faults.Clock, days=-400.0)},
    ),
    LookAlike("an antivirus that intercepts", {"antivirus": censor(TLSIntercept, names=["*"], signed_by="machine")}),
    LookAlike("a line that carries no datagram", {"udp-less-line": censor(UDPBlock)}),
    LookAlike("a gateway that means well", {"sip-alg": censor(SIPAlg)}),
    LookAlike("a wall that does not see us", {"bare-headers": censor(TLSReset, headers="bare")}),
)
