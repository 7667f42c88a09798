"""Test hop searches after answers that stop."""

from pathlib import Path
from typing import Any

import pytest

from probe.followups.flow import FlowRunner
from probe.followups.hops import limited_flows
from probe.followups.hops.hop_search import HopSearch
from probe.formats import failures as f
from probe.formats.entries import HTTPTransaction
from probe.formats.exchanges.hops import Distance, LimitedPayload
from probe.formats.transactions import StreamEnd
from probe.session.trace import Trace, TransactionFacts
from probe.signatures.ttl_distance import Interval
from probe.steps.http.http_answer import written_request
from probe.steps.path.frozen_connection import StoppingPage
from tests.followups.hops.test_hop_search import HOP, HTTPS, IP, NAME, PORT, Path8, path
from tests.support.world import INNOCUOUS, World

__all__ = ["path"]

AGAIN, OTHER_NAME, NEUTRAL = "same_transfer_again", "innocuous_name_transfer", "neutral_host_transfer"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def transfer(trace: Trace, followup: str, cause: int | None, ending: str) -> int:
    """Record a transfer that is `whole`, `stopped` (nothing acknowledged), `acknowledged` or `unknown`."""
    kind = "followup" if followup else "first"
    name = INNOCUOUS if followup == OTHER_NAME else NAME
    about = {"endpoint": HTTPS.url, "address": IP, "port": PORT, "family": 4, "sent_name": name, "service": "web"}
    async with trace.transaction(TransactionFacts(kind, followup=followup, cause=cause, **about)) as tx:
        entry = HTTPTransaction(address=f"{IP}:{PORT}", request=written_request("GET", HTTPS.url, {}, b""))
        entry.response.x_body_failure = None if ending == "whole" else f.TIMEOUT
        tx.keep(entry)
        acked = {"acknowledged": 501, "unknown": None}.get(ending, 480)
        silence = 0.0 if ending == "whole" else 3.0
        tx.record.stream = StreamEnd(bytes_sent=500, bytes_acked=acked, bytes_after_sent=9000, silence=silence)
    assert trace.bugs == []
    return tx.record.transaction_id


async def searching(world: World, own: str, again: str, **others: str) -> HopSearch:
    trace = Trace()
    cause = await transfer(trace, "", None, own)
    for followup, ending in {AGAIN: again, **others}.items():
        await transfer(trace, followup, cause, ending)
    where = HopSearch(FlowRunner(trace, world.session))
    where.cases.note_attempt(trace.transactions[0], HTTPS)
    return where


@pytest.mark.parametrize("other", [OTHER_NAME, NEUTRAL])
async def test_answer_that_stops_twice_is_searched(world: World, other: str) -> None:
    (case,) = (await searching(world, "stopped", "stopped", **{other: "whole"})).cases.of({NAME})
    assert (case.kind, case.host, case.by_silence, case.carrier) == ("frozen", NAME, True, "tcp")
    assert case.is_trigger and not case.any_name


@pytest.mark.parametrize(
    ("own", "again", "others"),
    [
        ("stopped", "whole", {OTHER_NAME: "whole"}),
        ("whole", "stopped", {OTHER_NAME: "whole"}),
        ("stopped", "stopped", {OTHER_NAME: "stopped", NEUTRAL: "stopped"}),
        ("stopped", "stopped", {}),
        ("acknowledged", "stopped", {NEUTRAL: "whole"}),
        ("stopped", "acknowledged", {NEUTRAL: "whole"}),
        ("unknown", "unknown", {NEUTRAL: "whole"}),
    ],
)
async def test_look_alikes_are_not_searched(world: World, own: str, again: str, others: dict[str, str]) -> None:
    """Test outages, quotas, servers that stop, lost large packets, and systems that do not tell acknowledgements."""
    assert (await searching(world, own, again, **others)).cases.of({NAME}) == []


class Connections:
    """Stand for connections that fall silent on the fifth router, or with these numbers never do.

    `mute`: a router that answers SYNs, and no packets of these connections.
    """

    def __init__(self, path: Path8, *spared: int, mute: int = 0) -> None:
        self.path, self.spared, self.mute = path, spared, mute

    async def ask(self, tx: Any, conn: Any, page: StoppingPage, ttls: list[int], **how: Any) -> LimitedPayload:
        assert page.server_name == NAME and page.headers["Host"] == f"{NAME}" and page.target == "/"
        self.path.flows.append(ttls)
        entry = LimitedPayload(address=conn.address, transport="tcp", payload="frozen")
        async with tx.step(entry, 5.0):
            if len(self.path.flows) in self.spared:
                raise EOFError("the answer does not stop")
            entry.distances += [
                Distance(ttl=ttl, sent=1, outcome="silent" if ttl >= HOP or ttl == self.mute else "expired")
                for ttl in ttls
            ]
            entry.compared = [ttl for ttl in ttls if ttl >= HOP and ttl != self.mute]
        return entry


@pytest.mark.parametrize(("spared", "flows"), [((), [[3, 6], [4, 5]]), ((1,), [[3, 6], [3, 6], [4, 5]])])
async def test_connections_that_do_not_stop_are_left_out(
    world: World, path: Path8, monkeypatch: pytest.MonkeyPatch, spared: tuple[int, ...], flows: list[list[int]]
) -> None:
    monkeypatch.setattr(limited_flows, "limited_bytes_after_silence", Connections(path, *spared).ask)
    where = await searching(world, "stopped", "stopped", **{NEUTRAL: "whole"})
    await where.find({NAME})
    assert path.flows == flows and world.session.located["frozen"] == Interval(HOP - 1, HOP, 1)
    assert world.session.pace.triggers == len(flows)


@pytest.mark.parametrize("mute", [3, HOP])
async def test_silence_of_a_router_that_answered_nothing_before_is_no_evidence(
    world: World, path: Path8, monkeypatch: pytest.MonkeyPatch, mute: int
) -> None:
    """Test a router of a load balancer that answers the SYNs of the path sweep alone."""
    monkeypatch.setattr(limited_flows, "limited_bytes_after_silence", Connections(path, mute=mute).ask)
    where = await searching(world, "stopped", "stopped", **{NEUTRAL: "whole"})
    await where.find({NAME})
    assert all(found.low < HOP <= found.high for found in world.session.located.values())


async def test_hop_that_one_connection_shows_is_repeated_on_a_second(
    world: World, path: Path8, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limited_flows, "limited_bytes_after_silence", Connections(path).ask)
    world.session.located["tls"] = Interval(HOP - 1, HOP, 1)
    where = await searching(world, "stopped", "stopped", **{NEUTRAL: "whole"})
    await where.find({NAME})
    assert path.flows == [[HOP - 1, HOP]] * 2
