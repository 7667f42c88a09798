"""Compute how many resets in a row chance does not explain, from the resets of innocuous flows."""

from probe.analysis.observations.lenient_json import number, table
from probe.analysis.observations.rows import FlatMeasurement
from probe.analysis.statistics.fisher import fisher_greater

NETWORKS, OWNERS = 2, 2
"""Fewer networks or owners of addresses may have a device or a server that resets connections."""

UNLIKELY = 0.001  # one in a thousand names, since a run tests dozens of them
MOST = 40  # resets in a row, which no run makes


def resets_needed(measurement: FlatMeasurement) -> int:
    """Return from how many resets in a row chance is no explanation, 0 if the network resets nothing at random."""
    facts = table(measurement.run.get("innocuous_resets"))
    flows, resets, networks, owners = (number(facts.get(key)) for key in ("flows", "resets", "networks", "owners"))
    if networks < NETWORKS or owners < OWNERS or not 0 < resets <= flows:
        return 0
    enough = (row for row in range(2, MOST) if fisher_greater(row, 0, resets, flows - resets) < UNLIKELY)
    return next(enough, MOST)
