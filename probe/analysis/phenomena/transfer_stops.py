"""Define the transfers that fall silent in the middle: where they stop, and what others get past that place.

An attempt at a service whose answer stops is repeated with small segments, under another name, and at other addresses.
Pairs of transfers with the test helper show the same of a name.
"""

from dataclasses import dataclass

from probe.analysis.observations.stream_ends import stream_columns
from probe.analysis.phenomena.phenomenon import Phenomenon, RowPart
from probe.analysis.rules.rule import Kind, Rule, State
from probe.analysis.rules.services import WORKS
from probe.analysis.sql.column import column
from probe.analysis.sql.expressions import counts
from probe.analysis.sql.link_counts import TARGET, count, or_zero
from probe.analysis.sql.linked_roles import AT_ENDPOINT, HAS_NAME, NAME_ALONE, followed
from probe.analysis.sql.statement import Statement
from probe.analysis.sql.subject import KEY, SUBJECT, same_subject
from probe.messages import mark
from probe.signatures.silent_streams import LEAST_SILENCE, SMALL_SEGMENT

_RECORDED = "f.stream_bytes >= 0"
_IS_SMALL = f"f.stream_segment BETWEEN 1 AND {SMALL_SEGMENT}"
_OTHER_NAME = f"NOT {HAS_NAME} AND f.tls_name <> '' AND f.http_host = s.host"
_ROLES = (
    followed("transfer_again", AT_ENDPOINT, "same_transfer_again", _RECORDED, NAME_ALONE),
    followed("transfer_small", AT_ENDPOINT, "small_segments_transfer", _RECORDED, NAME_ALONE, _IS_SMALL),
    followed("transfer_small", AT_ENDPOINT, "pings_before_transfer", _RECORDED, NAME_ALONE, "f.quic_attempts > 0"),
    followed("transfer_other", AT_ENDPOINT, "innocuous_name_transfer", _RECORDED, _OTHER_NAME),
)

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

_STOPPED = "i.m IS NOT NULL"

# Over QUIC PING frames take the place of small segments.
_SMALL = ("role = 'transfer_small'", "stream_silent", "stream_bytes > 0")

_SAME_BYTES = f"stream_bytes BETWEEN i.bytes - {BYTES_APART} AND i.bytes + {BYTES_APART}"

_SAME_PACKETS = f"i.packets > 0 AND stream_packets BETWEEN i.packets - {PACKETS_APART} AND i.packets + {PACKETS_APART}"

_MORE_PACKETS = "(i.packets <= 0 OR 5 * stream_packets >= 7 * i.packets)"

_FEWER_BYTES = "10 * stream_bytes <= 7 * i.bytes"

_PAST = f"http_whole AND NOT stream_silent AND stream_bytes >= i.bytes + {BEYOND}"

_PAST_PACKETS = "(i.packets <= 0 OR stream_packets > i.packets)"
"""Or else every flow may stop after so many packets, and this one was over before, in fewer and larger ones."""

_WELL_PAST_PACKETS = f"(i.packets <= 0 OR stream_packets > i.packets + {PACKETS_APART})"
"""So many that it got past that place even if its last acknowledgements were dropped."""

_ELSEWHERE = (
    "SELECT p.m, p.endpoint, p.address, count(CASE WHEN p.packets > 0"
    f" AND f.stream_packets > p.packets + {PACKETS_APART} THEN 1 END) AS by_packets,"
    f" count(CASE WHEN f.stream_bytes >= p.bytes + {BEYOND} THEN 1 END) AS by_bytes"
    f" FROM transfer_stop p JOIN subject s ON {same_subject('s', 'p')}"
    " JOIN flow f ON f.m = p.m AND f.family = s.address_family AND f.address <> p.address AND f.t0 >= p.first_t"
    " WHERE f.origin = 'probe' AND f.http_whole AND NOT f.stream_silent"
    " AND (f.quic_attempts > 0) = (s.first_layer = 'quic') GROUP BY p.m, p.endpoint, p.address"
)
"""Complete transfers from other addresses of the family that began after the first stop and got past the same bytes, or
past the same packets. All are over QUIC or all over TCP."""


@dataclass
class TransferColumns:
    """Count answers that began and then fell silent, and the transfers that they are compared with."""

    transfers_silent: int = column(
        0, "Attempts whose answer began and then fell silent.", count(TARGET, "http_tested", "fell_silent")
    )
    transfers_dead: int = column(
        0,
        "Those of them whose peer then acknowledged no further bytes, so that the path passed nothing.",
        count(TARGET, "http_tested", "fell_silent", "stream_acked = 0"),
    )
    transfers_acknowledged: int = column(
        0,
        "Those of them whose peer then acknowledged further bytes, as a stopped server does.",
        count(TARGET, "http_tested", "fell_silent", "stream_acked = 1"),
    )
    transfers_whole: int = column(
        0, "Attempts whose answer was complete.", count(TARGET, "http_tested", "http_whole", "NOT fell_silent")
    )
    transfers_alike: int = column(
        0, "Silent answers, later ones included, that all stopped after the same bytes or packets.", or_zero("i.alike")
    )
    transfers_again_whole: int = column(
        0,
        "Later answers to the same request that were complete.",
        count("role = 'transfer_again'", "http_whole", _STOPPED),
    )
    small_stops_at_bytes: int = column(
        0,
        "Transfers in small packets that stopped after the same bytes and more packets.",
        count(*_SMALL, _SAME_BYTES, _MORE_PACKETS),
    )
    small_stops_at_packets: int = column(
        0,
        "Transfers in small packets that stopped after the same packets and fewer bytes.",
        count(*_SMALL, _SAME_PACKETS, _FEWER_BYTES),
    )
    other_name_transferred: int = column(
        0,
        "Complete answers under an innocuous name past that place, between two silent ones.",
        count("role = 'transfer_other'", _PAST, _PAST_PACKETS, "t <= i.last_t"),
    )
    other_name_well_past: int = column(
        0,
        "Those of them that were past it even if their last acknowledgements were dropped.",
        count("role = 'transfer_other'", _PAST, _WELL_PAST_PACKETS, "t <= i.last_t"),
    )
    other_name_stopped: int = column(
        0,
        "Answers under an innocuous name that stopped too.",
        count("role = 'transfer_other'", "stream_silent", _STOPPED),
    )
    answers_arriving: int = column(
        0,
        "Attempts that reached a time limit while bytes of the handshake or the answer still arrived.",
        count(TARGET, "still_arriving"),
    )
    name_answers_arriving: int = column(
        0,
        "The same of attempts with the target's name at verified addresses of the endpoint.",
        count("role = 'named'", "still_arriving"),
    )
    elsewhere_past_bytes: int = column(
        0,
        "Complete answers from other addresses past the same bytes, after the first silence.",
        or_zero("e.by_bytes"),
    )
    elsewhere_past_packets: int = column(
        0,
        "Complete answers from other addresses past the same packets, after the first silence.",
        or_zero("e.by_packets"),
    )
    control_transferred: int = column(
        0,
        "Complete answers to the control past that place, without a long pause.",
        count("role = 'control_top'", _PAST, f"http_seconds < {LEAST_SILENCE!r}e0"),
    )
    control_stopped: int = column(
        0,
        "Incomplete answers to the control.",
        count("role = 'control_top'", "http_tested", "NOT http_whole", _STOPPED),
    )


LEAST_OTHER_SHARE = "0.8e0"
"""Share of the helper's pace that the innocuous name must reach beside a transfer that stopped. So it did not stop."""

HELPER_BYTES_APART = 9600  # three frames, by which the stops of two transfers at one number of bytes may differ

HELPER_PACKETS_APART = 6  # or a quarter of them. Acknowledgements are counted too, and are not as regular.

_AT_HELPER = f"{{0}}.stopped_at >= 0 AND NOT {{0}}.spoiled AND {{0}}.innocuous_share >= {LEAST_OTHER_SHARE}"

# A transfer in segments of the usual size beside one in small segments: both stopped at the same bytes, or at the same
# packets and fewer bytes.
_ALIKE_AT_HELPER = {
    "bytes": f"abs(q.stopped_at - p.stopped_at) <= {HELPER_BYTES_APART} AND 5 * q.packets >= 7 * p.packets",
    "packets": "10 * q.stopped_at <= 7 * p.stopped_at AND"
    f" (abs(q.packets - p.packets) <= {HELPER_PACKETS_APART} OR 4 * abs(q.packets - p.packets) <= p.packets)",
}

_HELPER_STOPS = counts(
    {
        f"{direction}_by_{unit}": f"p.protocol = '{protocol}' AND {alike}"
        for direction, protocol in (("received", "tls"), ("sent", "tls_upload"))
        for unit, alike in _ALIKE_AT_HELPER.items()
    }
)

SERVICE_STOPS = Statement(
    "service_stops_at_helper",
    "How many pairs of pairs of transfers stopped alike at the helper under the name of a service alone, in segments of"
    " the usual size and in small ones: received from the helper, and sent to it.",
    ("m", "role"),
    f"SELECT p.m, p.service AS role, {_HELPER_STOPS} FROM transfer_pair p"
    " JOIN transfer_pair q ON q.m = p.m AND q.service = p.service AND q.name = p.name AND q.protocol = p.protocol"
    f" WHERE {_AT_HELPER.format('p')} AND {_AT_HELPER.format('q')} AND p.packets > 0 AND p.segment > {SMALL_SEGMENT}"
    f" AND q.segment BETWEEN 1 AND {SMALL_SEGMENT} GROUP BY p.m, p.service",
)


@dataclass
class HelperStopColumns:
    """Count transfers with the test helper that stopped under the service's name alone."""

    helper_stops_at_bytes: int = column(
        0,
        "Transfers from the helper under the service's name that stopped at the same bytes in segments of two sizes, "
        "unlike those under an innocuous name.",
        "COALESCE(y.received_by_bytes, 0)",
    )
    helper_stops_at_packets: int = column(
        0, "The same at the same packets and different bytes.", "COALESCE(y.received_by_packets, 0)"
    )
    upload_stops_at_bytes: int = column(
        0, "The same of uploads to the test helper, at the same bytes.", "COALESCE(y.sent_by_bytes, 0)"
    )
    upload_stops_at_packets: int = column(
        0, "The same of uploads, at the same packets and different bytes.", "COALESCE(y.sent_by_packets, 0)"
    )


_STOPS_PLAIN = mark(
    "{service} works, but larger transfers under its name stop in this network, always after the same amount. Under "
    "another name they go on. Pictures, videos and files may not arrive."
)

# Two pairs are too few to accuse, because some networks stop connections by chance.
_STOPS = f"{WORKS} AND control_successes > 0"


_DOWNLOADS_STOP = Kind(
    "service_downloads_stop",
    State.OK,
    because=(
        "Transfers from the test helper with this server name stop at the same {where}. The path then carries nothing "
        "more. Those with an innocuous name beside them go on."
    ),
    plain=_STOPS_PLAIN,
)
_UPLOADS_STOP = Kind(
    "service_uploads_stop",
    State.OK,
    because=(
        "Uploads to the test helper with this server name stop at the same {where}. Nothing more is then acknowledged. "
        "Those with an innocuous name beside them go on."
    ),
    plain=_STOPS_PLAIN,
)
_RULES = tuple(
    kind.rule(f"{_STOPS} AND {column}_at_{way} > 0", way=way, mechanism=f"flow.freeze.{way}", because={"where": where})
    for kind, column in ((_DOWNLOADS_STOP, "helper_stops"), (_UPLOADS_STOP, "upload_stops"))
    for way, where in (
        ("bytes", "bytes, in small packets too"),
        ("packets", "number of packets, in small ones too"),
    )
)

# Rules about answers of the service itself. A server that stops still acknowledges what is sent to it, and often stops
# for the control too. A path that loses large packets passes acknowledgements and small segments. Packets lost at
# random stop each answer at another place.

_CONTROL = "transfers_acknowledged = 0 AND control_transferred > 0 AND control_stopped = 0 AND NOT line_lossy"
_ANSWERS_SILENT = f"transfers_silent >= 2 AND transfers_whole = 0 AND transfers_again_whole = 0 AND {_CONTROL}"
_NAME = (
    f"by_name AND {_ANSWERS_SILENT} AND transfers_alike >= 3 AND other_name_transferred > 0"
    # Or else an access line may end every flow at that place, and the whole page was just short enough for it.
    " AND (other_name_well_past > 0 OR elsewhere_past_packets > 0)"
)
_ANY_NAME = "(other_name_stopped > 0 OR NOT by_name OR clear_text)"
_ADDRESS = f"{_ANSWERS_SILENT} AND transfers_dead >= 2 AND transfers_alike >= 3 AND {_ANY_NAME}"
_AT_BYTES = "small_stops_at_bytes > 0 AND small_stops_at_packets = 0"
_AT_PACKETS = "small_stops_at_packets > 0 AND small_stops_at_bytes = 0"

_FREEZES_FOR_NAME = Kind(
    "http_freezes_for_name",
    State.BLOCKED,
    because=(
        "Connections with this name fall silent {where}. The page is complete under an innocuous name in between, and "
        "at the test helper."
    ),
    plain=mark(
        "{service} begins to answer. Then nothing more arrives, each time at the same place. The same page arrives "
        "whole under another name. Access to {service} is blocked by its name."
    ),
)
_FREEZES_AT_ADDRESS = Kind(
    "http_freezes_at_address",
    State.LIKELY_BLOCKED,
    because=(
        "Connections to this address fall silent {where}. The path then passes nothing more. Another server's page and "
        "the test helper's get past it."
    ),
    plain=mark(
        "{service} begins to answer. Then nothing more arrives, each time at the same place. Other servers and a test "
        "helper outside this network have no such limit. Access to {service} is probably blocked."
    ),
)
_AFTER_BYTES = {"where": "after the same number of bytes, in small packets too"}
_AFTER_PACKETS = {"where": "after the same number of packets, in small packets too"}

ANSWERS_STOP = (
    _FREEZES_FOR_NAME.rule(
        f"{_NAME} AND {_AT_BYTES}", way="bytes", mechanism="flow.freeze.bytes", because=_AFTER_BYTES
    ),
    _FREEZES_FOR_NAME.rule(
        f"{_NAME} AND {_AT_PACKETS}", way="packets", mechanism="flow.freeze.packets", because=_AFTER_PACKETS
    ),
    _FREEZES_FOR_NAME.rule(_NAME, mechanism="flow.freeze", because={"where": "at the same place"}),
    _FREEZES_AT_ADDRESS.rule(
        f"{_ADDRESS} AND {_AT_BYTES} AND elsewhere_past_bytes > 0",
        way="bytes",
        mechanism="flow.freeze.bytes",
        because=_AFTER_BYTES,
    ),
    _FREEZES_AT_ADDRESS.rule(
        f"{_ADDRESS} AND {_AT_PACKETS} AND elsewhere_past_packets > 0",
        way="packets",
        mechanism="flow.freeze.packets",
        because=_AFTER_PACKETS,
    ),
    Rule(
        "http_freezes_at_address_at_times",
        f"transfers_dead > 0 AND transfers_whole + transfers_again_whole > 0 AND transfers_alike >= 2 AND {_CONTROL} "
        f"AND {_AT_PACKETS} AND elsewhere_past_packets > 0",
        State.DEGRADED,
        mechanism="flow.freeze.packets",
        way="packets",
        because=(
            "Some connections to this address fall silent after the same number of packets, in small packets too. "
            "Others, another server's page and the test helper's get past it."
        ),
        plain=mark(
            "{service} begins to answer. At times nothing more arrives then, always at the same place. Other servers "
            "and a test helper outside this network have no such limit. {service} works badly."
        ),
    ),
)

STOPS_MIDWAY = Rule(
    "http_stops_midway",
    "(transfers_silent >= 2 OR (transfers_silent > 0 AND http_successes = 0)) AND transfers_whole = 0 AND "
    "(control_stopped = 0 OR http_successes = 0) AND (http_attempts >= 2 OR NOT interrupted) AND "
    "(control_attempts = 0 OR control_successes > 0)",
    State.IMPAIRED,
    because="Each answer begins, and then its connection falls silent. Nothing shows what stops it.",
    plain=mark(
        "{service} begins to answer, and then nothing more arrives. The cause is unclear: the server, a part of "
        "the way to it, or this network."
    ),
)

TRANSFERS_STOP = Phenomenon(
    "transfer_stops",
    "Transfers fall silent after a number of bytes or packets, and their connections stay open.",
    place=30,
    entry_columns=stream_columns,
    roles=_ROLES,
    address=RowPart(TransferColumns, {"e": f"({_ELSEWHERE})"}, (STOPS,), compared={"i": "transfer_stop"}),
    service=RowPart(HelperStopColumns, {"y": "service_stops_at_helper"}, (SERVICE_STOPS,)),
    rules=_RULES,
    mechanisms={
        "flow.freeze.bytes": "A connection falls silent after a number of bytes, and stays open.",
        "flow.freeze.packets": "A connection falls silent after a number of packets, and stays open.",
    },
    app_words={"flow.freeze": mark("Connections go silent.")},
)
