"""Test the counts of TLS connections to one network, and the cool-down before a repetition."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from probe.formats.exchanges.tls import ParallelHellos
from probe.session.parallel_hellos import HelloCounts, OpenHello
from probe.signatures.parallel_hellos import COOL_DOWN, network_of

NEAR, ALSO_NEAR, FAR = "192.0.2.1", "192.0.2.200", "192.0.3.1"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0"),
        ("2001:db8:1:2::3", "2001:db8:1::"),
        ("2001:db8:1:ffff::", "2001:db8:1::"),
        ("fe80::1%eth0", "fe80::"),
    ],
)
def test_network_of_an_address(address: str, network: str) -> None:
    assert network_of(address) == network


def counts(hello: OpenHello, *, answered: bool = True) -> tuple[int, int, int]:
    found = hello.ended(answered=answered)
    return found.open, found.most, found.elsewhere


async def test_connections_are_counted_by_network_and_kind() -> None:
    hellos = HelloCounts()
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(hellos.open(NEAR, "openssl"))
        assert counts(await stack.enter_async_context(hellos.open(NEAR, "utls"))) == (0, 0, 0)
        assert counts(await stack.enter_async_context(hellos.open(FAR, "openssl"))) == (0, 0, 0)
        assert counts(await stack.enter_async_context(hellos.open(NEAR, "openssl"))) == (1, 1, 0)
        assert counts(await stack.enter_async_context(hellos.open(ALSO_NEAR, "openssl"))) == (2, 2, 2)
        assert counts(first) == (0, 2, 1), "those that were opened before its handshake ended are beside it too"


async def test_closed_connections_count_until_the_cool_down_is_over() -> None:
    clock = Clock()
    hellos = HelloCounts(clock)
    async with AsyncExitStack() as stack:
        for _ in range(4):
            await stack.enter_async_context(hellos.open(NEAR, "openssl"))
    clock.now += COOL_DOWN
    async with hellos.open(ALSO_NEAR, "openssl") as hello:
        assert counts(hello) == (0, 4, 4)
    clock.now += COOL_DOWN + 1
    async with hellos.open(ALSO_NEAR, "openssl") as hello:
        assert counts(hello) == (0, 0, 0)


async def test_answered_hellos_beside_three_others_are_counted() -> None:
    hellos, found = HelloCounts(), list[ParallelHellos]()
    async with AsyncExitStack() as stack:
        for number in range(6):
            hello = await stack.enter_async_context(hellos.open(NEAR, "openssl"))
            found.append(hello.ended(answered=number < 4))
    assert hellos.passed(ALSO_NEAR, "openssl")
    assert not hellos.passed(FAR, "openssl")
    assert [(one.crowded, one.crowded_answered) for one in found] == [(0, 0)] * 3 + [(1, 1), (2, 1), (3, 1)]


async def test_network_is_quiet_after_the_cool_down() -> None:
    clock = Clock()
    hellos = HelloCounts(clock, cool_down=5.0)
    assert hellos.quiet_in(NEAR, "openssl") == 0.0
    async with hellos.open(NEAR, "openssl"), hellos.open(ALSO_NEAR, "openssl"):
        clock.now += 3.0
    assert hellos.quiet_in(ALSO_NEAR, "openssl") == 5.0, "it counts from the end of the second connection"
    assert hellos.quiet_in(FAR, "openssl") == hellos.quiet_in(NEAR, "utls") == 0.0
    clock.now += 4.0
    async with hellos.open(NEAR, "openssl"):
        assert hellos.quiet_in(NEAR, "openssl") == 1.0, "one connection is no crowd"


@pytest.mark.parametrize(("one_failed", "side_by_side"), [(False, 1), (True, 2)])
async def test_repetitions_run_one_by_one_and_begin_no_cool_down(one_failed: bool, side_by_side: int) -> None:
    clock, running, most = Clock(), 0, 0
    hellos = HelloCounts(clock, cool_down=5.0)
    for _ in range(2 if one_failed else 0):
        hellos.failed_alone(ALSO_NEAR, "openssl")

    async def repeat() -> None:
        nonlocal running, most
        async with (
            hellos.alone(NEAR, "openssl"),
            hellos.open(NEAR, "openssl"),
            hellos.open(NEAR, "openssl"),
        ):
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1

    repetitions = [asyncio.create_task(repeat()) for _ in range(5)]
    await asyncio.sleep(0)
    await hellos.all_repeated(ALSO_NEAR, "openssl")
    assert all(repetition.done() for repetition in repetitions)
    assert (most, hellos.quiet_in(NEAR, "openssl")) == (side_by_side, 0.0)


async def test_answers_are_known_by_the_time_of_their_hello() -> None:
    clock = Clock()
    hellos = HelloCounts(clock)
    async with hellos.open(NEAR, "openssl") as hello:
        clock.now += 1.0
        hello.ended(answered=True)
    for seconds, is_soon in [(0.02, False), (0.2, True), (19.0, True), (21.0, False)]:
        assert hellos.answered_after(NEAR, "openssl", 1000.0 - seconds) is is_soon
    assert not hellos.answered_after(NEAR, "openssl", 1000.5), "the hello was sent before"


async def test_hellos_that_were_sent_after_an_unanswered_one_and_answered_are_counted() -> None:
    clock = Clock()
    hellos = HelloCounts(clock)
    async with hellos.open(NEAR, "openssl") as failed:
        failed.ended(answered=False)
    for after in (0.02, 0.2, 0.3):
        clock.now = 1000.0 + after
        async with hellos.open(ALSO_NEAR, "openssl") as hello:
            assert hello.ended(answered=True).later == 0, "nothing failed at this address"
    async with hellos.open(NEAR, "openssl") as again:
        assert again.ended(answered=False).later == 2, "the first one may have overtaken it"


@pytest.mark.parametrize(("seconds", "later"), [(19.0, 1), (61.0, 0)])
async def test_answers_after_a_policer_has_forgotten_the_unanswered_hello_do_not_count(
    seconds: float, later: int
) -> None:
    clock = Clock()
    hellos = HelloCounts(clock)
    async with hellos.open(NEAR, "openssl") as failed:
        failed.ended(answered=False)
    clock.now += seconds
    async with hellos.open(ALSO_NEAR, "openssl") as answered:
        answered.ended(answered=True)
    assert hellos.answered_later(NEAR, "openssl") is bool(later)
    async with hellos.open(NEAR, "openssl") as again:
        assert again.ended(answered=False).later == later


async def test_flows_to_a_neutral_host_begin_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.session.parallel_hellos.TURN", 0.05)
    hellos, begun = HelloCounts(), list[float]()

    async def flow(address: str, seconds: float) -> None:
        async with hellos.turn(address, "openssl"):
            begun.append(asyncio.get_running_loop().time())
            await asyncio.sleep(seconds)

    await asyncio.gather(flow(NEAR, 0.0), flow(ALSO_NEAR, 0.2), flow(NEAR, 0.2), flow(FAR, 0.0))
    first, elsewhere, second, third = begun
    assert elsewhere - first < 0.03, "another network has turns of its own"
    assert second - first < 0.03, "the flow before has ended"
    assert 0.04 < third - second < 0.15, "a silent flow is not waited for"
    async with asyncio.timeout(0.2), hellos.turn(NEAR, "openssl"):
        pass


async def test_connections_of_services_to_all_networks_are_counted_together() -> None:
    hellos, found = HelloCounts(), list[int]()
    async with AsyncExitStack() as stack:
        for address, kind, of_service in [
            (NEAR, "openssl", True),
            (FAR, "utls", True),
            (FAR, "openssl", False),
            ("2001:db8::1", "openssl", True),
        ]:
            hello = await stack.enter_async_context(hellos.open(address, kind, of_service=of_service))
            found.append(hello.ended(answered=True).most_in_run)
    assert found == [0, 1, 0, 2], "a check of the network counts for itself"


async def test_run_is_quiet_after_connections_to_all_networks() -> None:
    clock = Clock()
    hellos = HelloCounts(clock, cool_down=5.0)
    async with hellos.open(NEAR, "openssl"), hellos.open(FAR, "utls"):
        clock.now += 3.0
    assert hellos.quiet_in(NEAR, "openssl") == 0.0
    assert hellos.quiet_in(NEAR, "openssl", in_run=True) == 5.0
    clock.now += 5.0
    async with hellos.alone(NEAR, "openssl", in_run=True), hellos.open(NEAR, "openssl"), hellos.open(FAR, "openssl"):
        pass
    assert hellos.quiet_in(FAR, "openssl", in_run=True) == 0.0, "a repetition begins no cool-down"
    async with hellos.alone(NEAR, "openssl"), hellos.open(NEAR, "openssl"), hellos.open(FAR, "openssl"):
        pass
    assert hellos.quiet_in(FAR, "openssl", in_run=True) == 5.0, "one that waited for its network alone does"


async def test_limited_network_has_two_connections_side_by_side() -> None:
    hellos, running, most = HelloCounts(), 0, 0
    hellos.limit(NEAR, "openssl")

    async def connect() -> None:
        nonlocal running, most
        async with hellos.open(ALSO_NEAR, "openssl"):
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1

    await asyncio.gather(*(connect() for _ in range(6)))
    assert most == 2


async def hello_with(hellos: HelloCounts, name: str, *, answered: bool, begun: float | None = None) -> int | None:
    """Send a hello alone. Return the names that were not answered again."""
    async with hellos.open(NEAR, "openssl", name, begun=begun) as hello:
        return hello.ended(answered=answered).not_again


async def test_names_are_answered_again_by_connections_that_begin_after_the_failure() -> None:
    clock = Clock()
    hellos = HelloCounts(clock)
    for name in ("a", "b"):
        assert await hello_with(hellos, name, answered=True) is None
    clock.now += 1.0
    assert await hello_with(hellos, "blocked", answered=False) is None, "it had not failed before"
    assert hellos.not_again(ALSO_NEAR, "openssl", "blocked") == {"a", "b"}
    clock.now += 1.0
    await hello_with(hellos, "a", answered=True)
    await hello_with(hellos, "b", answered=True, begun=clock.now - 1.5)
    assert hellos.not_again(NEAR, "openssl", "blocked") == {"b"}, "a server may have counted it before the failure"
    assert await hello_with(hellos, "blocked", answered=False) == 1
    clock.now += 1.0
    for name in ("a", "b"):
        await hello_with(hellos, name, answered=True)
    assert await hello_with(hellos, "blocked", answered=False) == 0
    assert hellos.not_again(NEAR, "openssl", "blocked") == set(), "the failure alone asks for no further answers"


async def test_name_that_was_answered_itself_may_be_policed() -> None:
    clock = Clock()
    hellos = HelloCounts(clock)
    await hello_with(hellos, "blocked", answered=True)
    clock.now += 1.0
    await hello_with(hellos, "blocked", answered=False)
    assert hellos.not_again(NEAR, "openssl", "blocked") == {"blocked"}


async def test_names_are_sent_again_until_one_is_refused() -> None:
    clock = Clock()
    hellos = HelloCounts(clock, cool_down=5.0)
    async with hellos.again(NEAR, "openssl") as may_be:
        assert may_be
        hellos.refused_again(NEAR, "openssl")
    assert hellos.quiet_in(NEAR, "openssl") == 5.0
    async with hellos.again(ALSO_NEAR, "openssl") as may_be:
        assert not may_be
    async with hellos.again(FAR, "openssl") as may_be:
        assert may_be
