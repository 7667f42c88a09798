"""Test that a flow of which a step overslept, as on a busy computer, is tried again once."""

import pytest

from probe.dialogue import always_get
from probe.formats import failures as f
from probe.ooni.view import ooni_view
from probe.session import pacing
from probe.session.trace import Trace
from tests.connectivity.one_endpoint import HERE, NAME, kinds, resolves, run
from tests.support.world import Behaviour, World


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> Trace:
    """Return a trace in which every step that reaches its deadline counts as one that overslept."""
    monkeypatch.setattr(pacing, "TLS_FIRST", 0.3)
    trace = Trace()
    trace.overslept = -60.0
    return trace


def silent_at_first(times: int) -> dict[str, object]:
    left = [times]

    def by_hello(hello: bytes) -> Behaviour | None:
        left[0] -= NAME.encode() in hello
        return "silent" if NAME.encode() in hello and left[0] >= 0 else None

    return {"by_hello": by_hello}


async def test_overslept_flow_is_tried_again(world: World, busy: Trace) -> None:
    async with world.box(HERE, [NAME], **silent_at_first(1)) as box:
        resolves(world, HERE)
        target = world.target(f"https://{NAME}:{box.port}/", ooni=True)
        trace = await run(world, target, busy)
    assert kinds(trace) == ["innocuous", "first", "first"]
    given_up, again = (record for record in trace.transactions if record.endpoint and record.kind == "first")
    assert (given_up.failure, again.failure) == (f.INTERRUPTED, None)
    assert trace.tried_again == {given_up.transaction_id} and box.flows(NAME) == 2
    (seen,) = ooni_view(trace, target, always_get).seen
    assert seen.failure is None, "OONI's keys hold the attempt that counts"


async def test_overslept_flow_is_tried_again_only_once(world: World, busy: Trace) -> None:
    async with world.box(HERE, [NAME], **silent_at_first(9)) as box:
        resolves(world, HERE)
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"), busy)
    assert kinds(trace) == ["innocuous", "first", "first"] and box.flows(NAME) == 2


async def test_visit_to_an_unverified_address_is_not_repeated(world: World, busy: Trace) -> None:
    """Keep the limit of one connection to an address that nothing proves (P7)."""
    async with world.box(HERE, [NAME], **silent_at_first(1)) as box:
        resolves(world, HERE, trusted=())
        await run(world, world.target(f"https://{NAME}:{box.port}/"), busy)
    assert box.seen.count("connect") == 1


async def test_silence_without_oversleeping_is_a_timeout(world: World, busy: Trace) -> None:
    busy.overslept = 60.0
    async with world.box(HERE, [NAME], **silent_at_first(1)) as box:
        resolves(world, HERE)
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"), busy)
    assert kinds(trace)[:3] == ["innocuous", "first", "confirm"] and not trace.tried_again
