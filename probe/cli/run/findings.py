"""State what the preflight found about this network, each finding with what to do about it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

PROXIES = ("http_proxy", "https_proxy", "all_proxy")


@dataclass(frozen=True)
class Finding:
    """One thing about this network: `fine`, worth a `note`, or `bad` so that a run cannot be used."""

    subject: str
    state: Literal["fine", "note", "bad"]
    sentence: str


def findings(facts: Mapping[str, Any]) -> list[Finding]:
    """The preflight facts in words, each with what to do; most important first."""
    return [
        _connection(facts),
        _portal(facts),
        _clock(facts),
        _vpn(facts),
        _interception(facts),
        _families(facts),
        _udp(facts),
        _resolver(facts),
        _proxy(facts),
    ]


def _connection(facts: Mapping[str, Any]) -> Finding:
    if facts.get("network") is False:
        return Finding("connection", "bad", "nothing answers, not even neutral hosts; connect first, then run again")
    neutral = facts.get("neutral") or []
    proven = sum(host.get("failure") is None for host in neutral)
    return Finding("connection", "fine", f"working: {proven} of {len(neutral)} neutral hosts proved themselves")


def _portal(facts: Mapping[str, Any]) -> Finding:
    if facts.get("portal"):
        return Finding("sign-in page", "bad", "one answers for other hosts; open a browser, sign in, then run again")
    return Finding("sign-in page", "fine", "none found")


def _clock(facts: Mapping[str, Any]) -> Finding:
    skew = facts.get("clock_skew")
    if skew is None:
        return Finding("clock", "note", "not compared, because no neutral host said the time")
    if abs(skew) > 86400:
        days = abs(skew) / 86400
        return Finding(
            "clock", "bad", f"{days:.0f} day(s) off, so certificates cannot be judged; set it, then run again"
        )
    if abs(skew) > 300:
        return Finding("clock", "note", f"{abs(skew) / 60:.0f} minutes off; set it when you can")
    return Finding("clock", "fine", f"within {max(1, round(abs(skew)))} s")


def _vpn(facts: Mapping[str, Any]) -> Finding:
    if facts.get("vpn"):
        return Finding("VPN", "bad", "one carries the traffic, so it would be measured instead; switch it off first")
    return Finding("VPN", "fine", "none on the route")


def _interception(facts: Mapping[str, Any]) -> Finding:
    if facts.get("tls_interception"):
        why = "something on this computer or network opens every connection (antivirus, employer); pause it first"
        return Finding("encryption", "bad", why)
    if facts.get("network") is False:
        return Finding("encryption", "note", "not known, because no neutral host answered")
    return Finding("encryption", "fine", "neutral hosts show their own certificates")


def _families(facts: Mapping[str, Any]) -> Finding:
    have = [name for key, name in (("ipv4", "IPv4"), ("ipv6", "IPv6")) if facts.get(key)]
    if not have:
        return Finding("addresses", "note", "neither IPv4 nor IPv6 works")
    if len(have) == 2:
        return Finding("addresses", "fine", "IPv4 and IPv6 work")
    return Finding("addresses", "fine", f"only {have[0]} works; endpoints of the other family are left out")


def _udp(facts: Mapping[str, Any]) -> Finding:
    udp = facts.get("udp")
    if udp is None:
        return Finding("UDP", "note", "not known")
    return Finding("UDP", "fine", "works") if udp else Finding("UDP", "note", "nothing comes back, so no calls either")


def _resolver(facts: Mapping[str, Any]) -> Finding:
    kind = facts.get("resolver_class") or "none"
    if kind == "none":
        return Finding("resolver", "note", "none is set up in resolv.conf; names will not resolve here")
    words = {"private": "a device on your own network", "isp": "your provider's", "public": "a public one"}
    return Finding("resolver", "fine", words.get(kind, kind))


def _proxy(facts: Mapping[str, Any]) -> Finding:
    named = [name for name in PROXIES if os.environ.get(name) or os.environ.get(name.upper())]
    if facts.get("proxy_environment") or named:
        return Finding("proxy", "note", "a proxy is set in the environment; measurements go around it")
    return Finding("proxy", "fine", "none set in the environment")
