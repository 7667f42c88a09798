"""Test servers that cut, change or flood datagrams, are silent or close their port. Each attempt ends and is sound."""

import asyncio

import pytest

from probe.formats import failures as f
from probe.steps.tls.certificate_checks import Roots
from tests.support.faults.attempts import LIMIT, in_memory, leaking_nothing
from tests.support.faults.datagrams import (
    DATAGRAMS,
    Datagrams,
    Spoil,
    byte_by_byte,
    cut_at,
    flooding,
    gone,
    instead,
    silence,
    visit,
)
from tests.support.faults.dialogues import WRONG

SIDE_BY_SIDE = 60
QUIC_STRIDE = 41  # a QUIC packet is encrypted as a whole, so that the place of a cut matters only in its header
MOST_HELD = 4 << 20  # bytes held by Python
UNANSWERED = {f.TIMEOUT, f.DNS_MISBEHAVING, f.DNS_WRONG_ID}  # a DNS query records other answers

each_dialogue = pytest.mark.parametrize("dialogue", DATAGRAMS, ids=lambda one: one.name)


async def failures(
    dialogue: Datagrams, roots: Roots, tries: list[tuple[int, Spoil]], limit: float = LIMIT
) -> list[str | None]:
    places = asyncio.Semaphore(SIDE_BY_SIDE)

    async def one(at: int, spoil: Spoil) -> str | None:
        async with places:
            return (await visit(dialogue, roots, at, spoil, limit))[0].failure

    async with leaking_nothing():
        return await asyncio.gather(*(one(at, spoil) for at, spoil in tries))


async def normal_answers(dialogue: Datagrams, roots: Roots) -> list[bytes]:
    """Return the datagrams of the good server, up to its normal end."""
    made, faulty = await visit(dialogue, roots, limit=5.0)
    assert made.failure is None, made.entries
    return faulty.datagrams


@each_dialogue
async def test_datagram_cut_anywhere_is_failure(dialogue: Datagrams, roots: Roots) -> None:
    first = (await normal_answers(dialogue, roots))[0]
    stride = QUIC_STRIDE if len(first) >= 1000 else 1
    found = await failures(dialogue, roots, [(0, cut_at(n)) for n in range(0, len(first), stride)])
    assert set(found) - {None} and found[0] in UNANSWERED
    assert set(found[:8]) <= UNANSWERED


@each_dialogue
async def test_silence_or_closed_port_after_any_datagram_is_failure(dialogue: Datagrams, roots: Roots) -> None:
    answers = await normal_answers(dialogue, roots)
    quiet = await failures(dialogue, roots, [(n, silence) for n in range(len(answers))])
    assert quiet[0] == f.TIMEOUT and set(quiet) <= {None, f.TIMEOUT}
    refused = await failures(dialogue, roots, [(n, gone) for n in range(len(answers))], 2.0)
    # a client that sends nothing does not learn that the port is closed
    assert set(refused) <= {None, f.REFUSED, f.TIMEOUT}


@each_dialogue
async def test_other_protocol_and_single_bytes_are_failures(dialogue: Datagrams, roots: Roots) -> None:
    tries = [(0, instead(word)) for word in [*WRONG.values(), b"", b"\0", bytes(60000)]]
    assert set(await failures(dialogue, roots, tries)) <= UNANSWERED
    assert set(await failures(dialogue, roots, [(0, byte_by_byte)])) <= UNANSWERED


@pytest.mark.parametrize("word", [None, b"", b"\0" * 1400, WRONG["noise"]], ids=["spoiled", "empty", "zeros", "noise"])
@each_dialogue
async def test_flood_of_datagrams_stays_within_memory(dialogue: Datagrams, word: bytes | None, roots: Roots) -> None:
    await normal_answers(dialogue, roots)  # load modules first, since their memory is no flood
    with in_memory(MOST_HELD):
        found = await failures(dialogue, roots, [(0, flooding(word))])
    assert set(found) <= UNANSWERED
