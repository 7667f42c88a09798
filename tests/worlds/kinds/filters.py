"""Draw worlds in which some devices have a filter of their own and roam between the networks of their country."""

from tests.worlds.kinds.devices import COUNTRIES, DAYS, PLATFORMS, SERVICES, Device, World, plain_world


def roaming_filters(seed: int, *, blocks: float = 0.4) -> World:
    """Draw one or two devices with a filter in each country. They measure every day, from some day on."""
    world = plain_world("roaming filters", seed, blocks)
    rng = world.rng
    for cc in COUNTRIES:
        filtered = tuple(rng.sample(SERVICES, rng.randint(1, 2)))
        for _ in range(rng.randint(1, 2)):
            own = tuple(rng.sample(world.networks[cc], rng.randint(2, len(world.networks[cc]))))
            days = (rng.randint(0, DAYS // 2), DAYS)
            number, a_day = len(world.devices), rng.uniform(1, 3)
            world.devices.append(
                Device(number, cc, own, days, a_day, rng.choice(PLATFORMS), rng.randint(0, 12), filtered)
            )
    return world


def only_filters(seed: int) -> World:
    """Draw filters in a world in which nothing is blocked."""
    return roaming_filters(seed, blocks=0.0)


def filters_with_tokens(seed: int) -> World:
    """Draw filters on devices whose records have a token."""
    world = roaming_filters(seed)
    world.token = True
    return world


def filters_in_new_month(seed: int) -> World:
    """Draw the same in the week after the end of a month, so that each device has two tokens in the newest days."""
    world = filters_with_tokens(seed)
    world.new_month = 7
    return world
