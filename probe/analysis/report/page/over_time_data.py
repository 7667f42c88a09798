"""Return the series and events of a page."""

from typing import Any

from probe.analysis.compare.axes import Question, QuestionError
from probe.analysis.compare.over_time.events import prepared_events, together
from probe.analysis.compare.over_time.series import prepared_series
from probe.analysis.compare.verdict_table import VerdictTable


def over_time_data(table: VerdictTable, question: Question) -> dict[str, Any]:
    """Return days, a series per service and country, and events, or the sentence that says why there are none."""
    try:
        all_series = prepared_series(table, Question(by=("cc",), row=question.row))
        found = prepared_events(table)
    except QuestionError as error:
        return {"days": [], "series": [], "events": [], "series_note": str(error)}
    days = [bucket.time for bucket in all_series[0].buckets] if all_series else []
    series = [
        {
            "service": one.service,
            "cc": one.vantage["cc"],
            "points": [
                [day, bucket.accusing, bucket.by_state["ok"], bucket.n - bucket.accusing - bucket.by_state["ok"]]
                for day, bucket in enumerate(one.buckets)
                if bucket.n
            ],
        }
        for one in all_series
    ]
    keys = ("service", "cc", "onset", "end", "mechanism", "networks", "detected_at", "kind")
    events = [{key: getattr(event, key) for key in keys} for event in together(found)]
    return {"days": days, "series": series, "events": events, "series_note": None}
