"""Define how the packets of a call fare, which a pair of flows to the test helper compares with random ones.

For a finding the app's shape must fare worse than the opaque flow beside it. An interval of 95 % must exclude chance,
and the difference must harm calls. The limits stand here with their reasons.

The rules hold for a service that works otherwise, and for one of whose servers nothing is known, as where call relays
answer no stranger. More than half of the pairs must agree. An app verdict is "certain" if three pairs agree and no pair
contradicts, else "likely".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any, NamedTuple

from probe.analysis.observations.flat_measurement import FlatMeasurement
from probe.analysis.observations.lenient_json import table
from probe.analysis.observations.media_figures import BOTH, MediaRow
from probe.analysis.phenomena.phenomenon import Figures, Judged, Phenomenon, RowPart
from probe.analysis.rules.rule import Rule, State
from probe.analysis.rules.services import WORKS, WORKS_OTHERWISE
from probe.analysis.sql.column import column
from probe.analysis.sql.expressions import counts, literal
from probe.analysis.sql.statement import Statement
from probe.messages import mark

LEAST_DIFFERENCE = "0.05e0"
"""Lower end of the interval of a difference in losses or late packets. 5 in 100 are heard in a call. In 500 packets
without a loss the interval ends at 5.1 %, so that less could be one burst of chance."""

LEAST_DELAY = "0.15e0"  # seconds. ITU-T G.114 calls a delay of 150 ms acceptable for most uses (recalled).

LEAST_RATIO = "2e0"
"""Jitter of the app's shape by that of the opaque flow. Each flow's delays count from its own least delay. Where the
delays of all packets vary much, this least delay is chance, and so is the share of late packets."""

LEAST_SILENCE = "2e0"  # seconds without an arrival, about a hundred packets

MOST_LOST_BESIDE = "0.2e0"  # of the opaque packets around a cutoff, so that the line worked then

MOST_LOST_IN_ALL = "0.1e0"  # of the opaque packets, so that four requests are hardly lost by chance

LONGEST_ROUND_TRIP = "0.3e0"  # seconds, in which the time limit of the handshake allows four requests

MOST_APART = 50  # packets by which the places may differ where both flows stop

FEWEST_PACKETS = 250  # of the opaque flow, half of a pair

MECHANISMS = ("media.silence", "media.cutoff", "media.throttle", "media.loss", "media.jitter")
"""The findings from the gravest on. The first that holds is that of a pair."""

ALIKE = {
    "media.silence": (0,),
    "media.cutoff": (0, 1),
    "media.throttle": (2,),
    "media.loss": (2, 3),
    "media.jitter": (4,),
}
"""Places in MECHANISMS that count for a mechanism: silence is a cutoff too, and a limited rate loses packets."""


def at_least(column: str, limit: str) -> str:
    return f"COALESCE(p.{column}, -1e0) >= {limit}"


def _differs(*columns: str) -> str:
    return " AND ".join(at_least(column, LEAST_DIFFERENCE) for column in columns)


_MORE_LOST = _differs("loss_difference_low", "loss_without_gap_low") + " AND NOT p.shared_limit"

_OPAQUE_LOST = (
    f"COALESCE(p.loss_difference_high, 1e0) <= -{LEAST_DIFFERENCE} AND NOT p.shared_limit"
    f" AND {_differs('opaque_loss_without_gap_low')}"
)

_LATE = (
    f"{_differs('late_difference_low')}"
    f" AND ({_differs('late_without_run_low')} AND p.jitter >= {LEAST_RATIO} * p.opaque_jitter"
    f" OR {at_least('delay_difference_low', LEAST_DELAY)})"
)

_OPAQUE_PASSES = (
    f"p.opaque_sent >= {FEWEST_PACKETS} AND p.opaque_cutoff_packet < 0"
    f" AND p.opaque_lost_at_cutoff <= {MOST_LOST_BESIDE}"
)

_SILENT = (
    f"p.direction = 'both' AND p.returned = 0 AND {_OPAQUE_PASSES} AND p.opaque_loss <= {MOST_LOST_IN_ALL}"
    f" AND COALESCE(p.round_trip, 9e0) <= {LONGEST_ROUND_TRIP}"
)

_OPAQUE_SILENT = (
    f"p.direction = 'both' AND p.opaque_returned = 0 AND p.sent >= {FEWEST_PACKETS} AND p.cutoff_packet < 0"
    f" AND p.loss <= {MOST_LOST_IN_ALL} AND COALESCE(p.round_trip, 9e0) <= {LONGEST_ROUND_TRIP}"
)

_CUT = (
    f"p.direction = 'both' AND p.returned > 0 AND p.cutoff_packet > 0 AND p.cutoff_seconds >= {LEAST_SILENCE}"
    f" AND {_OPAQUE_PASSES}"
)

_THROTTLED = f"p.rate IS NOT NULL AND p.opaque_rate IS NULL AND (p.queued OR ({_MORE_LOST}))"

_CONDITIONS = (_SILENT, _CUT, _THROTTLED, f"{_MORE_LOST} AND p.cutoff_packet < 0", f"p.direction <> 'both' AND {_LATE}")

_CASES = " ".join(f"WHEN {condition} THEN {place}" for place, condition in enumerate(_CONDITIONS))

NONE = len(MECHANISMS)

USABLE = "NOT p.spoiled AND p.returned + p.opaque_returned > 0"

MEDIA_FINDINGS = Statement(
    "media_finding",
    "What each direction of a pair shows. `finding` is a place in the list of media mechanisms, from 0 for the gravest,"
    f" and {NONE} for none. A pair shows nothing if the helper or this computer disturbed it, or no packet came back.",
    ("m", "shape", "pair", "direction"),
    f"SELECT p.m, p.shape, p.pair, p.direction, {USABLE} AS usable,"
    f" CASE WHEN NOT ({USABLE}) THEN {NONE} {_CASES} ELSE {NONE} END AS finding,"
    f" {USABLE} AND ({_OPAQUE_SILENT} OR {_OPAQUE_LOST}) AS spared FROM media_pair p",
)

_MEDIA_PAIR_RESULT = (
    "SELECT m, shape, pair, min(finding) AS finding, max(CASE WHEN spared THEN 1 ELSE 0 END) = 1 AS spared"
    " FROM media_finding WHERE usable GROUP BY m, shape, pair"
)
"""What each usable pair shows: the gravest finding of its directions, and if losses were found beside it. `spared`:
packets of the app's shape fared better than random ones."""

_NAMES = {
    "silent": "media.silence",
    "cut": "media.cutoff",
    "throttled": "media.throttle",
    "lossy": "media.loss",
    "late": "media.jitter",
}

_COUNTS = {name: f"r.finding IN ({', '.join(map(str, ALIKE[mechanism]))})" for name, mechanism in _NAMES.items()}

SERVICE_MEDIA = Statement(
    "service_media",
    "How many usable pairs had the packets of a service's calls, and in how many each finding holds."
    " Silence counts as a cutoff too, and a limited rate as losses.",
    ("m", "role"),
    f"SELECT s.m, s.role, count(*) AS pairs, {counts(_COUNTS | {'spared': 'r.spared'})}"
    f" FROM service s JOIN ({_MEDIA_PAIR_RESULT}) r ON r.m = s.m AND r.shape = s.media GROUP BY s.m, s.role",
)

SERVICE_SPARED = f"SELECT m, role, {literal('protocol.drop')} AS mechanism FROM service_media WHERE 2 * spared > pairs"
"""SELECT of the anomaly that random packets fare worse than those of calls, as with an allowlist of protocols."""

_FROZEN = (
    "SELECT s.m, s.role, count(DISTINCT p.pair) AS pairs FROM service s"
    " JOIN media_pair p ON p.m = s.m AND p.shape = s.media"
    f" WHERE {USABLE} AND p.frozen AND p.direction = 'both' AND p.cutoff_packet > 0 AND p.opaque_cutoff_packet > 0"
    f" AND p.cutoff_packet - p.opaque_cutoff_packet BETWEEN -{MOST_APART} AND {MOST_APART}"
    " GROUP BY s.m, s.role"
)
"""In how many pairs of a service's shape both flows stopped for good at about one time, and their ports with them."""


@dataclass
class MediaColumns:
    """Count usable pairs of media flows with the shape of the service's calls, by what they show."""

    media_pairs: int = column(
        0, "Pairs of media flows with the shape of the service's calls that are usable.", "COALESCE(q.pairs, 0)"
    )
    media_silent: int = column(
        0, "Of these, the pairs in which only the app's shape gets nothing through.", "COALESCE(q.silent, 0)"
    )
    media_cut: int = column(
        0, "The pairs in which only the app's shape stops for good, or gets nothing through.", "COALESCE(q.cut, 0)"
    )
    media_throttled: int = column(
        0, "The pairs in which only the app's shape has a limited rate.", "COALESCE(q.throttled, 0)"
    )
    media_lost: int = column(
        0,
        "The pairs in which more packets of the app's shape are lost, or it has a limited rate.",
        "COALESCE(q.lossy, 0)",
    )
    media_late: int = column(0, "The pairs in which more packets of the app's shape are late.", "COALESCE(q.late, 0)")
    media_frozen: int = column(
        0,
        "Pairs of the service's shape whose media flows both stopped at one time. The helper then answered new ports "
        "and not theirs.",
        "COALESCE(z.pairs, 0)",
    )


_WORKS = (
    f"({WORKS_OTHERWISE} OR (any_suffices AND insufficient > 0"
    " AND blocked + likely_blocked + impaired + down + untested + ok + degraded = 0))"
)

_MEDIA_RULES = (
    Rule(
        "service_media_silent",
        f"{_WORKS} AND 2 * media_silent > media_pairs",
        State.DEGRADED,
        mechanism="media.silence",
        because=(
            "No packet of the shape of the app's calls comes back from the test helper. Random packets of equal size, "
            "sent at the same time, come back."
        ),
        plain=mark(
            "Packets that look like those of a call over {app} disappear between this network and our test helper. "
            "Other packets of the same size pass. Calls probably fail here."
        ),
    ),
    Rule(
        "service_media_cut",
        f"{_WORKS} AND 2 * media_cut > media_pairs",
        State.DEGRADED,
        mechanism="media.cutoff",
        because=(
            "Packets of the shape of the app's calls stop coming back for good during the flow. Random packets of "
            "equal size, sent at the same time, do not stop."
        ),
        plain=mark(
            "Packets that look like those of a call over {app} stop after {seconds} seconds on the way to our test "
            "helper. Other packets of the same size pass. Calls probably break off here."
        ),
    ),
    Rule(
        "service_media_throttled",
        f"{_WORKS} AND 2 * media_throttled > media_pairs",
        State.DEGRADED,
        mechanism="media.throttle",
        because=(
            "Packets of the shape of the app's calls pass at a constant rate below the one sent. Random packets of "
            "equal size, sent at the same time, are not limited."
        ),
        plain=mark(
            "Packets that look like those of a call over {app} are slowed down to {rate} kbit/s. Other packets of the "
            "same size are not. Calls probably sound bad here."
        ),
    ),
    Rule(
        "service_media_lost",
        f"{_WORKS} AND 2 * media_lost > media_pairs",
        State.DEGRADED,
        mechanism="media.loss",
        because=(
            "More packets of the shape of the app's calls are lost than random packets of equal size. The difference "
            "is at least 5 of 100."
        ),
        plain=mark(
            "Call packets between this network and our test helper get lost: {low} to {high} of 100. Other packets of "
            "the same size pass better. Calls over {app} probably sound bad here."
        ),
    ),
    Rule(
        "service_media_late",
        f"{_WORKS} AND 2 * media_late > media_pairs",
        State.DEGRADED,
        mechanism="media.jitter",
        because=(
            "More packets of the shape of the app's calls are late by 100 ms than random packets of equal size. The "
            "difference is at least 5 of 100."
        ),
        plain=mark(
            "Call packets between this network and our test helper come too late: {late_low} to {late_high} of 100. "
            "Other packets of the same size are faster. Calls over {app} probably sound bad here."
        ),
    ),
)


_FREEZE = Rule(
    "service_datagram_flows_freeze",
    f"{WORKS} AND media_frozen > 0 AND 2 * media_frozen > media_pairs",
    State.OK,
    mechanism="flow.freeze",
    because=(
        "Flows of datagrams to the test helper fall silent at one time, call packets and random ones alike. A new "
        "request from their ports gets no answer, and one from another port does. Firewalls look the same."
    ),
    plain=mark(
        "{service} works, but flows of packets to our test helper fall silent after {seconds} seconds, whatever "
        "app they are of. A firewall may do this. Calls may break off here."
    ),
)


class Finding(NamedTuple):
    """Hold what one direction of a pair shows, as the table `media_finding` has it."""

    shape: str
    pair: int
    direction: str
    finding: int


def media_figures(rows: Sequence[MediaRow], findings: Sequence[Finding], mechanism: str) -> dict[str, Any] | None:
    """Return the figures of the pair and direction that decide, None without a usable pair.

    `mechanism` is that of the rule. If it is none of media, the direction with the largest difference in losses
    is chosen.
    """
    known = {(row.shape, row.pair, row.direction): row for row in rows}
    alike = [each for each in findings if each.finding in ALIKE.get(mechanism, ())]
    chosen = [row for each in alike or findings if (row := known.get(each[:3])) is not None]
    if not chosen:
        return None
    both = mechanism == "flow.freeze"  # no direction alone knows its packets behind the place
    worst = max(chosen, key=lambda row: ((row.direction == BOTH) == both, _badness(row, mechanism)))
    pairs, affected = {each.pair for each in findings}, {each.pair for each in alike}
    return _figures_of(worst, len(pairs), len(affected))


def _badness(row: MediaRow, mechanism: str) -> float:
    if mechanism == "udp.throttle":  # both flows lose alike
        return min(row.loss, row.opaque_loss)
    value = row.late_difference if mechanism == "media.jitter" else row.loss_difference
    return -1.0 if value is None else value


def _figures_of(row: MediaRow, pairs: int, affected: int) -> dict[str, Any]:
    """Return the figures with the keys of docs/contract.md in their order."""
    return {
        "shape": row.shape,
        "direction": row.direction,
        "pairs": pairs,
        "pairs_affected": affected,
        "sent": row.sent,
        "loss": [row.loss, row.loss_low, row.loss_high] if row.sent else None,
        "opaque_loss": [row.opaque_loss, row.opaque_loss_low, row.opaque_loss_high],
        "loss_difference": _interval(row.loss_difference, row.loss_difference_low, row.loss_difference_high),
        "longest_gap": {"packets": row.gap_packets, "seconds": row.gap_seconds},
        "late": [row.late, row.late_low, row.late_high] if row.sent else None,
        "opaque_late": [row.opaque_late, row.opaque_late_low, row.opaque_late_high],
        "late_difference": _interval(row.late_difference, row.late_difference_low, row.late_difference_high),
        "jitter": row.jitter,
        "opaque_jitter": row.opaque_jitter,
        "reordered": row.reordered,
        "delay_change": _interval(row.delay_change, row.delay_change_low, row.delay_change_high),
        "opaque_delay_change": row.opaque_delay_change,
        "cutoff_packet": row.cutoff_packet if row.cutoff_packet >= 0 else None,
        "cutoff_time": row.cutoff_time if row.cutoff_packet >= 0 else None,
        "rate": row.rate,
        "opaque_rate": row.opaque_rate,
        "mos": round(row.mos, 1) if row.sent else None,
    }


def _interval(value: float | None, low: float | None, high: float | None) -> list[float] | None:
    return None if value is None or low is None or high is None else [value, low, high]


def _figures(judged: Judged) -> dict[str, Any] | None:
    return media_figures(judged.media, [Finding(*row) for row in judged.rows], judged.mechanism)


def _transactions(facts: FlatMeasurement) -> Iterator[int]:
    for row in facts.media:
        yield from (row.transaction_id, row.opaque_transaction_id)


def _values(record: Mapping[str, Any]) -> dict[str, int]:
    """Return the figures in the sentences about call packets. Intervals are widened to whole numbers of 100 packets."""
    media = table(record.get("media"))
    loss, late = (media.get(name) or [0.0, 0.0, 1.0] for name in ("loss", "late"))
    return {
        "low": floor(100 * loss[1]),
        "high": ceil(100 * loss[2]),
        "late_low": floor(100 * late[1]),
        "late_high": ceil(100 * late[2]),
        "seconds": round(media.get("cutoff_time") or 0.0),
        "rate": round((media.get("rate") or 0.0) / 1000),
    }


LOST = mark("Call packets get lost.")

MEDIA_FLOWS = Phenomenon(
    "media_flows",
    "Packets of calls fare worse than random packets of equal size, or flows of both stop.",
    place=50,
    service=RowPart(
        MediaColumns,
        {"q": "service_media", "z": f"({_FROZEN})"},
        (MEDIA_FINDINGS, SERVICE_MEDIA),
    ),
    rules=(*_MEDIA_RULES, _FREEZE),
    figures=Figures(
        "media",
        "SELECT s.m, s.role, f.shape, f.pair, f.direction, f.finding FROM service s JOIN media_finding f"
        " ON f.m = s.m AND f.shape = s.media WHERE f.usable ORDER BY s.m, s.role, f.pair, f.direction",
        _figures,
        _transactions,
    ),
    anomalies=SERVICE_SPARED,
    mechanisms={
        "media.loss": "Call packets are lost, and random packets of equal size pass.",
        "media.jitter": "Call packets arrive late or irregularly, and random packets of equal size do not.",
        "media.cutoff": "Call packets stop for good during a flow, and random packets of equal size do not.",
        "media.throttle": "Call packets pass at a limited rate, and random packets of equal size are not limited.",
        "media.silence": "No call packet passes, and random packets of equal size do.",
    },
    app_words={
        "media.loss": LOST,
        "media.jitter": mark("Call packets come late."),
        "media.cutoff": mark("Calls are cut off."),
        "media.throttle": mark("Calls are slowed down."),
        "media.silence": mark("Call packets disappear."),
    },
    shown_though_ok={"service_datagram_flows_freeze": (2, mark("Calls may break off."))},
    values=_values,
    no_hop=("media.throttle.", "media.loss.", "media.jitter."),
)
