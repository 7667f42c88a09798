"""Days and hours in a row, gaps included: what was measured when, and when nobody measured."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from probe.analysis.compare.axes import QuestionError

LONGEST = 1000  # steps; one forged date must not make a year of rows for every service
GRAINS = {"day": (10, "%Y-%m-%d", timedelta(days=1)), "hour": (13, "%Y-%m-%dT%H", timedelta(hours=1))}


def steps(seen: Iterable[str], grain: str = "day") -> list[str]:
    """Every day or hour from the first to the last of those seen, as they begin in a row; what is no time is left out.

    Raises QuestionError where that would be more than LONGEST.
    """
    _, shape, width = GRAINS[grain]
    moments = sorted(moment for text in seen if (moment := _moment(text, shape)) is not None)
    if not moments:
        return []
    number = (moments[-1] - moments[0]) // width + 1
    if number > LONGEST:
        said = f"{moments[0]:{shape}} to {moments[-1]:{shape}}"
        raise QuestionError(
            f"measurements from {said} are more than {LONGEST} {grain}s; narrow with --since and --until"
        )
    return [(moments[0] + step * width).strftime(shape) for step in range(number)]


def prefix(grain: str) -> str:
    """The SQL expression for a row's day or hour."""
    return f"SUBSTR(measurement_start_time, 1, {GRAINS[grain][0]})"


def _moment(text: str, shape: str) -> datetime | None:
    try:
        return datetime.strptime(text, shape).replace(tzinfo=UTC)
    except ValueError:
        return None
