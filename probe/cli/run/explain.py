"""Print what a run would contact and cost, without sending anything, DNS included (`probe run --explain`)."""

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from probe.cli.run.run_request import with_public_helpers
from probe.cli.run.run_time import RunCost, cost_of
from probe.cli.screen import UsageError, say, size, wrapped
from probe.messages import listed, tr
from probe.targets.target import Endpoint, Target
from probe.targets.target_error import TargetError
from probe.targets.target_files import load_neutral, load_target
from probe.targets.titles import shown_title

if TYPE_CHECKING:
    from probe.cli.run.run_request import RunRequest


def print_explanation(targets: list[Target], request: "RunRequest") -> None:
    """Print the hosts that `probe run` with this request would contact, with time and bytes."""
    folder = request.targets
    try:
        neutral, resolvers = load_neutral(folder / "neutral.toml"), load_target(folder / "resolvers.toml")
    except TargetError as error:
        raise UsageError(str(error), 2) from None
    out = sys.stdout
    say(out, tr("Nothing has been sent. `probe run` would contact:"))
    for target in targets:
        say(out, f"\n{shown_title(target.title)} ({target.name})")
        for role, service in target.services.items():
            _row(role, service.endpoints)
        _count_hellos(target)
    say(out, "\n" + tr("for comparison, and to check that this network is fit to measure from"))
    checks = (check for check, _, _ in neutral.portal)
    hosts = [*neutral.endpoints, *neutral.reachability, *neutral.by_address, *neutral.home_hosts, *checks]
    _row(tr("neutral hosts"), hosts)
    if neutral.port_hosts:
        names = listed(host.host for host in neutral.port_hosts)
        _row(tr("servers with other ports, only where a port seems to be closed"), [], names)
    _row(tr("this network's own resolver"), [])
    if neutral.dark:
        _row(tr("an address without a resolver"), [], f"{neutral.dark}:53")
    say(out, "\n" + tr("public resolvers, which see the services' names"))
    for role, service in resolvers.services.items():
        _row(role, service.endpoints)
    say(out, "\n" + tr("the test helper"))
    say(out, "  " + (listed(with_public_helpers(request.control, folder)) or tr("none (name one with --control URL)")))
    asks_helper = bool(request.control) and request.followups
    _print_cost(cost_of(targets, request.repeat, request.depth, helper=asks_helper, followups=request.followups))


def _print_cost(cost: RunCost) -> None:
    """Print the bytes and seconds of a run. Those of flows to the helper and of long connections stand beside it."""
    out = sys.stdout
    for sentence in _flow_sentences(cost):
        say(out, wrapped(sentence, 2, "  "))
    moved = tr(
        "It moves about {size} if all works, and up to {most} where pages are large.",
        size=size(cost.moved),
        most=size(cost.most_moved),
    )
    took = tr(
        "It takes about {fine} seconds if all works, and up to {blocked} if much is blocked.",
        fine=cost.seconds,
        blocked=cost.seconds_if_blocked,
    )
    say(out, "\n" + wrapped(moved))
    say(out, wrapped(took))


def _flow_sentences(cost: RunCost) -> Iterator[str]:
    """Yield what call packets, test calls and transfers cost, if the run may have them."""
    if cost.media_moved:
        yield tr(
            "If it reflects call packets, it also gets packets like those of a call. "
            "That takes up to {seconds} seconds and moves up to {size}.",
            seconds=cost.media_seconds,
            size=size(cost.media_moved),
        )
    if cost.media_drawn:
        yield tr(
            "These packets imitate the call packets of some of these apps. The apps are drawn at random. "
            "To test another app, name only this app, or repeat the run."
        )
    if cost.call_moved:
        yield tr(
            "If it takes calls, it is called too, without voice and without a name. "
            "That takes up to {seconds} seconds and moves up to {size}.",
            seconds=cost.call_seconds,
            size=size(cost.call_moved),
        )
    if cost.transfers_moved:
        yield tr(
            "If pages come slowly, or call packets get lost, it may exchange data with this computer, up to {size}. "
            "This can be under the name of a slow app.",
            size=size(cost.transfers_moved),
        )
    if cost.kept_moved:
        yield tr(
            "Connections to one server of each app stay open. "
            "That takes up to {seconds} seconds and moves up to {size}, which are counted below.",
            seconds=cost.kept_seconds,
            size=size(cost.kept_moved),
        )


def _count_hellos(target: Target) -> None:
    """Print how many datagrams the call relays of a target get. No other datagram is repeated so often."""
    from probe.wire.telegram.reflector import MOST_HELLOS

    endpoints = [endpoint for service in target.services.values() for endpoint in service.endpoints]
    if relays := sum(endpoint.dialect == "reflector" for endpoint in endpoints):
        hellos = tr(
            "Each of its {relays} call relays gets up to {packets} small packets, and as many again if it is silent.",
            relays=relays,
            packets=MOST_HELLOS,
        )
        say(sys.stdout, wrapped(hellos, 2, "  "))


def _row(label: str, endpoints: Iterable[Endpoint], more: str = "") -> None:
    places = dict.fromkeys(_place(endpoint) for endpoint in endpoints)
    say(
        sys.stdout,
        wrapped(
            listed([*places, *([more] if more else [])]) or tr("(the one that this system uses)"), 4, f"  {label}: "
        ),
    )


def _place(endpoint: Endpoint) -> str:
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return f"{host}:{endpoint.port}" + ("/udp" if endpoint.carrier == "udp" else "")
