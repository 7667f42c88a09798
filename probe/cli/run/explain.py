"""`probe run --explain`: hosts, ports, bytes and seconds of a run that is not made; nothing is sent, not even DNS."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from probe.cli.screen import UsageError, say, size, wrapped
from probe.targets.target import Endpoint, Target, TargetError, load_neutral, load_target

if TYPE_CHECKING:
    from probe.cli.run.request import RunRequest

ADDRESSES = 2  # per name, and a harmless hello before the first: the usual answer has one or two
LOOKUP_BYTES = 600
SECONDS_WHEN_FINE, SECONDS_WHEN_BLOCKED = 15, 60


def print_explanation(targets: list[Target], wishes: "RunRequest") -> None:
    """Print what `probe run` with these wishes would contact, and what it would cost."""
    folder = wishes.targets
    try:
        neutral, resolvers = load_neutral(folder / "neutral.toml"), load_target(folder / "resolvers.toml")
    except TargetError as error:
        raise UsageError(str(error), 2) from None
    out = sys.stdout
    say(out, "Nothing has been sent. `probe run` would contact:")
    for target in targets:
        say(out, f"\n{target.title} ({target.name})")
        for role, service in target.services.items():
            _row(role, service.endpoints)
    say(out, "\nto compare with, and to see whether this network is fit to measure from")
    _row("neutral hosts", [*neutral.endpoints, *(check for check, _, _ in neutral.portal)])
    _row("this network's own resolver", [])
    if neutral.dark:
        _row("runs no resolver", [], f"{neutral.dark}:53")
    say(out, "\npublic resolvers, which see the services' names")
    for role, service in resolvers.services.items():
        _row(role, service.endpoints)
    say(out, f"\nthe test helper\n  {', or '.join(wishes.control) or 'none (name one with --control URL)'}")
    count = sum(estimate(target) for target in targets) * wishes.repeat + 40_000
    say(out, f"\nAbout {size(count)} when all works, less where it does not.")
    say(
        out,
        f"About {SECONDS_WHEN_FINE * wishes.repeat} seconds when all works,",
    )
    say(out, f"up to {SECONDS_WHEN_BLOCKED * wishes.repeat} when much is blocked.")


def estimate(target: Target) -> int:
    """Bytes that measuring the target once moves when everything works."""
    flows = sum(
        endpoint.facts.typical_bytes * (1 if endpoint.is_literal else ADDRESSES + 1)
        for _, endpoint in target.endpoints()
    )
    names = {endpoint.host for _, endpoint in target.endpoints() if not endpoint.is_literal}
    return flows + len(names) * 3 * LOOKUP_BYTES


def _row(label: str, endpoints: Iterable[Endpoint], more: str = "") -> None:
    places = dict.fromkeys(_place(endpoint) for endpoint in endpoints)
    say(
        sys.stdout,
        wrapped(
            ", ".join([*places, *([more] if more else [])]) or "(its address is in resolv.conf)", 4, f"  {label}: "
        ),
    )


def _place(endpoint: Endpoint) -> str:
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return f"{host}:{endpoint.port}" + ("/udp" if endpoint.carrier == "udp" else "")
