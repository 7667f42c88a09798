"""Choose the flows of a capture that are compared with the flows of one name.

A flow compares as in a run (`other_name_same_address`, `same_name_neutral_host`). The servers of a run's comparisons
were chosen because they answer any name. Servers of a capture were not, and one that refuses names of others looks like
a censor. So a flow with the name to an unrelated server counts only if its packets show that another sender made it
fail: resets that the server did not send, or a hello that never arrived.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from probe.asn.table import asn_of
from probe.captures.captured_flow import CapturedFlow, SeenPacket
from probe.captures.conversation import Conversation
from probe.formats import failures as f

NAMED = ("tls", "quic", "http")  # schemes whose first message shows a name
MOST_OF_NAME, MOST_COMPARED, MOST_ADDRESSES = 100, 40, 8

RESIDUAL = 180.0  # seconds, as in a run (docs/contract.md, 2.1)
BESIDE = 30.0  # seconds after a flow in which another name that passes shows that nothing residual was there

Place = tuple[str, str, int]
"""Scheme, address and port of a server."""


class Compared(NamedTuple):
    """Hold the flows of one host over one scheme and port, and the flows that are compared with them.

    `own` has the flows by address. `others` carry other names to these addresses, and `elsewhere` the name to
    unrelated servers, each with the name under which the server answered.
    """

    own: dict[str, list[Conversation]]
    others: list[Conversation]
    elsewhere: list[tuple[Conversation, str]]


class Comparisons:
    """Find what is compared, among all conversations of a set of captures."""

    def __init__(self, conversations: Iterable[Conversation]) -> None:
        self._at: dict[Place, list[Conversation]] = defaultdict(list)
        self._passed: dict[Place, set[str]] = defaultdict(set)
        for each in conversations:
            if each.scheme in NAMED and each.name:
                place = _place(each)
                self._at[place].append(each)
                if each.completed and each.failure is None:
                    self._passed[place].add(each.name)

    def of(self, flows: Sequence[Conversation]) -> Compared:
        """Return what is compared with the flows of one endpoint.

        Flows that failed after another name's failure at the same server say nothing about their own name, because
        some devices then drop everything for minutes (residual censorship). If there are no others, none is compared.
        """
        sure = [each for each in flows if not self._is_residual(each)]
        if not sure:
            return Compared(in_groups(flows[:MOST_OF_NAME]), [], [])
        return self._compared(sure)

    def _is_residual(self, flow: Conversation) -> bool:
        if flow.failure is None:
            return False
        others = [each for each in self._at[_place(flow)] if each.name != flow.name]
        since = flow.began - RESIDUAL
        causes = [each.began for each in others if each.failure is not None and since <= each.began < flow.began]
        passed = [each.began for each in others if each.completed and each.failure is None]
        return bool(causes) and not any(min(causes) < when <= flow.ended + BESIDE for when in passed)

    def _compared(self, flows: Sequence[Conversation]) -> Compared:
        by_address = in_groups(flows[:MOST_OF_NAME])
        ranked = sorted(by_address, key=lambda address: (-len(by_address[address]), address))[:MOST_ADDRESSES]
        main, own, elsewhere = ranked[0], dict[str, list[Conversation]](), list[tuple[Conversation, str]]()
        for address in ranked:
            answering = self._unrelated(by_address[address][0], main) if address != main else ""
            shown = [each for each in by_address[address] if answering and cut_off_by_another(each)]
            if shown and len(shown) == len(by_address[address]):
                elsewhere += [(each, answering) for each in shown]
            else:
                own[address] = by_address[address]
        return Compared(own, self._others(flows[0], own), elsewhere[:MOST_COMPARED])

    def _unrelated(self, flow: Conversation, main: str) -> str:
        """Return another name that the server of a flow answered, if it is in another network than `main`. Else ""."""
        names = self._passed[_place(flow)] - {flow.name}
        return min(names) if names and _differ(flow.flow.server, main) else ""

    def _others(self, flow: Conversation, own: dict[str, list[Conversation]]) -> list[Conversation]:
        """Return the flows with other names to these addresses. Names that never passed there compare nothing."""
        places = [(flow.scheme, address, flow.flow.port) for address in own]
        return [
            each
            for place in places
            for each in self._at.get(place, [])
            if each.name != flow.name and each.name in self._passed[place] and _is_like(each, own[place[1]])
        ][:MOST_COMPARED]


def in_groups(flows: Iterable[Conversation]) -> dict[str, list[Conversation]]:
    """Return flows by the address of the server."""
    found: dict[str, list[Conversation]] = defaultdict(list)
    for each in flows:
        found[each.flow.server].append(each)
    return found


def _is_like(other: Conversation, own: Iterable[Conversation]) -> bool:
    """Return whether a hello carries Encrypted ClientHello if own hellos do. Else the extension could be the reason."""
    return other.hello == "outer_name" or all(each.hello != "outer_name" for each in own)


def _place(each: Conversation) -> Place:
    return each.scheme, each.flow.server, each.flow.port


def _differ(one: str, other: str) -> bool:
    networks = asn_of(one), asn_of(other)
    if all(networks):
        return networks[0] != networks[1]
    return one.split("." if "." in one else ":")[:2] != other.split("." if "." in other else ":")[:2]


def cut_off_by_another(each: Conversation) -> bool:
    """Return whether the packets of a flow show that another sender than the server made it fail."""
    if each.failure == f.RESET:
        return bool(foreign_resets(each.flow))
    if each.failure == f.TIMEOUT:
        return each.unheard if each.answered else each.scheme == "quic" or not each.flow.hello_acknowledged
    return False


def foreign_resets(flow: CapturedFlow) -> list[SeenPacket]:
    """Return the resets from the server's address whose TTL is not that of the server's SYN/ACK."""
    received = [event for event in flow.kept if not event.outgoing]
    usual = {event.ttl for event in received if {"S", "A"} <= set(event.kind)}
    return [event for event in received if "R" in event.kind and usual and event.ttl not in usual]
