"""List the kinds of worlds by name."""

from collections.abc import Callable

from tests.worlds.kinds import faults, few_contributors, filters, holidays, liars, partial
from tests.worlds.kinds.devices import World

KINDS: dict[str, Callable[[int], World]] = {
    "roaming devices with a filter of their own": filters.roaming_filters,
    "the same, and nothing is blocked": filters.only_filters,
    "the same, with tokens": filters.filters_with_tokens,
    "the same, with tokens, after the end of a month": filters.filters_in_new_month,
    "5 to 21 invented runs that accuse": liars.accusing_liars,
    "1 to 3 invented runs a day that hide a block": liars.hiding_liars,
    "one network on which much fails": faults.flaky_networks,
    "an app that fails everywhere": faults.app_outages,
    "a release of the software that fails": faults.faulty_releases,
    "8 to 12 contributors": few_contributors.few_contributors,
    "8 to 12 contributors with tokens": few_contributors.few_with_tokens,
    "blocks on one network of a country": few_contributors.one_network,
    "national holidays and shutdowns": holidays.holidays,
}
PARTIAL: dict[str, Callable[[int], World]] = {
    "blocks at night, in many time zones": partial.nights,
    "blocks on two days of each week": partial.weekends,
    "blocks in the mornings of an exam week": partial.exam_weeks,
    "blocks in a third to two thirds of the runs": partial.half_of_the_runs,
    "blocks on one or two networks": partial.some_networks,
    "nothing is blocked, and networks fail each night": partial.nightly_outages,
    "nothing is blocked, and an app's servers fail each night": partial.nightly_repairs,
    "nothing is blocked, and filters work at night": partial.filters_at_night,
    "nothing is blocked, and devices measure at different hours": partial.nothing_at_any_hour,
}
"""Kinds with partial blocks, and without any block."""
