"""Describe what this computer has beside one plain connection: routes, tunnels, virtual networks, changes."""

from collections.abc import Collection, Iterable, Sequence

from probe.cli.run.findings import NetworkFinding
from probe.messages import listed, tr
from probe.platforms.default_routes import default_interfaces
from probe.platforms.interfaces import open_tunnels, virtual_switches
from probe.run.network.local_network import tunnels_to
from probe.run.network.network_changes import Change
from probe.targets.target import Target
from probe.targets.titles import shown_title


def own_network_findings(targets: Iterable[Target], vpn: bool | None) -> list[NetworkFinding]:
    """Describe the interfaces and routes of this computer. A VPN for all traffic is no tunnel for some addresses."""
    tunnels = None if vpn else tunnels_finding(targets, open_tunnels())
    found = (routes_finding(default_interfaces()), tunnels, virtual_finding(virtual_switches()))
    return [one for one in found if one is not None]


def routes_finding(interfaces: Sequence[str]) -> NetworkFinding | None:
    """Describe the connections that lead to the Internet, None if the system names none."""
    subject = tr("routes")
    if len(interfaces) > 1:
        sentence = tr(
            "This computer has several connections to the Internet: {names}. A run may use more than one of them, or "
            "change from one to another. Switch off all but one, then run again.",
            names=listed(interfaces),
        )
        return NetworkFinding(subject, "note", sentence)
    if not interfaces:
        return None
    return NetworkFinding(subject, "fine", tr("One connection leads to the Internet: {name}.", name=interfaces[0]))


def tunnels_finding(targets: Iterable[Target], tunnels: Collection[str]) -> NetworkFinding | None:
    """Describe tunnels for some addresses alone, None if this computer has no tunnel."""
    literals = [
        (shown_title(target.title), [at.host for _, at in target.endpoints() if at.is_literal]) for target in targets
    ]
    carried = {title: sorted(set(tunnels_to(ips).values())) for title, ips in literals}
    subject = tr("tunnels")
    if names := sorted(title for title, used in carried.items() if used):
        sentence = tr(
            "Connections to {services} leave this computer through a tunnel ({names}), as VPN, company and security "
            "programs make them. Results would describe the network behind the tunnel. Switch it off, then run again.",
            services=listed(names),
            names=listed(sorted({name for used in carried.values() for name in used})),
        )
        return NetworkFinding(subject, "note", sentence)
    if not tunnels:
        return None
    sentence = tr(
        "This computer has a tunnel for some addresses alone ({names}), as VPN, company and security programs make "
        "them. Services whose addresses it carries would be tested through it. Switch it off if a result is strange.",
        names=listed(sorted(tunnels)),
    )
    return NetworkFinding(subject, "note", sentence)


def virtual_finding(names: Sequence[str]) -> NetworkFinding | None:
    """Describe networks for containers and virtual machines, None if there are none."""
    if not names:
        return None
    sentence = tr(
        "This computer has networks for containers or virtual machines: {names}. They change nothing in a run.",
        names=listed(names),
    )
    return NetworkFinding(tr("virtual networks"), "fine", sentence)


def long_datagrams_finding(passed: bool | None, bytes_sent: int) -> list[NetworkFinding]:
    """Describe whether long datagrams arrive, nothing if it is unknown."""
    if passed is None:
        return []
    subject = tr("UDP packet size")
    if passed:
        return [NetworkFinding(subject, "fine", tr("UDP packets of {bytes} bytes arrive.", bytes=bytes_sent))]
    sentence = tr(
        "Short UDP packets pass here, and those of {bytes} bytes are lost. Apps that need long ones, such as for "
        "encrypted calls, do not work here. This says nothing about these apps.",
        bytes=bytes_sent,
    )
    return [NetworkFinding(subject, "note", sentence)]


def changes_finding(changes: Collection[Change]) -> list[NetworkFinding]:
    """Describe what changed during the check, nothing if all stayed as it was."""
    subject, found = tr("changes"), []
    if "network" in changes:
        sentence = tr(
            "The address of this computer, or its network, changed during this check. A run in which that happens has "
            "no results. Check again when the connection is stable."
        )
        found.append(NetworkFinding(subject, "note", sentence))
    if "sleep" in changes:
        sentence = tr("This computer slept during this check. A run in which that happens has no results. Check again.")
        found.append(NetworkFinding(subject, "note", sentence))
    return found
