"""Draw worlds with faults that accuse: a network, an app everywhere, and a release of the software."""

from tests.worlds.kinds.devices import COUNTRIES, DAYS, PLATFORMS, SERVICES, VERSIONS, World, plain_world


def flaky_networks(seed: int) -> World:
    """Draw one network in each country on which a third to most of all services fail."""
    world = plain_world("flaky networks", seed)
    world.flaky = {(cc, world.rng.choice(world.networks[cc])): world.rng.uniform(0.3, 0.8) for cc in COUNTRIES}
    return world


def app_outages(seed: int) -> World:
    """Draw one app that fails in all countries for one to six days, and accuses the networks."""
    world = plain_world("app outages", seed)
    first = world.rng.randint(10, DAYS - 8)
    world.outages = {world.rng.choice(SERVICES): (first, first + world.rng.randint(1, 6))}
    return world


def faulty_releases(seed: int) -> World:
    """Draw a version of one program that fails for one service."""
    world = plain_world("faulty releases", seed)
    world.faulty = {(world.rng.choice(PLATFORMS), VERSIONS[1]): world.rng.choice(SERVICES)}
    return world
