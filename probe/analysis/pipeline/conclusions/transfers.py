"""Compute what each pair of transfers shows about a server name, and count the pairs and pages of each service.

The throughput of a name is limited if its transfer is slower than that under an innocuous name, which ran beside it.
Both came from the same server. An interval of 95 % must exclude chance and half of the throughput.
"""

from probe.analysis.pipeline.expressions import counts, literal
from probe.analysis.pipeline.statement import Statement
from probe.signatures.silent_streams import SMALL_SEGMENT

MOST_RATIO = "0.5e0"
"""Upper end of the interval of a limited name. Side by side, two connections on a full line hardly differ by more."""
LONGEST_SILENCE = "4e0"
"""Seconds without a byte at the end of a transfer of 6. A connection that is frozen after some bytes stops earlier.
Behind a limit TCP waits this long after it lost the last segments of a full queue."""

LEAST_OTHER_RATE = "64e3"
"""Bytes a second of a page over TLS under the same name. The server and its content are then not what is slow."""


def _shows_limit(pair: str) -> str:
    return f"{pair}.usable AND COALESCE({pair}.pooled_high, 1e0) < {MOST_RATIO} AND {pair}.silent <= {LONGEST_SILENCE}"


NAME_LIMITS = Statement(
    "name_limit",
    "The server names that all usable pairs of transfers from the test helper over TLS show to be limited.",
    ("m", "name"),
    f"SELECT p.m, p.name FROM transfer_pair p WHERE p.protocol = 'tls' AND p.usable GROUP BY p.m, p.name"
    f" HAVING count(*) = count(CASE WHEN {_shows_limit('p')} THEN 1 END)",
)

_LIMITED = (
    f"{_shows_limit('p')} AND (p.protocol <> 'quic' OR l.m IS NOT NULL"
    f" OR COALESCE(p.other_page_rate, 0e0) >= {LEAST_OTHER_RATE})"
)

TRANSFER_FINDINGS = Statement(
    "transfer_finding",
    "What each pair of transfers shows. `usable`: the innocuous name reached 80 % of the helper's pace."
    " `limited`: the name got less than half of that in all usable pairs together, and did not stop in this one."
    " Over QUIC, pages under the same name must come fast over TLS, or pairs over TLS show that the name is limited.",
    ("m", "role", "pair"),
    f"SELECT p.m, p.service AS role, p.pair, p.usable, {_LIMITED} AS limited, p.slow_pages,"
    " p.protocol FROM transfer_pair p LEFT JOIN name_limit l ON l.m = p.m AND l.name = p.name",
)

_PROTOCOLS = {"tls": "", "http": "clear_", "quic": "quic_", "address": "address_"}
"""Prefix of the columns of each protocol."""
_COUNTS = {
    f"{prefix}{column}": f"{condition} AND protocol = {literal(protocol)}"
    for protocol, prefix in _PROTOCOLS.items()
    for column, condition in (("pairs", "usable"), ("limited", "limited"))
}
_SLOW = ", ".join(
    f"max(CASE WHEN protocol = {literal(protocol)} THEN slow_pages ELSE 0 END) AS {prefix}slow_pages"
    for protocol, prefix in _PROTOCOLS.items()
)

SERVICE_TRANSFERS = Statement(
    "service_transfers",
    "How many usable pairs had the name of a service, how many of these show a limit, and how many pages were slow."
    " Columns with `clear` count pairs and pages without TLS, those with `quic` over QUIC."
    " Those with `address` count pages under an innocuous name, compared with the helper, the others pairs over TLS.",
    ("m", "role"),
    f"SELECT m, role, {counts(_COUNTS)}, {_SLOW} FROM transfer_finding GROUP BY m, role",
)

LEAST_OTHER_SHARE = "0.8e0"
"""Share of the helper's pace that the innocuous name must reach beside a transfer that stopped. So it did not stop."""
BYTES_APART = 9600  # three frames, by which the stops of two transfers at one number of bytes may differ
PACKETS_APART = 6  # or a quarter of them. Acknowledgements are counted too, and are not as regular.

_STOPPED = f"{{0}}.stopped_at >= 0 AND NOT {{0}}.spoiled AND {{0}}.innocuous_share >= {LEAST_OTHER_SHARE}"
_SAME_BYTES = f"abs(q.stopped_at - p.stopped_at) <= {BYTES_APART} AND 5 * q.packets >= 7 * p.packets"
_SAME_PACKETS = (
    "10 * q.stopped_at <= 7 * p.stopped_at"
    f" AND (abs(q.packets - p.packets) <= {PACKETS_APART} OR 4 * abs(q.packets - p.packets) <= p.packets)"
)

TRANSFER_STOPS = Statement(
    "transfer_stop_at_helper",
    "Pairs of transfers with the helper in which that under the name alone stopped, in segments of the usual size and"
    " in small ones. `by_bytes`: both stopped at the same bytes. `by_packets`: at the same packets and fewer bytes.",
    ("m", "role", "protocol"),
    f"SELECT p.m, p.service AS role, p.protocol, count(CASE WHEN {_SAME_BYTES} THEN 1 END) AS by_bytes,"
    f" count(CASE WHEN {_SAME_PACKETS} THEN 1 END) AS by_packets FROM transfer_pair p"
    " JOIN transfer_pair q ON q.m = p.m AND q.service = p.service AND q.name = p.name AND q.protocol = p.protocol"
    f" WHERE {_STOPPED.format('p')} AND {_STOPPED.format('q')} AND p.packets > 0 AND p.segment > {SMALL_SEGMENT}"
    f" AND q.segment BETWEEN 1 AND {SMALL_SEGMENT} GROUP BY p.m, p.service, p.protocol",
)

_STOPS = {
    f"{direction}_{unit}": f"max(CASE WHEN protocol = {literal(protocol)} THEN {unit} ELSE 0 END)"
    for direction, protocol in (("received", "tls"), ("sent", "tls_upload"))
    for unit in ("by_bytes", "by_packets")
}

SERVICE_STOPS = Statement(
    "service_stops_at_helper",
    "How many such pairs of pairs had the name of a service: received from the helper, and sent to it.",
    ("m", "role"),
    f"SELECT m, role, {', '.join(f'{sql} AS {name}' for name, sql in _STOPS.items())}"
    " FROM transfer_stop_at_helper GROUP BY m, role",
)

TRANSFER_STATEMENTS = (NAME_LIMITS, TRANSFER_FINDINGS, SERVICE_TRANSFERS, TRANSFER_STOPS, SERVICE_STOPS)
