"""List the days or hours of a period, including those without measurements."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from probe.analysis.compare.axes import QuestionError
from probe.messages import mark, tr

LONGEST = 1000  # steps. One wrong date must not add thousands of rows to every service.
_TOO_MANY_DAYS = mark(
    "The measurements are from {first} to {last}, more than {most} days. Shorten the period with --since and --until."
)
_TOO_MANY_HOURS = mark(
    "The measurements are from {first} to {last}, more than {most} hours. Shorten the period with --since and --until."
)
GRAINS = {
    "day": ("day", "%Y-%m-%d", timedelta(days=1)),  # both have the errors removed that clocks are known to have
    "hour": ("SUBSTR(corrected_start_time, 1, 13)", "%Y-%m-%dT%H", timedelta(hours=1)),
}


def steps(seen: Iterable[str], grain: str = "day") -> list[str]:
    """Return every day or hour from the first to the last of `seen`, as `step_of` writes them.

    Texts that are no time are ignored. Raises QuestionError if there are more than LONGEST steps.
    """
    _, shape, width = GRAINS[grain]
    moments = sorted(moment for text in seen if (moment := _moment(text, shape)) is not None)
    if not moments:
        return []
    number = (moments[-1] - moments[0]) // width + 1
    if number > LONGEST:
        too_long = _TOO_MANY_HOURS if grain == "hour" else _TOO_MANY_DAYS
        first, last = (f"{moment:{shape}}" for moment in (moments[0], moments[-1]))
        raise QuestionError(tr(too_long, first=first, last=last, most=LONGEST))
    return [(moments[0] + step * width).strftime(shape) for step in range(number)]


def step_of(grain: str) -> str:
    """Return the SQL expression for a row's day or hour."""
    return GRAINS[grain][0]


def _moment(text: str, shape: str) -> datetime | None:
    try:
        return datetime.strptime(text, shape).replace(tzinfo=UTC)
    except ValueError:
        return None
