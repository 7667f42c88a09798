"""Simulate lost packets: independent losses, bursts, and bad periods in which some packets pass."""

from collections.abc import Iterator
from math import log
from random import Random

PACKETS = 500  # 10 s of a call


def independent(share: float, flows: int, random: Random) -> Iterator[int]:
    """Yield the marks of flows whose packets are lost independently."""
    return _cut(_runs(share, 1.0 - share, share, flows * PACKETS, random), flows)


def in_bursts(share: float, length: float, flows: int, random: Random) -> Iterator[int]:
    """Yield the marks of flows from a Markov chain whose bursts have `length` packets on average (Gilbert's model)."""
    return _cut(_runs(share, 1.0 / length, share / (1.0 - share) / length, flows * PACKETS, random), flows)


def in_bad_periods(share: float, length: float, within: float, flows: int, random: Random) -> Iterator[int]:
    """Yield the marks of flows with bad periods of `length` packets, in which `within` of the packets are lost.

    No packet is lost outside of them (a case of the model of Gilbert and Elliott).
    """
    bad = share / within
    periods = _runs(bad, 1.0 / length, bad / (1.0 - bad) / length, flows * PACKETS, random)
    return _cut("".join("1" if mark == "1" and random.random() < within else "0" for mark in periods), flows)


def _runs(share: float, ends: float, begins: float, packets: int, random: Random) -> str:
    """Return a series of geometric runs. A run of losses ends, and another begins, with these chances per packet."""
    draw, parts, made = random.random, [], 0
    lost, passed = log(1.0 - ends) if ends < 1.0 else 0.0, log(1.0 - begins) if begins < 1.0 else 0.0
    if draw() < share:
        parts.append("1")
    while made < packets:
        gap = 1 + int(log(1.0 - draw()) / passed) if passed else 1
        burst = 1 + int(log(1.0 - draw()) / lost) if lost else 1
        parts.append("0" * gap + "1" * burst)
        made += gap + burst
    return "".join(parts)


def _cut(series: str, flows: int) -> Iterator[int]:
    return (int(series[at * PACKETS : (at + 1) * PACKETS], 2) for at in range(flows))
