"""Find out in which keys two outcomes differ."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from probe.analysis.rules.old_ids import variants_by_old_id
from probe.analysis.rules.variant import VARIANT
from probe.analysis.verdicts.verdicts import to_json
from tests.analysis.equality.judging import Outcome

SHOWN = 3  # examples of a key
LONGEST = 60  # characters of a value
RECORDS, REFUSED, RAISED, BYTES = "(records)", "(refused)", "(raised)", "(bytes)"
"""Other differences than those of a key: a record more or less, another reason not to judge, an exception, order."""

Difference = tuple[str, str, Any, Any]  # key, id of the measurement and service, before, now


def differences(id: str, before: Outcome, now: Outcome) -> Iterator[Difference]:
    """Yield the differences of one measurement, one for each key and record."""
    for key, then, present in ((REFUSED, before.refused, now.refused), (RAISED, before.raised, now.raised)):
        if then != present:
            yield key, id, then or None, present or None
    recorded = list(map(with_present_ids, before.records))
    if recorded == now.records:
        return
    old, new = _services(recorded), _services(now.records)
    if old != new:
        yield RECORDS, id, " ".join(old), " ".join(new)
    records = dict(zip(new, now.records, strict=True))
    for service, record in zip(old, recorded, strict=True):
        if records.get(service, record) != record:
            yield from _of_record(f"{id} {service}", record, records[service])


def with_present_ids(record: str) -> str:
    """Return a verdict record with the ids that its rules have now, in the form in which records are written."""
    parsed = json.loads(record)
    if "layer" in parsed:
        return record
    parsed["endpoints"] = [_translated(endpoint) for endpoint in parsed["endpoints"]]
    return to_json(_translated(parsed))


def _translated(part: dict[str, Any]) -> dict[str, Any]:
    """Return a record or an endpoint with `layer`, `way` and `forged` behind its rule."""
    made: dict[str, Any] = {}
    for name, value in part.items():
        if name == "rule_id":
            variant = variants_by_old_id().get(value, {})
            made |= {key: variant.get(key) or None for key in VARIANT} | {name: variant.get(name, value)}
        else:
            made[name] = value
    return made


def _services(records: list[str]) -> list[str]:
    return [str(json.loads(record)["service"]) for record in records]


def _of_record(where: str, before: str, now: str) -> Iterator[Difference]:
    old, new = json.loads(before), json.loads(now)
    found = [(key, where, then, present) for key, then, present in _of_keys(old, new)]
    yield from found or [(BYTES, where, before, now)]


def _of_keys(old: dict[str, Any], new: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for key in [*old, *(key for key in new if key not in old)]:
        then, present = old.get(key), new.get(key)
        if then == present and (key in old) == (key in new):
            continue
        inner = list(_of_endpoints(then, present)) if key == "endpoints" else []
        yield from inner or [(key, then, present)]


def _of_endpoints(old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield each key of the endpoints once, if both lists hold the same endpoints."""
    if not (old and new) or [one["endpoint"] for one in old] != [one["endpoint"] for one in new]:
        return
    for key in dict.fromkeys(key for one in (*old, *new) for key in one):
        then, present = ([one.get(key) for one in ones] for ones in (old, new))
        if then != present:
            at = next(place for place, pair in enumerate(zip(then, present, strict=True)) if pair[0] != pair[1])
            yield f"endpoints.{key}", then[at], present[at]


@dataclass
class Report:
    """Count differences by key, and keep the first examples. `left_out` are keys that may differ."""

    left_out: frozenset[str] = frozenset()
    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[Difference]] = field(default_factory=dict)

    def add(self, found: Iterable[Difference]) -> None:
        """Count differences, except for those of keys that are left out."""
        for one in found:
            if one[0] not in self.left_out and one[0].partition(".")[0] not in self.left_out:
                self._count(one[0], 1, [one])

    def join(self, other: "Report") -> None:
        """Add the differences of another part of the file."""
        for key, count in other.counts.items():
            self._count(key, count, other.examples[key])

    def _count(self, key: str, count: int, examples: list[Difference]) -> None:
        self.counts[key] = self.counts.get(key, 0) + count
        self.examples[key] = [*self.examples.get(key, []), *examples][:SHOWN]

    def lines(self) -> Iterator[str]:
        """Yield the report: the keys by their number, each with its examples."""
        for key, count in sorted(self.counts.items(), key=lambda pair: (-pair[1], pair[0])):
            yield f"{key}: {count}"
            for _, where, before, now in self.examples[key]:
                yield f"  {where}"
                yield f"    before {_short(before)}"
                yield f"    now    {_short(now)}"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
