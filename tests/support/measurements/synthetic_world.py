"""Make the synthetic world as verdict rows, without its measurements, and score the events found in it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from statistics import median

from probe.analysis.compare.axes import Question
from probe.analysis.compare.over_time.event import INTERFERENCE, SHUTDOWN, Event
from probe.analysis.compare.over_time.events import events
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.verdicts.verdict_row import VerdictRow
from probe.lab.synth.measurements import Drawn, Library, Templates, independent
from probe.lab.synth.plan import Plan, draw_plan
from probe.lab.synth.synthetic_conditions import WANTED
from probe.lab.synth.synthetic_world import INDEPENDENT, load_world
from probe.lab.synth.templates import load_templates
from probe.lab.synth.truth import truth_of
from probe.privacy.contributor_token import ANNOTATION
from tests.support.measurements.verdict_rows import PLAIN

KEYS = load_world(INDEPENDENT).keys
Told = dict[str, object]


@dataclass(frozen=True)
class Found:
    """Hold the score for one world. `begun` counts the events that began, `found` those of them that were found."""

    begun: int
    found: int
    false: int  # events found that do not exist: another service, mechanism, country or time
    delay: float  # median, days from the onset to the day on which it was noticed
    error: float  # median, days between the true onset and the one that was found
    dark: int  # countries without measurements for some days that were found
    all_dark: int


def templates() -> Templates:
    """Load the templates of small measurements."""
    return load_templates(WANTED, light=True)


def madeup_rows(measurements: int, seed: int, plan: Plan, known: Templates) -> Iterator[VerdictRow]:
    """Yield the verdict rows of the independent world. Other tests compute the verdicts of every template."""
    return rows_of_drawn(independent(measurements, plan, Library(known, {}), KEYS, seed))


def rows_of_drawn(measurements: Iterable[Drawn]) -> Iterator[VerdictRow]:
    """Yield the verdict rows that these measurements must get."""
    for number, drawn in enumerate(measurements):
        day, network = drawn.start.date().isoformat(), drawn.network  # as `true_start` computes it
        for service, verdict in drawn.verdicts().items():
            yield replace(
                PLAIN,
                line_hash=f"{number:064x}",
                measurement_start_time=f"{day}T12:00:00Z",
                corrected_start_time=f"{day}T12:00:00Z",
                day=day,
                probe_cc=network.country,
                probe_asn=network.asn,
                target=drawn.template.target,
                service=service,
                state=verdict.state or "",
                valid=verdict.state is not None,
                mechanisms=" ".join(verdict.mechanisms),
                run_id=drawn.run_id,
                software_version=drawn.version,
                proof="" if verdict.state == "insufficient" else PLAIN.proof,
                probe_id=drawn.token().get(ANNOTATION, ""),
            )


def score(measurements: int, seed: int, known: Templates) -> Found:
    """Find the events in a world of so many measurements and compare them with the true ones."""
    plan = draw_plan(seed, KEYS)
    table = VerdictTable.of_rows(madeup_rows(measurements, seed, plan, known))
    all_found = events(table, Question())
    found = [event for event in all_found if event.kind == INTERFERENCE]
    silences = {(event.cc, event.onset) for event in all_found if event.kind == SHUTDOWN}
    dark = {(country, min(days).isoformat()) for country, days in plan.shutdowns.items()}
    put_in = [one for event in plan.events for one in truth_of(event, known)]
    begun = [one for one in put_in if one["onset"] is not None]
    first = [_of(one, found) for one in begun]
    pairs = [(one, event) for one, event in zip(begun, first, strict=True) if event is not None]
    return Found(
        begun=len(begun),
        found=len(pairs),
        false=sum(not any(is_of(event, one) for one in put_in) for event in found),
        delay=median([_days(str(one["onset"]), event.detected_at) for one, event in pairs] or [0]),
        error=median([abs(_days(str(one["onset"]), event.onset or "")) for one, event in pairs] or [0]),
        dark=len(dark & silences),
        all_dark=len(dark),
    )


def _of(one: Told, found: list[Event]) -> Event | None:
    return next((event for event in found if event.onset and is_of(event, one)), None)


def is_of(event: Event, one: Told) -> bool:
    """Return whether an event matches a true one: no other network, and overlapping periods."""
    networks = one["networks"]
    assert isinstance(networks, list)
    inside = set(event.networks) <= set(networks)
    ended = one["end"] is not None and (event.onset or "") > str(one["end"])
    begins = event.end is not None and event.end <= str(one["onset"] or "")
    return (
        (event.service, event.mechanism) == (one["service"], one["mechanism"]) and inside and not ended and not begins
    )


def _days(earlier: str, later: str) -> int:
    return (date.fromisoformat(later) - date.fromisoformat(earlier)).days
