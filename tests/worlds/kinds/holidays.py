"""Draw worlds in which users measure less on national holidays, and in which some countries have a shutdown."""

from tests.worlds.kinds.devices import COUNTRIES, DAYS, World, plain_world


def holidays(seed: int) -> World:
    """Draw two to four holidays for each country, of one to three days with a fifth to a half of the usual runs."""
    world = plain_world("holidays", seed, blocks=0.0, users=(10, 60))
    rng = world.rng
    for cc in COUNTRIES:
        for _ in range(rng.randint(2, 4)):
            first, share = rng.randint(10, DAYS - 5), rng.uniform(0.05, 0.5)
            world.activity |= {(cc, day): share for day in range(first, first + rng.randint(1, 3))}
    for cc in rng.sample(COUNTRIES, 3):
        first = rng.randint(20, DAYS - 12)
        world.silences[cc] = first, first + rng.randint(3, 8)
    return world
