"""Define the feature rows that rules read: of names, addresses, endpoints, services, needs, apps and regimes.

No column is ever NULL except `*_failure`. The published digests of rules contain the names of columns, so that a
column is never renamed.
"""

from dataclasses import dataclass

from probe.analysis.features.address_row import AddressRow
from probe.analysis.features.app_rows import AppRow, NeedRow
from probe.analysis.features.column import column
from probe.analysis.features.name_row import NameRow
from probe.analysis.features.regime_row import RegimeRow
from probe.analysis.features.service_cutoffs import CutoffColumns

__all__ = ["AddressRow", "AppRow", "EndpointRow", "NameRow", "NeedRow", "RegimeRow", "ServiceRow", "WideRow"]


RELAY_BY_DATAGRAM = "e.dialect IN ('reflector', 'stun/udp', 'turn/udp')"
RELAY_BY_STREAM = "e.dialect IN ('reflector+tcp', 'stun/tcp', 'stun/tls', 'turn/tcp', 'turn/tls')"

TOO_SLOW = "'http_arrives_too_slowly', 'tls_times_out_beside_slow_answers'"
_WORKS = "NOT p.is_name AND p.state = 'ok'"
# If nothing verifies the system resolver's answer, an address from another resolver does not help the apps.
_ASTRAY = (
    "(count(*) FILTER (WHERE p.is_name AND p.rule_id = 'name_unproven') > 0"
    f" AND count(*) FILTER (WHERE {_WORKS}) > 0"
    f" AND count(*) FILTER (WHERE {_WORKS} AND NOT p.alternative) = 0)"
)


@dataclass
class EndpointRow:
    """Hold the conclusions about an endpoint's name and its verified addresses."""

    name_accused: bool = column(
        False, "The name's state is accusing.", "count(*) FILTER (WHERE p.is_name AND p.accusing) > 0"
    )
    name_fine: bool = column(
        False,
        "The name resolved, or its resolution is unknown and its addresses are usable.",
        "count(*) FILTER (WHERE p.is_name AND p.state IN ('ok', 'insufficient')) > 0 AND NOT " + _ASTRAY,
    )
    working: int = column(
        0, "Addresses at which everything works.", "count(*) FILTER (WHERE NOT p.is_name AND p.state = 'ok')"
    )
    blocked: int = column(
        0, "Name and addresses with the state blocked.", "count(*) FILTER (WHERE p.state = 'blocked')"
    )
    likely_blocked: int = column(
        0, "Name and addresses with the state likely_blocked.", "count(*) FILTER (WHERE p.state = 'likely_blocked')"
    )
    degraded: int = column(
        0, "Name and addresses with the state degraded.", "count(*) FILTER (WHERE p.state = 'degraded')"
    )
    impaired: int = column(
        0, "Name and addresses with the state impaired.", "count(*) FILTER (WHERE p.state = 'impaired')"
    )
    down: int = column(0, "Name and addresses with the state down.", "count(*) FILTER (WHERE p.state = 'down')")
    insufficient: int = column(
        0,
        "Name and addresses with the state insufficient.",
        "count(*) FILTER (WHERE p.state = 'insufficient' AND NOT p.is_name) + CASE"
        " WHEN count(*) FILTER (WHERE p.state = 'insufficient' AND p.is_name) = 0 THEN 0"
        f" WHEN count(*) = 1 OR {_ASTRAY} THEN 1 ELSE 0 END",
    )


@dataclass
class ServiceRow(CutoffColumns):
    """Count the states of a service's endpoints."""

    any_suffices: bool = column(False, 'One working endpoint is enough (`works_if = "any"`).', "s.any_suffices")
    endpoints: int = column(
        0, "Endpoints whose family and transport work here.", "count(*) FILTER (WHERE v.absent = '')"
    )
    absent: int = column(
        0,
        "Endpoints that are left out, because their family or UDP does not work here.",
        "count(*) FILTER (WHERE v.absent <> '')",
    )
    absent_datagrams: int = column(
        0,
        "Endpoints that are left out because UDP does not work here.",
        "count(*) FILTER (WHERE v.absent = 'datagrams')",
    )
    bugs: int = column(0, "Bugs of the probe that touched this service.", "COALESCE(b.bugs, g.bugs)")
    retired: bool = column(False, "The target file says that the product is retired.", "g.retired")
    unread: bool = column(False, "The measurement is of an OONI nettest that no rule covers.", "g.unread")
    control_successes: int = column(
        0, "The control's attempts that succeeded at the topmost layer.", "c.control_proofs"
    )
    blocked: int = column(
        0, "Endpoints with the state blocked.", "count(*) FILTER (WHERE v.absent = '' AND v.state = 'blocked')"
    )
    likely_blocked: int = column(
        0,
        "Endpoints with the state likely_blocked.",
        "count(*) FILTER (WHERE v.absent = '' AND v.state = 'likely_blocked')",
    )
    degraded: int = column(
        0, "Endpoints with the state degraded.", "count(*) FILTER (WHERE v.absent = '' AND v.state = 'degraded')"
    )
    impaired: int = column(
        0, "Endpoints with the state impaired.", "count(*) FILTER (WHERE v.absent = '' AND v.state = 'impaired')"
    )
    down: int = column(
        0, "Endpoints with the state down.", "count(*) FILTER (WHERE v.absent = '' AND v.state = 'down')"
    )
    insufficient: int = column(
        0,
        "Endpoints with the state insufficient.",
        "count(*) FILTER (WHERE v.absent = '' AND v.state = 'insufficient')",
    )
    ok: int = column(0, "Endpoints with the state ok.", "count(*) FILTER (WHERE v.absent = '' AND v.state = 'ok')")
    relays_by_datagram: int = column(
        0,
        "Endpoints that are call relays over UDP: Telegram's, and servers of STUN and TURN. Those with the state down "
        "do not count.",
        f"count(*) FILTER (WHERE v.absent = '' AND {RELAY_BY_DATAGRAM} AND v.state <> 'down')",
    )
    relays_by_datagram_accused: int = column(
        0,
        "Of these, the ones with the state blocked or likely_blocked.",
        f"count(*) FILTER (WHERE v.absent = '' AND {RELAY_BY_DATAGRAM} AND v.state IN ('blocked', 'likely_blocked'))",
    )
    relays_by_stream_ok: int = column(
        0,
        "Endpoints that are call relays over TCP or TLS (Telegram's, STUN, TURN) and have the state ok.",
        f"count(*) FILTER (WHERE v.absent = '' AND {RELAY_BY_STREAM} AND v.state = 'ok')",
    )
    relays_by_stream_accepting: int = column(
        0,
        "Endpoints that are call relays of Telegram over TCP and accept connections, but answer no stranger anywhere.",
        "count(*) FILTER (WHERE v.absent = '' AND e.dialect = 'reflector+tcp'"
        " AND v.rule_id = 'reflector_accepts_alone')",
    )
    too_slow: int = column(
        0,
        "Endpoints whose answers were too slow for the time limit, which gives the state impaired.",
        f"count(*) FILTER (WHERE v.absent = '' AND v.rule_id IN ({TOO_SLOW}))",
    )
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
    transfer_pairs: int = column(
        0,
        "Pairs of transfers from the test helper over TLS under a name of the service that are usable.",
        "COALESCE(t.pairs, 0)",
    )
    transfer_limited: int = column(
        0, "Of these, the pairs in which only that name's throughput is limited.", "COALESCE(t.limited, 0)"
    )
    slow_pages: int = column(
        0,
        "Pages over TLS that came slowly here, and at least three times as fast at the control. They are counted only "
        "beside pairs of transfers.",
        "COALESCE(t.slow_pages, 0)",
    )
    clear_transfer_pairs: int = column(
        0,
        "Usable pairs of transfers from the test helper over HTTP without TLS, under a name of the service.",
        "COALESCE(t.clear_pairs, 0)",
    )
    clear_transfer_limited: int = column(
        0, "Of these, the pairs in which only that name's throughput is limited.", "COALESCE(t.clear_limited, 0)"
    )
    clear_slow_pages: int = column(
        0,
        "Pages without TLS that came slowly here, and at least three times as fast at the control. They are counted "
        "only beside pairs of transfers.",
        "COALESCE(t.clear_slow_pages, 0)",
    )
    quic_page_pairs: int = column(
        0,
        "Pairs of QUIC connections to the service's own address, under its name and an innocuous one, that are usable.",
        "COALESCE(t.quic_pairs, 0)",
    )
    quic_page_limited: int = column(
        0,
        "Of these, the pairs in which only that name's throughput is limited. Over TLS its pages are fast, or pairs "
        "show a limit too.",
        "COALESCE(t.quic_limited, 0)",
    )
    quic_slow_pages: int = column(
        0,
        "Pages over QUIC that came slowly here, and at least three times as fast at the control. They are counted only "
        "beside pairs of connections.",
        "COALESCE(t.quic_slow_pages, 0)",
    )
    address_pages: int = column(
        0,
        "Whether the page was read at its address under an innocuous name often enough, beside a usable pair of "
        "transfers.",
        "COALESCE(t.address_pairs, 0)",
    )
    address_limited: int = column(
        0,
        "Whether it came with less than half of the helper's throughput.",
        "COALESCE(t.address_limited, 0)",
    )
    address_slow_pages: int = column(
        0,
        "Pages over TLS that came slowly here, and at least three times as fast at the control. They are counted only "
        "beside such reads.",
        "COALESCE(t.address_slow_pages, 0)",
    )
    udp_limited: int = column(
        0,
        "Pairs of media flows of the service's shape that both lost 20 of 100 packets or more, while TCP in that "
        "direction kept its pace.",
        "COALESCE(u.limited, 0)",
    )
    untested: int = column(
        0,
        "Endpoints that were not tested to their end when the time limit of the run was over.",
        "count(*) FILTER (WHERE v.absent = '' AND v.untested)",
    )


WideRow = NameRow | AddressRow | EndpointRow | ServiceRow | NeedRow | AppRow | RegimeRow
