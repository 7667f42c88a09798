"""Describe what the preflight found about this network, each finding with what to do about it."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from probe.formats.failures import HOST_UNREACHABLE, NETWORK_UNREACHABLE, SILENT
from probe.formats.ooni_helper import OF_OONI, OONI_PREFIX
from probe.messages import listed, mark, tr, tr_plural
from probe.platforms.hosts_file import addresses_in_hosts_file
from probe.platforms.own_addresses import forbidden_destinations
from probe.signatures.compared_ports import MAIL_PORTS, UNASSIGNED, closed_ports
from probe.signatures.filter_answers import ENOUGH, FILTERED
from probe.signatures.unfit_networks import MOST_SKEW, Unfit
from probe.targets.target import Target, is_address
from probe.targets.titles import shown_title

if TYPE_CHECKING:
    from probe.formats.network_facts import PortConnect

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
TRANSLATIONS = {
    "clat": mark("This network has IPv6 alone. This computer translates IPv4 (464XLAT), so both are tested."),
    "nat64": mark("This network has IPv6 alone, and translates IPv4 (NAT64). IPv4 addresses are tested through it."),
}
PROXIES = ("http_proxy", "https_proxy", "all_proxy")


@dataclass(frozen=True)
class NetworkFinding:
    """Hold one fact about this network: `fine`, worth a `note`, or `bad` if it makes a run unusable."""

    subject: str
    state: Literal["fine", "note", "bad"]
    sentence: str


def findings(facts: Mapping[str, Any]) -> list[NetworkFinding]:
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


def helper_finding(url: str, failure: str | None) -> NetworkFinding:
    """Describe whether a test helper answers. `failure` is its failure string, None if it does."""
    if failure is None:
        return NetworkFinding(tr("test helper"), "fine", tr("{url} answers.", url=url))
    if failure == OF_OONI:
        sentence = tr(
            "{url} is a test helper of OONI, and is asked as such. Write {better} from now on.",
            url=url,
            better=OONI_PREFIX + url,
        )
        return NetworkFinding(tr("test helper"), "note", sentence)
    sentence = tr(
        "{url} does not answer ({failure}). Fewer verdicts are certain without it. Check the URL, or name another.",
        url=url,
        failure=failure,
    )
    return NetworkFinding(tr("test helper"), "bad", sentence)


def own_side_findings(names: Iterable[str], name_filter: Mapping[str, Any] | None) -> list[NetworkFinding]:
    """Describe what on the user's own side answers for names: the hosts file, and a resolver that filters.

    `names` are those of the services. `name_filter` is as in `x_run.name_filter`, None if it was not looked for.
    """
    found, facts = [], name_filter or {}
    if in_file := [name for name in dict.fromkeys(names) if addresses_in_hosts_file(name)]:
        sentence = tr(
            "The hosts file of this computer has addresses for {names}. No name server is asked for them. Remove these "
            "lines if you want to test what your network does.",
            names=listed(in_file),
        )
        found.append(NetworkFinding(tr("hosts file"), "note", sentence))
    if facts.get("assigned"):
        sentence = tr(
            "This computer asks another name server than your network assigned to it. Its answers may differ from "
            "those that others in this network get."
        )
        found.append(NetworkFinding(tr("resolver"), "note", sentence))
    if title := facts.get("title"):
        sentence = tr("The resolver is a public one that filters names: {title}.", title=title)
        found.append(NetworkFinding(tr("name filter"), "note", sentence))
    elif _filters_advertising(facts):
        sentence = tr("The resolver gives false answers for names of advertising, as an ad blocker does.")
        found.append(NetworkFinding(tr("name filter"), "note", sentence))
    return found


def ports_finding(connects: "Sequence[PortConnect]") -> list[NetworkFinding]:
    """Describe which ports this network closes for every server. `connects` went to unrelated servers."""
    closed = closed_ports((each.host, each.port, each.failure is None) for each in connects)
    accepted = any(each.failure is None and each.port in MAIL_PORTS for each in connects)
    subject = tr("ports")
    if UNASSIGNED in closed:
        sentence = tr(
            "This network lets web connections pass and closes other ports for every server, as hotels and companies "
            "do. Apps that use other ports do not work here, and this says nothing about these apps."
        )
        return [NetworkFinding(subject, "note", sentence)]
    if ports := sorted(closed & MAIL_PORTS):
        sentence = tr(
            "This network closes ports of mail programs for every server: {ports}. Providers do so against spam. Mail "
            "in a browser is not affected.",
            ports=listed(map(str, ports)),
        )
        return [NetworkFinding(subject, "note", sentence)]
    return [NetworkFinding(subject, "fine", tr("Ports of mail programs are open."))] if accepted else []


def _filters_advertising(facts: Mapping[str, Any]) -> bool:
    """Return whether the resolver gives no public address for several names of advertising that others know."""
    controls = [one for one in facts.get("controls") or () if one["kind"] == "advertisement" and one["known"]]
    return sum(one["answer"] in FILTERED for one in controls) >= ENOUGH


def own_routes_finding(targets: Iterable[Target]) -> NetworkFinding:
    """Describe which tested addresses a route of this computer forbids. Nothing is sent, so no other rule is seen."""
    literals = [
        (shown_title(target.title), {at.host for _, at in target.endpoints() if at.is_literal}) for target in targets
    ]
    forbidden = forbidden_destinations(ip for _, ips in literals for ip in ips)
    subject = tr("own filters")
    if names := sorted(title for title, ips in literals if ips & forbidden):
        sentence = tr(
            "A route of this computer forbids connections to {names}. Some VPN and security programs make such routes. "
            "This says nothing about your provider. Pause the program or remove the route, then run again.",
            names=listed(names),
        )
        return NetworkFinding(subject, "note", sentence)
    sentence = tr("No route of this computer forbids a tested address. Rules of a firewall show only in a run.")
    return NetworkFinding(subject, "fine", sentence)


def _connection(facts: Mapping[str, Any]) -> NetworkFinding:
    subject = tr("connection")
    if facts.get("network") is False:
        return NetworkFinding(
            subject, "bad", tr("No host answers, not even a neutral one. Connect first, then run again.")
        )
    hosts = facts.get("neutral") or []
    if not facts.get("portal") and (only_near := _only_near(hosts)):
        return NetworkFinding(subject, "note", only_near)
    if lost := _unreached(hosts, facts):
        sentence = tr(
            "The network works, but a part of the Internet cannot be reached from it: {hosts} did not answer, and "
            "others did. Services in that part cannot be tested now. Run again later to test them.",
            hosts=listed(lost),
        )
        return NetworkFinding(subject, "note", sentence)
    neutral = [host for host in hosts if not host.get("connect_only")]
    verified = sum(host.get("failure") is None for host in neutral)
    sentence = tr(
        "The network works. {verified} of {count} neutral hosts were verified.", verified=verified, count=len(neutral)
    )
    return NetworkFinding(subject, "fine", sentence)


def _only_near(hosts: Sequence[Mapping[str, Any]]) -> str:
    """Return the sentence for a network in which no tested neutral host abroad answered a connect, otherwise ""."""
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


def _portal(facts: Mapping[str, Any]) -> NetworkFinding:
    if facts.get("portal"):
        sentence = tr("A sign-in page answers instead of other hosts. Sign in with a browser, then run again.")
        return NetworkFinding(tr("sign-in page"), "bad", sentence)
    return NetworkFinding(tr("sign-in page"), "fine", tr("No sign-in page was found."))


def _clock(facts: Mapping[str, Any]) -> NetworkFinding:
    skew = facts.get("clock_skew")
    subject = tr("clock")
    if skew is None:
        return NetworkFinding(subject, "note", tr("The clock was not checked, because no neutral host sent the time."))
    seconds = abs(skew)
    if seconds > MOST_SKEW:
        sentence = tr_plural(
            "The clock is wrong by {count} day, so certificates cannot be checked. Set it, then run again.",
            "The clock is wrong by {count} days, so certificates cannot be checked. Set it, then run again.",
            round(seconds / SECONDS_OF_A_DAY),
        )
        return NetworkFinding(subject, "bad", sentence)
    if seconds > 300:
        sentence = tr_plural(
            "The clock is wrong by {count} minute. Set it when you can.",
            "The clock is wrong by {count} minutes. Set it when you can.",
            round(seconds / 60),
        )
        return NetworkFinding(subject, "note", sentence)
    sentence = tr_plural(
        "The clock is right within {count} second.",
        "The clock is right within {count} seconds.",
        max(1, round(seconds)),
    )
    return NetworkFinding(subject, "fine", sentence)


def _vpn(facts: Mapping[str, Any]) -> NetworkFinding:
    if facts.get("vpn"):
        sentence = tr("A VPN carries the traffic and would be measured instead of your network. Switch it off first.")
        return NetworkFinding(tr("VPN"), "bad", sentence)
    if "vpn" in facts and facts["vpn"] is None:
        sentence = tr("It is unknown whether a VPN is in use. If you use one, switch it off first.")
        return NetworkFinding(tr("VPN"), "note", sentence)
    return NetworkFinding(tr("VPN"), "fine", tr("No VPN is in use."))


def _interception(facts: Mapping[str, Any]) -> NetworkFinding:
    subject = tr("encryption")
    if facts.get("tls_interception"):
        sentence = tr(
            "A program on this computer or a device on this network opens every encrypted connection. "
            "It may be an antivirus program or your employer's filter. Pause it first."
        )
        return NetworkFinding(subject, "bad", sentence)
    if facts.get("network") is False:
        return NetworkFinding(subject, "note", tr("It is unknown, because no neutral host answered."))
    return NetworkFinding(subject, "fine", tr("Neutral hosts show their own certificates."))


def _families(facts: Mapping[str, Any]) -> NetworkFinding:
    subject = tr("addresses")
    have = [name for key, name in (("ipv4", "IPv4"), ("ipv6", "IPv6")) if facts.get(key)]
    if not have:
        return NetworkFinding(subject, "note", tr("Neither IPv4 nor IPv6 works."))
    translated = TRANSLATIONS.get(facts.get("ipv4_translated", ""))
    if translated and facts.get("ipv4"):
        return NetworkFinding(subject, "fine", tr(translated))
    if len(have) == 2:
        return NetworkFinding(subject, "fine", tr("IPv4 and IPv6 work."))
    sentence = tr("Only {family} works. Endpoints of the other family are left out.", family=have[0])
    return NetworkFinding(subject, "fine", sentence)


def _packet_size(facts: Mapping[str, Any]) -> NetworkFinding:
    subject, mtu = tr("packet size"), facts.get("mtu") or {}
    if mtu.get("refused"):
        sentence = tr(
            "Connections open, but no encrypted one gets an answer, as if large packets were lost on the way. This "
            "system does not let the probe use small packets, so silence is not called blocking in this run. Set the "
            "MTU of this computer's network connection to 1280, then run again."
        )
        return NetworkFinding(subject, "note", sentence)
    lowered = [name for key, name in (("ipv4", "IPv4"), ("ipv6", "IPv6")) if mtu.get(key)]
    if len(lowered) == 1:
        sentence = tr(
            "Large packets are lost on the way over {family} (no error message comes back). The probe uses small "
            "packets for this run. Other programs may hang here until the router gets a smaller MTU, such as 1280.",
            family=lowered[0],
        )
        return NetworkFinding(subject, "note", sentence)
    if lowered:
        sentence = tr(
            "Large packets are lost on the way (no error message comes back). The probe uses small packets for this "
            "run. Other programs may hang here until the router gets a smaller MTU, such as 1280."
        )
        return NetworkFinding(subject, "note", sentence)
    if any(host.get("failure") is None and not host.get("connect_only") for host in facts.get("neutral") or ()):
        return NetworkFinding(subject, "fine", tr("Large packets arrive."))
    return NetworkFinding(subject, "fine", tr("It is unknown, because no neutral host was verified."))


def _udp(facts: Mapping[str, Any]) -> NetworkFinding:
    udp = facts.get("udp")
    if udp is None:
        return NetworkFinding("UDP", "note", tr("It is unknown whether it works."))
    if udp:
        return NetworkFinding("UDP", "fine", tr("It works."))
    return NetworkFinding("UDP", "note", tr("No UDP packet comes back, so internet calls do not work either."))


def _resolver(facts: Mapping[str, Any]) -> NetworkFinding:
    sentences = {
        "private": tr("The resolver is a device on your own network."),
        "isp": tr("The resolver is your provider's."),
        "public": tr("The resolver is a public one."),
    }
    kind = facts.get("resolver_class") or "none"
    if kind != "none":
        return NetworkFinding(tr("resolver"), "fine", sentences.get(kind, kind))
    if _names_resolved(facts):
        return NetworkFinding(
            tr("resolver"), "fine", tr("This system does not say which one it uses. Names resolve here.")
        )
    sentence = tr("Names do not resolve here, and this system does not say which one it uses.")
    return NetworkFinding(tr("resolver"), "note", sentence)


def _names_resolved(facts: Mapping[str, Any]) -> bool:
    """Return whether getaddrinfo gave an address for the name of any neutral host."""
    hosts = [urlsplit(str(one.get("endpoint"))).hostname for one in facts.get("neutral") or ()]
    return any(host is not None and not is_address(host) for host in hosts)


def _proxy(facts: Mapping[str, Any]) -> NetworkFinding:
    named = [name for name in PROXIES if os.environ.get(name) or os.environ.get(name.upper())]
    if facts.get("proxy_environment") or named:
        sentence = tr("A proxy is set in the environment. Measurements do not use it.")
        return NetworkFinding(tr("proxy"), "note", sentence)
    return NetworkFinding(tr("proxy"), "fine", tr("No proxy is set in the environment."))
