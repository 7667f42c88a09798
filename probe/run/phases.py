"""Say which part of a measurement is under way, from the transactions that are open."""

from collections.abc import Iterable
from typing import Literal, get_args

from probe.formats.transactions import Kind
from probe.session.trace import Trace

Phase = Literal["names", "connections", "closer_look", "helper", "late_answers", "call_packets"]
"""What is under way: lookups, connections, tests after failures, the helper's answer, late answers, or media flows."""

PHASES: tuple[Phase, ...] = get_args(Phase)
_PHASE_OF_KIND: dict[Kind, Phase] = {
    "lookup": "names",
    "innocuous": "connections",
    "first": "connections",
    "confirm": "connections",
    "followup": "closer_look",
}


def phase_of(traces: Iterable[Trace], *, asks_helper: bool) -> Phase:
    """Return the phase of a target's measurements, of which several run side by side for some targets.

    Phases overlap, and the last one counts. A lookup stays open for late answers while connections are made. Media
    flows are under way for a target only once everything else of it has ended.
    """
    traces = list(traces)
    records = [record for trace in traces for record in list(trace.transactions)]
    begun = {_PHASE_OF_KIND[record.kind] for record in records}
    under_way = {_PHASE_OF_KIND[record.kind] for record in records if not record.t}
    if begun <= {"names"}:
        return "names"
    if later := under_way - {"names"}:
        return max(later, key=PHASES.index)
    if any(trace.awaits_media for trace in traces):
        return "call_packets"
    return "helper" if asks_helper else "late_answers"
