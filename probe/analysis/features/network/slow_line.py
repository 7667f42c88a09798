"""Read whether the access line was so slow that silence proves nothing."""

from probe.analysis.observations.lenient_json import seconds, table
from probe.analysis.observations.rows import FlatMeasurement

LONG_QUEUE = 0.3  # seconds that eight answers waited in the access line's queue, in the median
LONG_ROUND_TRIP = 1.25  # seconds. The longest time limit of a step, 10 s, is eight of these.


def is_slow_line(measurement: FlatMeasurement) -> bool:
    """Return whether answers lay in a long queue of the access line, or every round trip was long.

    A queue that is this long fills up and drops packets, and repeated packets come after a step's time limit. Our own
    flows filled it. If other users filled it before the run, all round trips are long. A measurement that does not say
    so has neither.
    """
    line = table(measurement.run.get("access_line"))
    return seconds(line.get("queueing")) >= LONG_QUEUE or seconds(line.get("round_trip")) >= LONG_ROUND_TRIP
