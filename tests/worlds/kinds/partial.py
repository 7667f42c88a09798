"""Draw worlds with partial blocks, and worlds without a block whose failures come at some hours."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from tests.worlds.kinds.devices import COUNTRIES, DAYS, PLATFORMS, SERVICES, Block, Device, World, plain_world

SHOWN = 28  # newest days, in which partial blocks are searched


def _partial(kind: str, seed: int, change: Callable[[Block, Random], Block]) -> World:
    """Draw a world in which most countries block a service in part, and devices measure at different hours."""
    world = _at_hours(plain_world(kind, seed, blocks=0.6, users=(12, 30)))
    world.blocks = [change(block, world.rng) for block in world.blocks]
    return world


def _at_hours(world: World) -> World:
    """Give each country a time zone, and each device its usual hour. Most people measure in the evening."""
    zones = {cc: world.rng.randint(-9, 11) for cc in COUNTRIES}
    for device in world.devices:
        local = world.rng.gauss(19, 4) if world.rng.random() < 0.7 else world.rng.uniform(0, 24)
        device.usual = (local - zones[device.cc]) % 24
    return world


def nights(seed: int) -> World:
    """Draw blocks at night, in time zones from -9 to 11 hours."""

    def change(block: Block, rng: Random) -> Block:
        begin, hours = rng.randint(0, 23), rng.randint(5, 9)
        days = rng.randint(10, DAYS - 22), DAYS + 1
        return replace(block, kind="hours", days=days, hours=(begin, (begin + hours) % 24))

    return _partial("nights", seed, change)


def weekends(seed: int) -> World:
    """Draw blocks on two days of each week."""

    def change(block: Block, rng: Random) -> Block:
        first = rng.randint(0, 6)
        return replace(block, kind="hours", days=(10, DAYS + 1), weekdays=(first, (first + 1) % 7))

    return _partial("weekends", seed, change)


def exam_weeks(seed: int) -> World:
    """Draw blocks on four to eight days in a row, for three to six hours of the day."""

    def change(block: Block, rng: Random) -> Block:
        first, length, begin = rng.randint(DAYS - 25, DAYS - 10), rng.randint(4, 8), rng.randint(4, 12)
        end = begin + rng.randint(3, 6)
        return replace(block, kind="days", days=(first, first + length), hours=(begin, end))

    return _partial("exams", seed, change)


def half_of_the_runs(seed: int) -> World:
    """Draw blocks in a third to two thirds of the runs, as by some of several devices of a censor."""
    return _partial(
        "part of the runs",
        seed,
        lambda block, rng: replace(block, kind="runs", days=(10, DAYS + 1), share=rng.uniform(0.33, 0.67)),
    )


def some_networks(seed: int) -> World:
    """Draw blocks on one or two networks of a country."""
    return _partial(
        "some networks",
        seed,
        lambda block, rng: replace(
            block, kind="networks", days=(10, DAYS + 1), networks=block.networks[: rng.randint(1, 2)]
        ),
    )


def nightly_outages(seed: int) -> World:
    """Draw hours of each night in which the networks of a country are out of order. Nothing is blocked."""
    world = _at_hours(plain_world("nightly outages", seed, blocks=0.0, users=(12, 30)))
    for cc in COUNTRIES:
        begin = world.rng.randint(0, 23)
        world.disturbed[cc] = begin, (begin + world.rng.randint(3, 7)) % 24
    return world


def nightly_repairs(seed: int) -> World:
    """Draw a service whose servers fail in the same hours of each day in all countries, and accuse the networks."""
    world = _at_hours(plain_world("nightly repairs", seed, blocks=0.0, users=(12, 30)))
    begin = world.rng.randint(0, 23)
    world.repaired = {world.rng.choice(SERVICES): (begin, (begin + world.rng.randint(3, 6)) % 24)}
    return world


def filters_at_night(seed: int) -> World:
    """Draw one device with a filter that measures only at night, and one or two with a filter that works at bedtime."""
    world = _at_hours(plain_world("filters at night", seed, blocks=0.0, users=(8, 20)))
    rng = world.rng
    for cc in COUNTRIES:
        service, night = rng.choice(SERVICES), rng.randint(0, 23)
        for bedtime in (None, *[(night, (night + 9) % 24)] * rng.randint(1, 2)):
            own = tuple(rng.sample(world.networks[cc], 2))
            usual = night + 4.0 if bedtime is None else rng.uniform(0, 24)
            number, platform = len(world.devices), rng.choice(PLATFORMS)
            world.devices.append(
                Device(number, cc, own, (0, DAYS), rng.uniform(1, 3), platform, 5, (service,), usual, bedtime)
            )
    return world


def nothing_at_any_hour(seed: int) -> World:
    """Draw few devices, which measure at different hours, and no block."""
    return _at_hours(plain_world("different hours", seed, blocks=0.0, users=(3, 30)))
