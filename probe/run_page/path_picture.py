"""Return the place of interference on the path, as a line of routers and as sentences."""

from collections.abc import Iterable, Mapping
from typing import Any

from probe.analysis.observations.lenient_json import number, table, text
from probe.messages import tr
from probe.run_page.service_name import service_name

WIDTH = 360  # of the picture, in its own unit
EDGE = 30  # from the border to the middle of the first and the last point
MOST_ROUTERS = 4  # with an own point. Of more, the first one and the last two are drawn.
MOST_HOPS = 5  # pictures of one app
MOST_NAMES = 20  # services that are named at one picture
MOST_TTL = 255


def paths_of(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one picture for each interfering hop of an app, with the services that it was found for."""
    found: dict[int, list[tuple[str, str]]] = {}  # by TTL: service, and the sentence about the router
    for record in records:
        hop = table(record.get("hop"))
        ttl = number(hop.get("ttl"))
        if 1 <= ttl <= MOST_TTL:
            router = _router(ttl, text(hop.get("address")), number(hop.get("asn")))
            found.setdefault(ttl, []).append((service_name(record), router))
    return [_path(ttl, found[ttl]) for ttl in sorted(found)[:MOST_HOPS]]


def _path(ttl: int, found: list[tuple[str, str]]) -> dict[str, Any]:
    """Return points, the place of the mark and the sentences."""
    labels = [tr("You"), *_routers(ttl), "…", tr("Server")]
    step = (WIDTH - 2 * EDGE) / (len(labels) - 1)
    behind = len(labels) - 3  # the router behind the mark
    services = list(dict.fromkeys(service for service, _ in found))
    return {
        "width": WIDTH,
        "services": services[:MOST_NAMES],
        "more": len(services) > MOST_NAMES,
        "points": [{"x": round(EDGE + step * place, 1), "label": label} for place, label in enumerate(labels)],
        "line": (EDGE, WIDTH - EDGE),
        "mark": round(EDGE + step * (behind - 0.5), 1),
        "where": place_sentence(ttl),
        "router": next((router for _, router in found if router), ""),
    }


def _routers(ttl: int) -> list[str]:
    numbers = [str(router) for router in range(1, ttl + 1)]
    return numbers if ttl <= MOST_ROUTERS else [numbers[0], "…", *numbers[-2:]]


def place_sentence(ttl: int) -> str:
    """Return the sentence about the place of an interfering hop, between two routers."""
    if ttl == 1:
        return tr("The connections are interfered with between this device and router 1.")
    return tr(
        "The connections are interfered with between router {before} and router {behind}.", before=ttl - 1, behind=ttl
    )


def _router(ttl: int, address: str, asn: int) -> str:
    """Return the sentence about the router behind the mark, "" if its address is unknown."""
    if not address:
        return ""
    if asn:
        return tr(
            "Router {number} has the address {address} in network {network}.",
            number=ttl,
            address=address,
            network=f"AS{asn}",
        )
    return tr("Router {number} has the address {address}.", number=ttl, address=address)
