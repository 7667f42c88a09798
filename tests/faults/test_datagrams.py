"""Test datagram servers that cut, garble, flood, fall silent or disappear: each attempt ends correctly."""

import asyncio

import pytest

from probe.formats import failures as f
from probe.steps.tls.certificates import Roots
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
QUIC_STRIDE = 41  # a QUIC packet is one sealed piece: where in it a datagram is cut makes no difference but at its head
MOST_HELD = 4 << 20  # bytes of Python's
UNANSWERED = {f.TIMEOUT, f.DNS_MISBEHAVING, f.DNS_WRONG_ID}  # a DNS question tells what came instead

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


async def words(dialogue: Datagrams, roots: Roots) -> list[bytes]:
    """Return the datagrams of the correct server until the correct end."""
    made, mouth = await visit(dialogue, roots, limit=5.0)
    assert made.failure is None, made.entries
    return mouth.words


@each_dialogue
async def test_cut_at_any_byte(dialogue: Datagrams, roots: Roots) -> None:
    first = (await words(dialogue, roots))[0]
    stride = QUIC_STRIDE if len(first) >= 1000 else 1
    found = await failures(dialogue, roots, [(0, cut_at(n)) for n in range(0, len(first), stride)])
    assert set(found) - {None} and found[0] in UNANSWERED
    assert set(found[:8]) <= UNANSWERED


@each_dialogue
async def test_silent_and_gone_from_any_datagram_on(dialogue: Datagrams, roots: Roots) -> None:
    said = await words(dialogue, roots)
    quiet = await failures(dialogue, roots, [(n, silence) for n in range(len(said))])
    assert quiet[0] == f.TIMEOUT and set(quiet) <= {None, f.TIMEOUT}
    refused = await failures(dialogue, roots, [(n, gone) for n in range(len(said))], 2.0)
    assert set(refused) <= {None, f.REFUSED, f.TIMEOUT}  # a silent client is not told that the server has gone


@each_dialogue
async def test_another_language_and_single_bytes(dialogue: Datagrams, roots: Roots) -> None:
    tries = [(0, instead(word)) for word in [*WRONG.values(), b"", b"\0", bytes(60000)]]
    assert set(await failures(dialogue, roots, tries)) <= UNANSWERED
    assert set(await failures(dialogue, roots, [(0, byte_by_byte)])) <= UNANSWERED


@pytest.mark.parametrize("word", [None, b"", b"\0" * 1400, WRONG["noise"]], ids=["spoiled", "empty", "zeros", "noise"])
@each_dialogue
async def test_a_flood(dialogue: Datagrams, word: bytes | None, roots: Roots) -> None:
    await words(dialogue, roots)  # what is loaded at first use is no flood
    with in_memory(MOST_HELD):
        found = await failures(dialogue, roots, [(0, flooding(word))])
    assert set(found) <= UNANSWERED
