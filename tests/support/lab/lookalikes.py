"""Describe what a look-alike scenario's file must contain.

A scenario is a look-alike if its file has `look_alike`. An entry here is optional. It notices a file that no longer
contains the condition that its name promises.
"""

from collections.abc import Callable
from typing import Any

from probe.lab.censors.address_censors import IPBlackhole, IPRate, SYNProxy, UDPBlock
from probe.lab.censors.dns_censors import DNSLie
from probe.lab.censors.freezes import (
    ConnectionTable,
    CutoffAfterSeconds,
    FreezeAfterBytes,
    FreezeAfterPackets,
    IdleTimeout,
)
from probe.lab.censors.intercept import TLSIntercept
from probe.lab.censors.name_rates import HTTPRate, QUICRate, TLSRate
from probe.lab.censors.payloads import PayloadDrop, PayloadTampering
from probe.lab.censors.sip_censors import SIPAlg
from probe.lab.censors.tls_censors import TLSDrop, TLSReset
from probe.lab.scenario import datagram_faults, faults
from probe.lab.scenario.faults import Fault
from probe.lab.scenario.scenario import Scenario

Condition = Callable[[Scenario], bool]


def has(kind: type[Fault], **keys: Any) -> Condition:
    """Require a fault of that kind with these keys."""
    return lambda scenario: any(
        isinstance(fault, kind) and keys.items() <= fault.model_dump().items() for fault in scenario.faults
    )


def path(**keys: Any) -> Condition:
    return lambda scenario: keys.items() <= scenario.path.model_dump().items()


def helper(**keys: Any) -> Condition:
    return lambda scenario: keys.items() <= scenario.helper.model_dump().items()


def censor(kind: type[Any], **keys: Any) -> Condition:
    """Require a censor of that class with these keys."""
    return lambda scenario: any(
        isinstance(one, kind) and keys.items() <= one.model_dump().items() for one in scenario.censors
    )


def both(one: Condition, other: Condition) -> Condition:
    return lambda scenario: one(scenario) and other(scenario)


def nothing(scenario: Scenario) -> bool:
    """Require a scenario without censors and faults."""
    return not scenario.censors and not scenario.faults


CONDITIONS: dict[str, Condition] = {
    "neutral-host-down": has(faults.ServerDown, how="silent"),
    "freeze-path-mtu": censor(FreezeAfterPackets, spares_below=1000),
    "freeze-server-stops": has(faults.StallingPages, pause=90.0, spares_helper=False),
    "freeze-server-selective": has(faults.StallingPages, pause=90.0, spares_helper=True),
    "freeze-server-slow": has(faults.StallingPages, pause=0.7, piece=1000),
    "freeze-nat-idle": both(has(faults.StallingPages, pause=3.0), censor(IdleTimeout, seconds=2.0)),
    "freeze-quota": censor(FreezeAfterBytes, together=True),
    "freeze-transfers-every-flow": censor(FreezeAfterBytes, after=100000, hello_names=[]),
    "freeze-transfers-one-path": censor(FreezeAfterPackets, spares_below=1000),
    "freeze-quic-path-mtu": censor(FreezeAfterPackets, spares_below=1000, protocols=["udp"]),
    "freeze-quic-server-stops": has(faults.StallingPages, pause=90.0, spares_helper=False),
    "freeze-quic-server-selective": has(faults.StallingPages, pause=90.0, spares_helper=True),
    "freeze-quic-nat": both(has(faults.StallingPages, pause=3.0), censor(IdleTimeout, seconds=2.0, protocols=["udp"])),
    "freeze-quic-quota": censor(FreezeAfterBytes, together=True, protocols=["udp"]),
    "freeze-quic-every-flow": censor(FreezeAfterPackets, addresses=["0.0.0.0/0", "::/0"], protocols=["udp"]),
    "freeze-quic-thin-line": censor(QUICRate, names=["*"], queue_ms=0.0),
    "freeze-random-loss": path(loss=0.12),
    "policing-server-limit": has(faults.ConnectionLimit, spares_helper=False),
    "policing-helper-spared": has(faults.ConnectionLimit, spares_helper=True),
    "policing-shared-limit": has(faults.ConnectionLimit, spares_helper=True),
    "limit-resets-data": has(faults.ConnectionRate, at="data", per="address", renews=False),
    "limit-resets-connects": has(faults.ConnectionRate, at="connect", per="address"),
    "limit-renewed": has(faults.ConnectionRate, renews=True),
    "limit-of-network": has(faults.ConnectionRate, at="data", per="network"),
    "limit-of-network-connects": has(faults.ConnectionRate, at="connect", per="network"),
    "limit-of-all-servers": has(faults.ConnectionRate, per="all"),
    "policing-router-table": censor(ConnectionTable, hop=1),
    "policing-random-loss": path(loss=0.08),
    "freeze-thin-line": path(rate_kbit=96),
    "service-down": both(has(faults.ServerDown, how="silent"), has(faults.ServerDown, how="refused")),
    "print-server": has(faults.ServerDown, how="refused"),
    "pbx-480": has(faults.RefusedCalls, status=480, every=1),
    "pbx-500-at-times": has(faults.RefusedCalls, status=500, every=2),
    "tampering-sampled": censor(PayloadTampering, share=0.3),
    "datagrams-damaged": censor(PayloadTampering, protocols=[], share=1.0),
    "spam-filter": both(has(faults.RefusedMail, to="ehlo"), has(faults.RefusedMail, delay=2.0)),
    "greylisting": has(faults.RefusedMail, to="connect", delay=0.0, spares_helper=True),
    "stun-down": has(faults.ServerDown, how="silent"),
    "relays-down": has(faults.ServerDown, how="silent"),
    "relays-unhelpful": has(faults.Unhelpful, spares_helper=False),
    "push-down": has(faults.ServerDown, how="silent"),
    "store-down": has(faults.ServerDown, how="silent"),
    "reflector-down": has(faults.ServerDown, how="silent"),
    "reflector-registered-only": has(faults.RegisteredOnly, over=["udp", "tcp"]),
    "reflector-damaged": censor(PayloadTampering, protocols=[], share=1.0, helper=True),
    "relay-udp-less-line": censor(UDPBlock, helper=True, ports=[53]),
    "reflector-udp-less-line": censor(UDPBlock, helper=True, ports=[53]),
    "dtls-down": has(faults.ServerDown, how="silent"),
    "dtls-registered-only": has(faults.RegisteredOnly, over=["udp"]),
    "dtls-refused": has(faults.Unhelpful, spares_helper=True),
    "dtls-damaged": censor(PayloadTampering, protocols=[], share=1.0, helper=True),
    "dtls-udp-less-line": censor(UDPBlock, helper=True, ports=[53]),
    "dtls-served": nothing,
    "sip-silent": has(faults.ServerDown, how="silent"),
    "media-wifi": has(datagram_faults.UDPLoss, share=0.1, burst_ms=120.0, direction="both"),
    "media-tariff": has(datagram_faults.UDPRate, rate_kbit=64.0),
    "udp-slow": has(datagram_faults.UDPRate, rate_kbit=64.0),
    "udp-slow-back": has(datagram_faults.UDPLoss, direction="in"),
    "udp-slow-line": both(path(rate_kbit=120.0), helper(media=True)),
    "media-delays": has(datagram_faults.UDPDelay),
    "media-nat": has(datagram_faults.NATRebinding),
    "media-clean": both(nothing, helper(media=True)),
    "media-lossy": has(datagram_faults.UDPLoss, share=0.1, burst_ms=None),
    "media-outage": has(datagram_faults.UDPLoss, share=1.0, after=4.0, until=7.0),
    "media-outage-at-end": has(datagram_faults.UDPLoss, share=1.0, after=6.0, until=None),
    "media-one-burst": censor(PayloadDrop, protocols=["rtp"], after_packets=200, until_packets=225),
    "media-busy": helper(media=True, media_taken=8),
    "media-one-place": helper(media=True, media_taken=7),
    "media-hotel": censor(UDPBlock, helper=True, ports=[53]),
    "quic-absent": has(faults.NoQUIC),
    "no-starttls": has(faults.NoSTARTTLS),
    "skype-gone": nothing,
    "one-endpoint-down": has(faults.ServerDown),
    "rotating-addresses": has(faults.Rotating),
    "server-certificates": both(has(faults.ExpiredCertificate), has(faults.WrongCertificate)),
    "answers-changed": lambda scenario: all(
        has(faults.OddAnswers, **keys)(scenario)
        for keys in ({"status": 411}, {"status": 403}, {"title": "Just a moment..."})
    ),
    "published-bogon": both(has(faults.PublishedBogon, beside=False), has(faults.PublishedBogon, beside=True)),
    "broken-ipv6": has(faults.NoIPv6, how="silent"),
    "broken-aaaa": has(faults.BrokenAAAA),
    "no-ipv6": has(faults.NoIPv6, how="absent"),
    "ipv6-only-service": both(has(faults.IPv6Only), has(faults.NoIPv6, how="absent")),
    "descriptors-short": lambda scenario: scenario.run.open_files is not None,
    "nat": has(faults.NAT),
    "clean": nothing,
    "lossy": path(loss=0.05),
    "lossy-badly": path(loss=0.2),
    "satellite": path(rtt_ms=800.0),
    "thin-line": path(rate_kbit=128.0),
    "slow-line": both(path(rate_kbit=512.0, queue_ms=2000.0), has(faults.LargePages)),
    "slower-line": both(path(rate_kbit=256.0, queue_ms=2000.0), has(faults.LargePages)),
    "transfers-tariff": censor(TLSRate, names=["*"], per="flow"),
    "transfers-slow-server": has(faults.SlowPages, services=["x/*"]),
    "quic-pages-tariff": censor(QUICRate, names=["*"], per="flow"),
    "quic-pages-wifi": both(path(loss=0.03), helper(transfer=True)),
    "slow-address-tariff": censor(IPRate, addresses=[], names=[], services=[]),
    "transfers-clear-tariff": censor(HTTPRate, names=["*"], per="flow"),
    "transfers-clear-slow-server": has(faults.SlowPages, services=["wechat/*"]),
    "transfers-slow-line": both(path(rate_kbit=512.0), helper(transfer=True)),
    "transfers-bufferbloat": both(path(queue_ms=3000.0), helper(transfer=True)),
    "transfers-wifi": both(path(loss=0.02), helper(transfer=True)),
    "transfers-short-pages": both(has(faults.LargePages, bytes=4000), has(faults.SlowPages)),
    "transfers-far": both(path(rtt_ms=700.0), helper(transfer=True)),
    "hops-silent": lambda scenario: bool(scenario.path.silent),
    "drop-hops-random": both(path(icmp_share=0.5), censor(TLSDrop, names=["web.telegram.org"])),
    "drop-hops-parallel": both(path(parallel=[2, 3, 4, 5]), censor(TLSDrop, names=["web.telegram.org"])),
    "media-hops-silent": both(path(silent=[4]), censor(PayloadDrop, protocols=["rtp"])),
    "media-hops-parallel": both(path(parallel=[3, 4]), censor(PayloadDrop, protocols=["rtp"])),
    "media-hops-random": both(path(icmp_share=0.5), censor(PayloadDrop, protocols=["rtp"])),
    "cutoff-hops-silent": both(path(silent=[4]), censor(CutoffAfterSeconds, hello_names=["web.telegram.org"])),
    "tls-mitm-silent-router": both(path(silent=[4]), censor(TLSIntercept, hop=4)),
    "hops-tired": lambda scenario: scenario.path.icmp_per_second is not None,
    "helper-censored": helper(censored=True),
    "helper-down": helper(up=False),
    "helper-lies": helper(lies="failures"),
    "helper-names-dead-address": both(helper(lies="addresses"), has(faults.ServerDown, how="silent")),
    "stale-control-silent": both(helper(asked_before=6.0), has(faults.ServerDown, how="silent", after=0.0)),
    "server-comes-back": both(helper(asked_before=6.0), has(faults.ServerDown, until_question=2)),
    "stale-control-refused": both(helper(asked_before=6.0), has(faults.ServerDown, how="refused", after=0.0)),
    "helper-behind-censor": lambda scenario: bool(scenario.helper.reset_names),
    "resolvers-blocked": censor(IPBlackhole, ports=[]),
    "transit-down": censor(IPBlackhole, names=["rdap.lacnic.net"], ports=[]),
    "large-packets-lost": path(mtu=1400, mtu_family=None, mtu_direction="both"),
    "tls-dropped-over-ipv6": censor(TLSDrop, names=["*"], family=6),
    "server-refuses-unknown-names": has(faults.RefuseUnknownNames),
    "captive-portal-dns": has(faults.Portal, by=["dns"]),
    "captive-portal": has(faults.Portal, by=["http"]),
    "captive-portal-both": has(faults.Portal, by=["dns", "http"]),
    "names-led-aside": censor(DNSLie, everybody=True),
    "no-network": has(faults.NoNetwork, how="unreachable"),
    "no-network-unplugged": has(faults.NoNetwork, how="unplugged"),
    "no-network-silent": has(faults.NoNetwork, how="silent"),
    "syn-proxy": censor(SYNProxy, names=[]),
    "vpn": has(faults.VPN),
    "clock": has(faults.Clock, days=400.0),
    "clock-ahead": has(faults.Clock, days=-400.0),
    "antivirus": censor(TLSIntercept, names=["*"], signed_by="machine"),
    "udp-less-line": censor(UDPBlock),
    "sip-alg": censor(SIPAlg),
    "bare-headers": censor(TLSReset, headers="bare"),
}
"""Scenario name: what its file must contain."""
