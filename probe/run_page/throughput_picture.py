"""Return the ratio of a service's throughput as a line from 0 to 100 %, with its interval."""

from collections.abc import Mapping
from typing import Any

from probe.analysis.observations.lenient_json import table
from probe.analysis.run_result.throughput_sentences import percentages, throughput_sentences

WIDTH = 360  # of the picture, in its own unit
EDGE = 30  # from the border to 0 and to the end
MOST = 100  # percentage at the end of the line. A larger value is drawn there.
TICKS = (0, 50, 100)


def throughput_picture(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the places of interval and estimate with the sentences, None without a usable pair of transfers."""
    ratio = table(record.get("throughput_ratio"))
    if not ratio:
        return None
    estimate, low, high = percentages(ratio)
    return {
        "width": WIDTH,
        "line": (EDGE, WIDTH - EDGE),
        "ticks": [{"x": _place(tick), "label": f"{tick} %"} for tick in TICKS],
        "estimate": _place(estimate),
        "interval": (_place(low), _place(high)),
        "sentences": list(throughput_sentences(record)),
    }


def _place(percentage: int) -> float:
    return round(EDGE + (WIDTH - 2 * EDGE) * min(max(percentage, 0), MOST) / MOST, 1)
