"""Compute what each pair of media flows shows about the app's shape, and count the pairs for each service.

For a finding the app's shape must fare worse than the opaque flow beside it. An interval of 95 % must exclude chance,
and the difference must harm calls. The limits stand here with their reasons.
"""

from probe.analysis.pipeline.expressions import counts, literal
from probe.analysis.pipeline.statement import Statement
from probe.signatures import slow_page

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
MUCH_LOST = f"{slow_page.MUCH_LOST}e0"
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


def _at_least(column: str, limit: str) -> str:
    return f"COALESCE(p.{column}, -1e0) >= {limit}"


def _differs(*columns: str) -> str:
    return " AND ".join(_at_least(column, LEAST_DIFFERENCE) for column in columns)


_LOST = _differs("loss_difference_low", "loss_without_gap_low") + " AND NOT p.shared_limit"
_OPAQUE_LOST = (
    f"COALESCE(p.loss_difference_high, 1e0) <= -{LEAST_DIFFERENCE} AND NOT p.shared_limit"
    f" AND {_differs('opaque_loss_without_gap_low')}"
)
_LATE = (
    f"{_differs('late_difference_low')}"
    f" AND ({_differs('late_without_run_low')} AND p.jitter >= {LEAST_RATIO} * p.opaque_jitter"
    f" OR {_at_least('delay_difference_low', LEAST_DELAY)})"
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
_THROTTLED = f"p.rate IS NOT NULL AND p.opaque_rate IS NULL AND (p.queued OR ({_LOST}))"
_CONDITIONS = (_SILENT, _CUT, _THROTTLED, f"{_LOST} AND p.cutoff_packet < 0", f"p.direction <> 'both' AND {_LATE}")
_CASES = " ".join(f"WHEN {condition} THEN {place}" for place, condition in enumerate(_CONDITIONS))

NONE = len(MECHANISMS)
_USABLE = "NOT p.spoiled AND p.returned + p.opaque_returned > 0"

MEDIA_FINDINGS = Statement(
    "media_finding",
    "What each direction of a pair shows. `finding` is a place in the list of media mechanisms, from 0 for the gravest,"
    f" and {NONE} for none. A pair shows nothing if the helper or this computer disturbed it, or no packet came back.",
    ("m", "shape", "pair", "direction"),
    f"SELECT p.m, p.shape, p.pair, p.direction, {_USABLE} AS usable,"
    f" CASE WHEN NOT ({_USABLE}) THEN {NONE} {_CASES} ELSE {NONE} END AS finding,"
    f" {_USABLE} AND ({_OPAQUE_SILENT} OR {_OPAQUE_LOST}) AS spared FROM media_pair p",
)

MEDIA_PAIR_RESULTS = Statement(
    "media_pair_result",
    "What each usable pair shows: the gravest finding of its directions, and if losses were found beside it."
    " `spared`: packets of the app's shape fared better than random ones.",
    ("m", "shape", "pair"),
    "SELECT m, shape, pair, min(finding) AS finding, max(CASE WHEN spared THEN 1 ELSE 0 END) = 1 AS spared"
    " FROM media_finding WHERE usable GROUP BY m, shape, pair",
)

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
    " FROM service s JOIN media_pair_result r ON r.m = s.m AND r.shape = s.media GROUP BY s.m, s.role",
)

SERVICE_SPARED = f"SELECT m, role, {literal('protocol.drop')} AS mechanism FROM service_media WHERE 2 * spared > pairs"
"""SELECT of the anomaly that random packets fare worse than those of calls, as with an allowlist of protocols."""

SERVICE_UDP = Statement(
    "service_udp",
    "In how many pairs of a service's shape both flows lost much in one direction, while TCP was free in it.",
    ("m", "role"),
    "SELECT s.m, s.role, count(DISTINCT p.pair) AS limited FROM service s"
    " JOIN media_pair p ON p.m = s.m AND p.shape = s.media JOIN transfer_pair t ON t.m = s.m AND t.usable"
    " AND (t.protocol = 'upload' AND p.direction = 'forth' OR t.protocol = 'download' AND p.direction = 'back')"
    f" WHERE {_USABLE} AND {_at_least('loss', MUCH_LOST)} AND {_at_least('opaque_loss', MUCH_LOST)}"
    " GROUP BY s.m, s.role",
)

SERVICE_FROZEN = Statement(
    "service_frozen",
    "In how many pairs of a service's shape both flows stopped for good at about one time, and their ports with them.",
    ("m", "role"),
    "SELECT s.m, s.role, count(DISTINCT p.pair) AS pairs FROM service s"
    " JOIN media_pair p ON p.m = s.m AND p.shape = s.media"
    f" WHERE {_USABLE} AND p.frozen AND p.direction = 'both' AND p.cutoff_packet > 0 AND p.opaque_cutoff_packet > 0"
    f" AND p.cutoff_packet - p.opaque_cutoff_packet BETWEEN -{MOST_APART} AND {MOST_APART}"
    " GROUP BY s.m, s.role",
)

MEDIA_STATEMENTS = (MEDIA_FINDINGS, MEDIA_PAIR_RESULTS, SERVICE_MEDIA, SERVICE_UDP, SERVICE_FROZEN)
