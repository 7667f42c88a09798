"""Draw worlds with few contributors, in which most countries block a service fully or on one network."""

from tests.worlds.kinds.devices import DAYS, Block, World, plain_world


def few_contributors(seed: int) -> World:
    """Draw eight to twelve devices in each country. Most countries block a service on all networks."""
    return plain_world("few contributors", seed, blocks=0.7, users=(8, 12))


def few_with_tokens(seed: int) -> World:
    """Draw the same with a token in each record."""
    world = few_contributors(seed)
    world.token = True
    return world


def one_network(seed: int) -> World:
    """Draw blocks on one network of a country only."""
    world = plain_world("one network", seed, blocks=0.7)
    first = DAYS // 3
    world.blocks = [Block(one.service, one.cc, one.networks[:1], (first, DAYS + 1)) for one in world.blocks]
    return world
