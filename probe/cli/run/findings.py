"""Describe what the preflight found about this network, each finding with what to do about it."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from probe.formats.failures import HOST_UNREACHABLE, NETWORK_UNREACHABLE, SILENT
from probe.messages import listed, mark, tr, tr_plural
from probe.signatures.unfit_networks import MOST_SKEW, Unfit
from probe.targets.target import is_address

SECONDS_OF_A_DAY = 86400
REFUSALS: dict[Unfit, str] = {
    "clock": mark(
        "The clock of this computer is wrong by {days} days or more. Certificates cannot be checked with it, and a "
        "forged one would look like a right one. So no service was contacted. Set the clock, then run again."
    ),
    "vpn": mark(
        "A VPN carries the traffic of this computer. A measurement would describe the VPN's network and not yours. "
        "So no service was contacted. Switch the VPN off, then run again."
    ),
    "tls_interception": mark(
        "A program on this computer, or a device on this network, opens every encrypted connection. Its own "
        "connections would be measured and not yours. So no service was contacted. Pause the antivirus program or "
        "the filter, or use another network, then run again."
    ),
}
UNREACHABLE = frozenset({HOST_UNREACHABLE, NETWORK_UNREACHABLE})
PROXIES = ("http_proxy", "https_proxy", "all_proxy")


@dataclass(frozen=True)
class Finding:
    """Hold one fact about this network: `fine`, worth a `note`, or `bad` if it makes a run unusable."""

    subject: str
    state: Literal["fine", "note", "bad"]
    sentence: str


def findings(facts: Mapping[str, Any]) -> list[Finding]:
    """Return the preflight facts as sentences, the most important first."""
    return [
        _connection(facts),
        _portal(facts),
        _clock(facts),
        _vpn(facts),
        _interception(facts),
        _families(facts),
        _packet_size(facts),
        _udp(facts),
        _resolver(facts),
        _proxy(facts),
    ]


def refusal(facts: Mapping[str, Any], reason: Unfit) -> str:
    """Return why no service was contacted, what that means, and what to do."""
    sentence = tr(REFUSALS[reason], days=int(abs(facts.get("clock_skew") or 0) / SECONDS_OF_A_DAY))
    return " ".join([sentence, tr("With --measure-anyway the services are measured, and the results marked invalid.")])


def helper_finding(url: str, failure: str | None) -> Finding:
    """Describe whether a test helper answers. `failure` is its failure string, None if it does."""
    if failure is None:
        return Finding(tr("test helper"), "fine", tr("{url} answers.", url=url))
    sentence = tr(
        "{url} does not answer ({failure}). Fewer verdicts are certain without it. Check the URL, or name another.",
        url=url,
        failure=failure,
    )
    return Finding(tr("test helper"), "bad", sentence)


def _connection(facts: Mapping[str, Any]) -> Finding:
    subject = tr("connection")
    if facts.get("network") is False:
        return Finding(subject, "bad", tr("No host answers, not even a neutral one. Connect first, then run again."))
    hosts = facts.get("neutral") or []
    if not facts.get("portal") and (only_near := _only_near(hosts)):
        return Finding(subject, "note", only_near)
    if lost := _unreached(hosts, facts):
        sentence = tr(
            "It works, but a part of the Internet is not reachable: {hosts} did not answer, and others did. "
            "Run later, or services in that part are not tested.",
            hosts=listed(lost),
        )
        return Finding(subject, "note", sentence)
    neutral = [host for host in hosts if not host.get("connect_only")]
    verified = sum(host.get("failure") is None for host in neutral)
    sentence = tr("It works. {verified} of {count} neutral hosts were verified.", verified=verified, count=len(neutral))
    return Finding(subject, "fine", sentence)


def _only_near(hosts: Sequence[Mapping[str, Any]]) -> str:
    """Return what to say if neutral hosts abroad were tested and none answered a connect, else ""."""
    answered = [host for host in hosts if host.get("failed_operation") != "connect"]
    abroad = [host for host in hosts if not host.get("home")]
    if not abroad or any(host in answered for host in abroad):
        return ""
    if names := sorted({urlsplit(str(host.get("endpoint"))).hostname or "" for host in answered}):
        return tr("Servers in the country answer ({hosts}). No neutral host abroad does.", hosts=listed(names))
    return tr("The provider's name server answers. No neutral host does.")


def _unreached(hosts: Iterable[Mapping[str, Any]], facts: Mapping[str, Any]) -> list[str]:
    """Return the neutral hosts that no connection could be opened to, over a family that works."""
    silent = [
        host
        for host in hosts
        if host.get("failed_operation") == "connect"
        and host.get("failure") in SILENT | UNREACHABLE
        and facts.get(f"ipv{host.get('family')}_proven")
    ]
    return sorted({urlsplit(str(host.get("endpoint"))).hostname or "" for host in silent})


def _portal(facts: Mapping[str, Any]) -> Finding:
    if facts.get("portal"):
        sentence = tr("A sign-in page answers instead of other hosts. Sign in with a browser, then run again.")
        return Finding(tr("sign-in page"), "bad", sentence)
    return Finding(tr("sign-in page"), "fine", tr("None was found."))


def _clock(facts: Mapping[str, Any]) -> Finding:
    skew = facts.get("clock_skew")
    subject = tr("clock")
    if skew is None:
        return Finding(subject, "note", tr("It was not compared, because no neutral host sent the time."))
    seconds = abs(skew)
    if seconds > MOST_SKEW:
        sentence = tr_plural(
            "It is {count} day off, so certificates cannot be checked. Set it, then run again.",
            "It is {count} days off, so certificates cannot be checked. Set it, then run again.",
            round(seconds / SECONDS_OF_A_DAY),
        )
        return Finding(subject, "bad", sentence)
    if seconds > 300:
        sentence = tr_plural(
            "It is {count} minute off. Set it when you can.",
            "It is {count} minutes off. Set it when you can.",
            round(seconds / 60),
        )
        return Finding(subject, "note", sentence)
    sentence = tr_plural(
        "It is right within {count} second.", "It is right within {count} seconds.", max(1, round(seconds))
    )
    return Finding(subject, "fine", sentence)


def _vpn(facts: Mapping[str, Any]) -> Finding:
    if facts.get("vpn"):
        sentence = tr("A VPN carries the traffic and would be measured instead of your network. Switch it off first.")
        return Finding(tr("VPN"), "bad", sentence)
    if "vpn" in facts and facts["vpn"] is None:
        sentence = tr("It is unknown whether one is in use. If you use one, switch it off first.")
        return Finding(tr("VPN"), "note", sentence)
    return Finding(tr("VPN"), "fine", tr("None is in use."))


def _interception(facts: Mapping[str, Any]) -> Finding:
    subject = tr("encryption")
    if facts.get("tls_interception"):
        sentence = tr(
            "A program on this computer or a device on this network opens every encrypted connection. "
            "It may be an antivirus program or your employer's filter. Pause it first."
        )
        return Finding(subject, "bad", sentence)
    if facts.get("network") is False:
        return Finding(subject, "note", tr("It is unknown, because no neutral host answered."))
    return Finding(subject, "fine", tr("Neutral hosts show their own certificates."))


def _families(facts: Mapping[str, Any]) -> Finding:
    subject = tr("addresses")
    have = [name for key, name in (("ipv4", "IPv4"), ("ipv6", "IPv6")) if facts.get(key)]
    if not have:
        return Finding(subject, "note", tr("Neither IPv4 nor IPv6 works."))
    if len(have) == 2:
        return Finding(subject, "fine", tr("IPv4 and IPv6 work."))
    sentence = tr("Only {family} works. Endpoints of the other family are left out.", family=have[0])
    return Finding(subject, "fine", sentence)


def _packet_size(facts: Mapping[str, Any]) -> Finding:
    subject, mtu = tr("packet size"), facts.get("mtu") or {}
    if mtu.get("refused"):
        sentence = tr(
            "Connections open, but no encrypted one gets an answer, as if large packets were lost on the way. This "
            "system does not let the probe use small packets, so silence is not called blocking in this run. Set the "
            "MTU of this computer's network connection to 1280, then run again."
        )
        return Finding(subject, "note", sentence)
    lowered = [name for key, name in (("ipv4", "IPv4"), ("ipv6", "IPv6")) if mtu.get(key)]
    if len(lowered) == 1:
        sentence = tr(
            "Large packets are lost on the way over {family} (no error message comes back). The probe uses small "
            "packets for this run. Other programs may hang here until the router gets a smaller MTU, such as 1280.",
            family=lowered[0],
        )
        return Finding(subject, "note", sentence)
    if lowered:
        sentence = tr(
            "Large packets are lost on the way (no error message comes back). The probe uses small packets for this "
            "run. Other programs may hang here until the router gets a smaller MTU, such as 1280."
        )
        return Finding(subject, "note", sentence)
    if any(host.get("failure") is None and not host.get("connect_only") for host in facts.get("neutral") or ()):
        return Finding(subject, "fine", tr("Large packets arrive."))
    return Finding(subject, "fine", tr("It is unknown, because no neutral host was verified."))


def _udp(facts: Mapping[str, Any]) -> Finding:
    udp = facts.get("udp")
    if udp is None:
        return Finding("UDP", "note", tr("It is unknown whether it works."))
    if udp:
        return Finding("UDP", "fine", tr("It works."))
    return Finding("UDP", "note", tr("No UDP packet comes back, so internet calls do not work either."))


def _resolver(facts: Mapping[str, Any]) -> Finding:
    sentences = {
        "private": tr("It is a device on your own network."),
        "isp": tr("It is your provider's."),
        "public": tr("It is a public one."),
    }
    kind = facts.get("resolver_class") or "none"
    if kind != "none":
        return Finding(tr("resolver"), "fine", sentences.get(kind, kind))
    if _names_resolved(facts):
        return Finding(tr("resolver"), "fine", tr("This system does not say which one it uses. Names resolve here."))
    sentence = tr("Names do not resolve here, and this system does not say which one it uses.")
    return Finding(tr("resolver"), "note", sentence)


def _names_resolved(facts: Mapping[str, Any]) -> bool:
    """Return whether getaddrinfo gave an address for the name of any neutral host."""
    hosts = [urlsplit(str(one.get("endpoint"))).hostname for one in facts.get("neutral") or ()]
    return any(host is not None and not is_address(host) for host in hosts)


def _proxy(facts: Mapping[str, Any]) -> Finding:
    named = [name for name in PROXIES if os.environ.get(name) or os.environ.get(name.upper())]
    if facts.get("proxy_environment") or named:
        sentence = tr("A proxy is set in the environment. Measurements do not use it.")
        return Finding(tr("proxy"), "note", sentence)
    return Finding(tr("proxy"), "fine", tr("None is set in the environment."))
