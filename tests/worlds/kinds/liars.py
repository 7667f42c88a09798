"""Draw worlds with invented runs: they accuse a service that works, or they hide a block."""

from random import Random

from tests.worlds.kinds.devices import COUNTRIES, DAYS, PLATFORMS, SERVICES, VERSIONS, World, plain_world, row_of


def accusing_liars(seed: int) -> World:
    """Invent 5 to 21 runs of one program in each country, on all its networks, in the last two weeks."""
    world = plain_world("accusing liars", seed)
    rng = world.rng
    for cc in COUNTRIES:
        service, platform = rng.choice(SERVICES), rng.choice(PLATFORMS)
        for number in range(rng.randint(5, 21)):
            place, day = rng.choice(world.networks[cc]), rng.randint(DAYS - 14, DAYS - 1)
            world.invented.append(
                row_of(cc, place, day, platform, VERSIONS[-1], f"{cc} lie {number}", service, "blocked")
            )
    return world


def hiding_liars(seed: int) -> World:
    """Invent one to three runs that work, every day of a block, on its networks."""
    world = plain_world("hiding liars", seed, blocks=0.6)
    rng = world.rng
    for block in world.blocks:
        for day in range(block.days[0], DAYS):
            for number in range(rng.randint(1, 3)):
                run_id, asn = f"{block.cc} {day} lie {number}", rng.choice(block.networks)
                world.invented.append(row_of(block.cc, asn, day, *_program(day, rng), run_id, block.service, "ok"))
    return world


def _program(day: int, rng: Random) -> tuple[str, str]:
    """Return a program and a version that others use on that day."""
    return rng.choice(PLATFORMS), VERSIONS[day * len(VERSIONS) // DAYS]
