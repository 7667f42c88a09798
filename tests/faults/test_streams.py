"""Test servers that end at any byte, stall, send slowly, flood or use another protocol: each attempt is sound."""

import asyncio

import pytest

from probe.dialogue import DIALOGUE_BY_DIALECT
from probe.formats import failures as f
from probe.steps.tls.certificate_checks import Roots
from tests.support.faults import spoiling
from tests.support.faults.attempts import LIMIT, Attempt, in_memory, leaking_nothing
from tests.support.faults.datagrams import DATAGRAMS
from tests.support.faults.dialogues import DIALOGUES, WRONG, Dialogue, visit
from tests.support.faults.spoiling import Fault, Wire, dripping, end, flooding, instead, reset, stall

STRIDE = 97  # distance of the faults within TLS's handshake. The dialogue "tls" tests each of its bytes.
WOBBLE = 40  # bytes by which two dialogues differ: in the length of a signature, or in one TLS record in place of two
SIDE_BY_SIDE = 40
PATIENT = 20.0  # seconds for a step that must not end by its limit, also on a machine with other work
FLOODED_WITH = ["a page", "lines", "noise"]
MOST_RECEIVED = 1 << 20  # bytes that a flood may cause the probe to read (the body of a page may have 64 kB)
MOST_HELD = 4 << 20  # bytes held by Python, with those of the flooding server

OVER_TLS = {"tls", "https", "dot", "doh", "smtps", "imaps", "sip/tls", "stun/tls", "turn/tls"}

each_dialogue = pytest.mark.parametrize("dialogue", DIALOGUES, ids=lambda one: one.name)


async def positions(dialogue: Dialogue, roots: Roots) -> list[int]:
    """Return the positions of faults: before every byte of the good server."""
    good, wire = await visit(dialogue, roots, limit=PATIENT)
    assert good.failure is None, good.entries
    handshake = range(0) if dialogue.name == "tls" else wire.handshake()
    return [at for at in range(wire.sent) if at not in handshake or at % STRIDE == 0]


async def side_by_side(
    dialogue: Dialogue, roots: Roots, tries: list[tuple[int, Fault]], limit: float = LIMIT
) -> list[tuple[Attempt, Wire]]:
    places = asyncio.Semaphore(SIDE_BY_SIDE)

    async def one(at: int, fault: Fault) -> tuple[Attempt, Wire]:
        async with places:
            return await visit(dialogue, roots, at, fault, limit)

    return await asyncio.gather(*(one(at, fault) for at, fault in tries))


def test_every_dialect_has_dialogue() -> None:
    here = {dialogue.name for dialogue in DIALOGUES} | {dialogue.name for dialogue in DATAGRAMS}
    assert set(DIALOGUE_BY_DIALECT) - {"tcp"} <= here  # a connect alone has no dialogue, see tests/faults/test_icmp.py


@each_dialogue
async def test_reset_or_end_before_any_byte_is_failure(dialogue: Dialogue, roots: Roots) -> None:
    at = await positions(dialogue, roots)
    # reset at each byte. End over TLS, which takes longer, at each seventh byte only.
    every = 7 if dialogue.name in OVER_TLS else 1
    tries = [(n, how) for n in at for how in ((reset, end) if n % every == 0 else (reset,))]
    async with leaking_nothing():
        made = await side_by_side(dialogue, roots, tries, PATIENT)
    failures = [attempt.failure for attempt, _ in made]
    assert (failures[0], failures[1]) == (f.RESET, f.EOF)
    assert f.TIMEOUT not in failures  # the probe does not wait after the end of a connection
    ended = [attempt.failure is None for (_, how), (attempt, _) in zip(tries, made, strict=True) if how is end]
    first = ended.index(True) if True in ended else len(ended)
    assert first > 0 and all(ended[first + WOBBLE :]), "more of the answer must not turn a success into a failure"


@each_dialogue
async def test_stall_before_any_byte_is_timeout(dialogue: Dialogue, roots: Roots) -> None:
    at = (await positions(dialogue, roots))[::17]
    async with leaking_nothing():
        made = await side_by_side(dialogue, roots, [(n, stall) for n in at])
    assert made[0][0].failure == f.TIMEOUT
    assert {attempt.failure for attempt, _ in made} <= {None, f.TIMEOUT}


@each_dialogue
async def test_single_bytes_end_at_deadline(dialogue: Dialogue, roots: Roots) -> None:
    """Check one byte a second against a limit of ten seconds, with the clock 25 times as fast."""
    async with leaking_nothing():
        attempt, _ = await visit(dialogue, roots, 0, dripping(0.04))
    assert attempt.failure == f.TIMEOUT
    assert attempt.entries[-1].t - attempt.entries[-1].t0 >= LIMIT - 0.05


@each_dialogue
async def test_other_protocol_is_failure(dialogue: Dialogue, roots: Roots) -> None:
    at = await positions(dialogue, roots)
    places = sorted({at[0], at[1], at[len(at) // 2], at[-1]})
    tries = [(n, instead(payload)) for payload in WRONG.values() for n in places]
    async with leaking_nothing():
        made = await side_by_side(dialogue, roots, tries, PATIENT)
    wrong = [attempt.failure for (n, _), (attempt, _) in zip(tries, made, strict=True) if n == 0]
    accepted = [name for name, failure in zip(WRONG, wrong, strict=True) if failure is None]
    assert accepted == (["a page"] if dialogue.name == "http" else [])


@pytest.mark.parametrize("payload", [WRONG[name] for name in FLOODED_WITH], ids=FLOODED_WITH)
@pytest.mark.parametrize(
    "dialogue", [one for one in DIALOGUES if one.name not in OVER_TLS - {"tls"}], ids=lambda one: one.name
)
async def test_flood_of_other_protocol_stays_within_memory(dialogue: Dialogue, payload: bytes, roots: Roots) -> None:
    await assert_bounded(dialogue, b"", payload, roots)


@pytest.mark.parametrize(
    ("dialogue", "number"),
    [(dialogue, number) for dialogue in DIALOGUES for number in range(len(dialogue.floods))],
    ids=lambda value: value.name if isinstance(value, Dialogue) else str(value),
)
async def test_flood_of_own_protocol_stays_within_memory(dialogue: Dialogue, number: int, roots: Roots) -> None:
    await assert_bounded(dialogue, *dialogue.floods[number], roots)


async def assert_bounded(dialogue: Dialogue, once: bytes, again: bytes, roots: Roots) -> None:
    async def flood(wire: Wire, rest: bytes) -> None:
        if once:
            await wire.send_unchanged(once)
        await flooding(again)(wire, rest)

    await visit(dialogue, roots, limit=5.0)  # load modules first, since their memory is no flood
    async with leaking_nothing():
        with in_memory(MOST_HELD):
            attempt, _ = await visit(dialogue, roots, 0, flood, 1.0)
    assert attempt.received <= MOST_RECEIVED, (attempt.received, attempt.entries)
    assert spoiling.MOST > 4 * MOST_RECEIVED
