"""Test servers that break off at any byte, stall, drip, flood or send another protocol: each attempt ends correctly."""

import asyncio

import pytest

from probe.dialogue import DIALOGUE_BY_DIALECT
from probe.formats import failures as f
from probe.steps.tls.certificates import Roots
from tests.support.faults import spoiling
from tests.support.faults.attempts import LIMIT, Attempt, in_memory, leaking_nothing
from tests.support.faults.datagrams import DATAGRAMS
from tests.support.faults.dialogues import DIALOGUES, WRONG, Dialogue, visit
from tests.support.faults.spoiling import Fault, Wire, dripping, end, flooding, instead, reset, stall

STRIDE = 97  # within TLS's handshake, which the dialogue "tls" has byte by byte, the others break off at every 97th
WOBBLE = 40  # bytes by which two exchanges differ: in the length of a signature, or in one TLS record instead of two
SIDE_BY_SIDE = 40
FLOODED_WITH = ["a page", "lines", "noise"]
MOST_RECEIVED = 1 << 20  # bytes that a flood may make us read. The body of a page may have 64 kB.
MOST_HELD = 4 << 20  # bytes of Python's, the flooding server's own included

OVER_TLS = {"tls", "https", "dot", "doh", "smtps", "imaps", "sip/tls", "stun/tls", "turn/tls"}

each_dialogue = pytest.mark.parametrize("dialogue", DIALOGUES, ids=lambda one: one.name)


async def positions(dialogue: Dialogue, roots: Roots) -> list[int]:
    """Return where to break off: before every byte of the correct server."""
    honest, wire = await visit(dialogue, roots, limit=5.0)
    assert honest.failure is None, honest.entries
    handshake = range(0) if dialogue.name == "tls" else wire.handshake()
    return [at for at in range(wire.said) if at not in handshake or at % STRIDE == 0]


async def side_by_side(
    dialogue: Dialogue, roots: Roots, tries: list[tuple[int, Fault]], limit: float = LIMIT
) -> list[tuple[Attempt, Wire]]:
    places = asyncio.Semaphore(SIDE_BY_SIDE)

    async def one(at: int, fault: Fault) -> tuple[Attempt, Wire]:
        async with places:
            return await visit(dialogue, roots, at, fault, limit)

    return await asyncio.gather(*(one(at, fault) for at, fault in tries))


def test_no_dialect_is_left_out() -> None:
    here = {dialogue.name for dialogue in DIALOGUES} | {dialogue.name for dialogue in DATAGRAMS}
    assert set(DIALOGUE_BY_DIALECT) - {"tcp"} <= here  # a bare connect has no words: tests/faults/test_icmp.py


@each_dialogue
async def test_broken_off_before_any_byte(dialogue: Dialogue, roots: Roots) -> None:
    at = await positions(dialogue, roots)
    every = 7 if dialogue.name in OVER_TLS else 1  # reset at each byte, and a dear one ended at each seventh only
    tries = [(n, how) for n in at for how in ((reset, end) if n % every == 0 else (reset,))]
    async with leaking_nothing():
        made = await side_by_side(dialogue, roots, tries, 5.0)
    failures = [attempt.failure for attempt, _ in made]
    assert (failures[0], failures[1]) == (f.RESET, f.EOF)
    assert f.TIMEOUT not in failures  # a server that closed is not waited for
    ended = [attempt.failure is None for (_, how), (attempt, _) in zip(tries, made, strict=True) if how is end]
    first = ended.index(True) if True in ended else len(ended)
    assert first > 0 and all(ended[first + WOBBLE :]), "more of the answer must not turn a success into a failure"


@each_dialogue
async def test_stalled_anywhere(dialogue: Dialogue, roots: Roots) -> None:
    at = (await positions(dialogue, roots))[::17]
    async with leaking_nothing():
        made = await side_by_side(dialogue, roots, [(n, stall) for n in at])
    assert made[0][0].failure == f.TIMEOUT
    assert {attempt.failure for attempt, _ in made} <= {None, f.TIMEOUT}


@each_dialogue
async def test_one_byte_at_a_time(dialogue: Dialogue, roots: Roots) -> None:
    """Send a byte a second against a limit of ten, with the clock 25 times as fast."""
    async with leaking_nothing():
        attempt, _ = await visit(dialogue, roots, 0, dripping(0.04))
    assert attempt.failure == f.TIMEOUT
    assert attempt.entries[-1].t - attempt.entries[-1].t0 >= LIMIT - 0.05


@each_dialogue
async def test_another_language_and_half_of_it(dialogue: Dialogue, roots: Roots) -> None:
    at = await positions(dialogue, roots)
    places = sorted({at[0], at[1], at[len(at) // 2], at[-1]})
    tries = [(n, instead(words)) for words in WRONG.values() for n in places]
    async with leaking_nothing():
        made = await side_by_side(dialogue, roots, tries, 5.0)
    wrong = [attempt.failure for (n, _), (attempt, _) in zip(tries, made, strict=True) if n == 0]
    accepted = [name for name, failure in zip(WRONG, wrong, strict=True) if failure is None]
    assert accepted == (["a page"] if dialogue.name == "http" else [])


@pytest.mark.parametrize("words", [WRONG[name] for name in FLOODED_WITH], ids=FLOODED_WITH)
@pytest.mark.parametrize(
    "dialogue", [one for one in DIALOGUES if one.name not in OVER_TLS - {"tls"}], ids=lambda one: one.name
)
async def test_megabytes_of_another_language(dialogue: Dialogue, words: bytes, roots: Roots) -> None:
    await assert_bounded(dialogue, b"", words, roots)


@pytest.mark.parametrize(
    ("dialogue", "number"),
    [(dialogue, number) for dialogue in DIALOGUES for number in range(len(dialogue.floods))],
    ids=lambda value: value.name if isinstance(value, Dialogue) else str(value),
)
async def test_megabytes_of_its_own_language(dialogue: Dialogue, number: int, roots: Roots) -> None:
    await assert_bounded(dialogue, *dialogue.floods[number], roots)


async def assert_bounded(dialogue: Dialogue, once: bytes, again: bytes, roots: Roots) -> None:
    async def flood(wire: Wire, rest: bytes) -> None:
        if once:
            await wire.say_unspoiled(once)
        await flooding(again)(wire, rest)

    await visit(dialogue, roots, limit=5.0)  # what is loaded at first use is no flood
    async with leaking_nothing():
        with in_memory(MOST_HELD):
            attempt, _ = await visit(dialogue, roots, 0, flood, 1.0)
    assert attempt.received <= MOST_RECEIVED, (attempt.received, attempt.entries)
    assert spoiling.MOST > 4 * MOST_RECEIVED
