"""Count contributors: the least number of devices that can have made some failing measurements.

Some records have a pseudonym of their device:

- OONI's `probe_id` is scoped to a network. So different ids in one network are different devices. Those of different
  networks may be one device.
- Our contributor token is scoped to a month. So different tokens of one month are different devices, equal ones are one
  device in whatever networks, and those of different months may be one device.

Of other records only the kind of a device is known, which is its program, version and platform. Two kinds are two
devices if neither can have been updated to the other. One device that roams is one contributor, on MOST_NETWORKS
networks at most.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import ceil
from typing import NamedTuple

from probe.privacy.contributor_token import month_of

CONTRIBUTORS, NETWORKS = 3, 2
"""Contributors and networks that a state of a country, a mark and an event need at least. These are design values.

One or two devices with a filter of their own are usual, on several networks too. A school or a company with a filter
has one network.
"""

TOKENS = 2
"""Contributors of one network that tokens of one month show at most."""

MOST_NETWORKS = 5
"""Networks in which one device measures: at home, at work, over mobile data, and a few that its user visits."""

REPEATS = 2
MOST_DAYS = 3
"""Days of a source that count, so that a device with many runs does not outvote others, nor does a single run.

The sources of one device that has a token each month share them.
"""

Network = tuple[str, str]  # country and AS number
Kind = tuple[str, str]  # program with its platform, and version


class Source(NamedTuple):
    """Hold one device in one network if its pseudonym `probe_id` is known, else one kind of device with "".

    `fails` is what most of its days do, from the `first` such day to the `last`. `days` is the number of all its days,
    and `weight` the number of those that count.
    """

    network: Network
    kind: Kind
    probe_id: str
    first: str
    last: str
    fails: bool
    days: int
    weight: int


class DeviceDay(NamedTuple):
    """Hold what one kind of device found in one network on one day, with its pseudonym `probe_id` or ""."""

    network: Network
    kind: Kind
    probe_id: str
    day: str
    fails: bool


def sources_in(measured: Iterable[DeviceDay]) -> list[Source]:
    """Return the sources of some days. A tie accuses nothing."""
    found: dict[tuple[Network, Kind | str], list[DeviceDay]] = defaultdict(list)
    months = set[str]()
    for one in measured:
        found[one.network, one.probe_id or one.kind].append(one)
        months.add(month_of(one.probe_id))
    of_month = max(1, MOST_DAYS // max(1, len(months - {""})))
    return [_source(own, of_month if month_of(own[0].probe_id) else MOST_DAYS) for own in found.values()]


def _source(own: list[DeviceDay], most: int) -> Source:
    """Return the source of some days, of which `most` count. A device that was updated on a day has it twice."""
    fails = 2 * sum(one.fails for one in own) > len(own)
    alike = [one.day for one in own if one.fails == fails]  # others of the kind may have measured on the other days
    days, one = len({one.day for one in own}), own[-1]
    return Source(one.network, one.kind, one.probe_id, min(alike), max(alike), fails, days, min(days, most))


def failing_networks(sources: Iterable[Source]) -> set[Network]:
    """Return the networks in which more sources fail than work, by their weights."""
    balance: dict[Network, int] = defaultdict(int)
    for source in sources:
        balance[source.network] += source.weight if source.fails else -source.weight
    return {network for network, more in balance.items() if more > 0}


def contributors(sources: Iterable[Source], repeats: int | None = None) -> int:
    """Return the least number of devices that can be these sources. A source needs `repeats` days, or REPEATS.

    Kinds never count as more contributors than networks, because a program and a version are easily invented. Tokens
    are too, so each network counts at most TOKENS of them. Each of OONI's ids needs a credential.
    """
    known = [source for source in sources if source.days >= (REPEATS if repeats is None else repeats)]
    ids: dict[Network, set[str]] = defaultdict(set)
    tokens: dict[str, list[Source]] = defaultdict(list)  # by month
    others: list[Source] = []
    for source in known:
        if month := month_of(source.probe_id):
            tokens[month].append(source)
        else:
            others.append(source)
            ids[source.network] |= {source.probe_id} - {""}
    counts = [_of_month(own, others) for own in tokens.values()]
    return max([min(_devices(others), len(ids)), *map(len, ids.values()), *counts], default=0)


def _of_month(tokens: Sequence[Source], others: Sequence[Source]) -> int:
    """Return how many devices have these tokens of one month, or are kinds that none of them can be.

    A kind that was seen last before a token came, or the other way round, can be the same device, whose user changed
    the choice about tokens.
    """
    of_token: dict[str, list[Source]] = defaultdict(list)
    for source in tokens:
        of_token[source.probe_id].append(source)
    spans = [_span(own) for own in of_token.values()]
    kinds = [(own, _span(own)) for own in _of_kinds(others).values()]
    apart = [one for own, (first, last) in kinds if all(first <= b and a <= last for a, b in spans) for one in own]
    in_network: dict[Network, set[str]] = defaultdict(set)
    for source in (*tokens, *apart):  # all kinds of a network together count as one
        in_network[source.network].add(source.probe_id if month_of(source.probe_id) else "")
    return min(len(of_token) + _devices(apart), sum(min(TOKENS, len(own)) for own in in_network.values()))


def _of_kinds(sources: Iterable[Source]) -> dict[Kind, list[Source]]:
    found: dict[Kind, list[Source]] = defaultdict(list)
    for source in sources:
        found[source.kind].append(source)
    return found


def _span(sources: Sequence[Source]) -> tuple[str, str]:
    """Return the first and the last day of a device."""
    return min(one.first for one in sources), max(one.last for one in sources)


def enough(sources: Iterable[Source], repeats: int | None = None) -> bool:
    """Return True if the sources are CONTRIBUTORS on NETWORKS, so that no device or network made them alone."""
    known = [source for source in sources if source.days >= (REPEATS if repeats is None else repeats)]
    return len({source.network for source in known}) >= NETWORKS and contributors(known, repeats) >= CONTRIBUTORS


def _devices(sources: Iterable[Source]) -> int:
    """Return how many devices these kinds are at least. A device that was seen last may have become a later kind."""
    kinds = [(_span(own), kind, {one.network for one in own}) for kind, own in _of_kinds(sources).items()]
    seen: list[tuple[str, str, set[Network]]] = []  # last day, program and networks of each device
    for (first, last), (program, _), networks in sorted(kinds, key=lambda one: one[:2]):
        before = next((one for one in seen if one[0] < first or one[:2] == (first, program)), None)
        if before is not None:
            seen.remove(before)
        seen.append((last, program, networks | (before[2] if before else set())))
    return sum(ceil(len(visited) / MOST_NETWORKS) for _, _, visited in seen)
