"""Compare transfers that fell silent: where they stopped, and what other transfers got past that place."""

from probe.analysis.pipeline.addresses.linked import KEY
from probe.analysis.pipeline.addresses.subjects import SUBJECT, same_subject
from probe.analysis.pipeline.statement import Statement
from probe.signatures.silent_streams import LEAST_SILENCE

BYTES_APART = 3000  # two full segments, by which the stops at one number of bytes may differ
PACKETS_APART = 6  # our last acknowledgements are counted and may have been dropped, so the fewest packets count
BEYOND = 1000  # bytes that a transfer has to get past the place

STOPS = Statement(
    "transfer_stop",
    "Where the transfers with the target's name fell silent, in segments of the usual size. `alike` is their number if"
    " all stopped after about the same bytes, or after about the same packets.",
    SUBJECT,
    f"SELECT {KEY}, min(t0) AS first_t, max(t0) AS last_t, max(stream_bytes) AS bytes, min(stream_packets) AS packets,"
    f" CASE WHEN max(stream_bytes) - min(stream_bytes) <= {BYTES_APART}"
    f" OR (min(stream_packets) > 0 AND max(stream_packets) - min(stream_packets) <= {PACKETS_APART})"
    " THEN count(*) ELSE 0 END AS alike"
    " FROM linked WHERE role IN ('target', 'transfer_again') AND http_tested AND fell_silent"
    f" GROUP BY {KEY}",
)

_SMALL = "k.role = 'transfer_small' AND k.stream_silent AND k.stream_bytes > 0"
_SAME_BYTES = f"k.stream_bytes BETWEEN p.bytes - {BYTES_APART} AND p.bytes + {BYTES_APART}"
_SAME_PACKETS = (
    f"p.packets > 0 AND k.stream_packets BETWEEN p.packets - {PACKETS_APART} AND p.packets + {PACKETS_APART}"
)
_MORE_PACKETS = "(p.packets <= 0 OR 5 * k.stream_packets >= 7 * p.packets)"
_FEWER_BYTES = "10 * k.stream_bytes <= 7 * p.bytes"
_PAST = f"k.http_whole AND NOT k.stream_silent AND k.stream_bytes >= p.bytes + {BEYOND}"

COMPARED = Statement(
    "transfer_compared",
    "Transfers at the address that are compared with these stops: in small segments, under another name between two"
    " stops, once more, and the control's. Over QUIC PING frames take the place of small segments.",
    SUBJECT,
    "SELECT p.m, p.endpoint, p.address,"
    " count(*) FILTER (WHERE k.role = 'transfer_again' AND k.http_whole) AS again_whole,"
    f" count(*) FILTER (WHERE {_SMALL} AND {_SAME_BYTES} AND {_MORE_PACKETS}) AS small_same_bytes,"
    f" count(*) FILTER (WHERE {_SMALL} AND {_SAME_PACKETS} AND {_FEWER_BYTES}) AS small_same_packets,"
    f" count(*) FILTER (WHERE k.role = 'transfer_other' AND {_PAST} AND k.t <= p.last_t) AS other_name,"
    " count(*) FILTER (WHERE k.role = 'transfer_other' AND k.stream_silent) AS other_name_stopped,"
    f" count(*) FILTER (WHERE k.role = 'control_top' AND {_PAST} AND k.http_seconds < {LEAST_SILENCE!r}e0) AS control,"
    " count(*) FILTER (WHERE k.role = 'control_top' AND k.http_tested AND NOT k.http_whole) AS control_stopped"
    f" FROM transfer_stop p JOIN linked k ON {same_subject('k', 'p')} GROUP BY p.m, p.endpoint, p.address",
)

ELSEWHERE = Statement(
    "transfer_elsewhere",
    "Complete transfers from other addresses of the family that began after the first stop and got past the same bytes,"
    " or past the same packets. All are over QUIC or all over TCP.",
    SUBJECT,
    "SELECT p.m, p.endpoint, p.address, count(*) AS flows, count(CASE WHEN p.packets > 0"
    f" AND f.stream_packets > p.packets + {PACKETS_APART} THEN 1 END) AS by_packets,"
    f" count(CASE WHEN f.stream_bytes >= p.bytes + {BEYOND} THEN 1 END) AS by_bytes"
    f" FROM transfer_stop p JOIN subject s ON {same_subject('s', 'p')}"
    " JOIN flow f ON f.m = p.m AND f.family = s.address_family AND f.address <> p.address AND f.t0 >= p.first_t"
    " WHERE f.origin = 'probe' AND f.http_whole AND NOT f.stream_silent"
    " AND (f.quic_attempts > 0) = (s.first_layer = 'quic') GROUP BY p.m, p.endpoint, p.address",
)

RESULTS = Statement(
    "transfer_result",
    "The columns of the address row about transfers.",
    SUBJECT,
    "SELECT p.m, p.endpoint, p.address, p.alike, COALESCE(c.again_whole, 0) AS again_whole,"
    " COALESCE(c.small_same_bytes, 0) AS small_same_bytes, COALESCE(c.small_same_packets, 0) AS small_same_packets,"
    " COALESCE(c.other_name, 0) AS other_name, COALESCE(c.other_name_stopped, 0) AS other_name_stopped,"
    " COALESCE(c.control, 0) AS control,"
    " COALESCE(c.control_stopped, 0) AS control_stopped, COALESCE(e.by_bytes, 0) AS elsewhere_bytes,"
    " COALESCE(e.by_packets, 0) AS elsewhere_packets"
    f" FROM transfer_stop p LEFT JOIN transfer_compared c ON {same_subject('c', 'p')}"
    f" LEFT JOIN transfer_elsewhere e ON {same_subject('e', 'p')}",
)

TRANSFER_STATEMENTS = (STOPS, COMPARED, ELSEWHERE, RESULTS)
