"""Print what a run would contact and cost, without sending anything, DNS included (`probe run --explain`)."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from probe.cli.screen import UsageError, say, size, wrapped
from probe.messages import tr
from probe.targets.cost import typical_bytes
from probe.targets.target import Endpoint, Target, TargetError, load_neutral, load_target

if TYPE_CHECKING:
    from probe.cli.run.request import RunRequest

SECONDS_WHEN_FINE, SECONDS_WHEN_BLOCKED = 15, 60


def print_explanation(targets: list[Target], request: "RunRequest") -> None:
    """Print what `probe run` with this request would contact, and what it would cost."""
    folder = request.targets
    try:
        neutral, resolvers = load_neutral(folder / "neutral.toml"), load_target(folder / "resolvers.toml")
    except TargetError as error:
        raise UsageError(str(error), 2) from None
    out = sys.stdout
    say(out, tr("Nothing has been sent. `probe run` would contact:"))
    for target in targets:
        say(out, f"\n{target.title} ({target.name})")
        for role, service in target.services.items():
            _row(role, service.endpoints)
    say(out, "\n" + tr("for comparison, and to check that this network is fit to measure from"))
    _row(tr("neutral hosts"), [*neutral.endpoints, *neutral.reachability, *(check for check, _, _ in neutral.portal)])
    _row(tr("this network's own resolver"), [])
    if neutral.dark:
        _row(tr("an address without a resolver"), [], f"{neutral.dark}:53")
    say(out, "\n" + tr("public resolvers, which see the services' names"))
    for role, service in resolvers.services.items():
        _row(role, service.endpoints)
    say(out, "\n" + tr("the test helper"))
    say(out, "  " + (", ".join(request.control) or tr("none (name one with --control URL)")))
    count = sum(typical_bytes(target) for target in targets) * request.repeat + 40_000
    fine, blocked = SECONDS_WHEN_FINE * request.repeat, SECONDS_WHEN_BLOCKED * request.repeat
    say(out, "\n" + tr("It moves about {size} if all works, and less if not.", size=size(count)))
    cost = tr(
        "It takes about {fine} seconds if all works, and up to {blocked} if much is blocked.",
        fine=fine,
        blocked=blocked,
    )
    say(out, wrapped(cost))


def _row(label: str, endpoints: Iterable[Endpoint], more: str = "") -> None:
    places = dict.fromkeys(_place(endpoint) for endpoint in endpoints)
    say(
        sys.stdout,
        wrapped(
            ", ".join([*places, *([more] if more else [])]) or tr("(the one that this system uses)"), 4, f"  {label}: "
        ),
    )


def _place(endpoint: Endpoint) -> str:
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return f"{host}:{endpoint.port}" + ("/udp" if endpoint.carrier == "udp" else "")
