"""Define the throughput of a name or an address, which two transfers or reads of a page compare.

The throughput of a name is limited if its transfer is slower than that under an innocuous name, which ran beside it.
Both came from the same server. An interval of 95 % must exclude chance and half of the throughput.

The rules hold for a service that works otherwise, or whose pages only come too slowly for the time limit. Pages must
come slowly here and not at the test helper. All usable pairs must agree, and pages and pairs must together give three
observations. A pair over QUIC is of the service's own page. It has at least six observations of each name.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any, Literal, NamedTuple

from probe.analysis.observations.entry_index import endpoint_of
from probe.analysis.observations.flat_measurement import FlatMeasurement
from probe.analysis.observations.lenient_json import table
from probe.analysis.observations.transfer_row import TransferRow
from probe.analysis.phenomena.phenomenon import Figures, Judged, Phenomenon, RowPart
from probe.analysis.rules.rule import Kind, Rule, State
from probe.analysis.rules.services import WORKS_OTHERWISE, WORKS_SLOWLY
from probe.analysis.sql.column import column
from probe.analysis.sql.expressions import counts, literal
from probe.analysis.sql.statement import Statement
from probe.messages import mark

MOST_RATIO = "0.5e0"
"""Upper end of the interval of a limited name. Side by side, two connections on a full line hardly differ by more."""

LONGEST_SILENCE = "4e0"
"""Seconds without a byte at the end of a transfer of 6. A connection that is frozen after some bytes stops earlier.
Behind a limit TCP waits this long after it lost the last segments of a full queue."""

LEAST_OTHER_RATE = "64e3"
"""Bytes a second of a page over TLS under the same name. The server and its content are then not what is slow."""


def _shows_limit(pair: str) -> str:
    return f"{pair}.usable AND COALESCE({pair}.pooled_high, 1e0) < {MOST_RATIO} AND {pair}.silent <= {LONGEST_SILENCE}"


_NAME_LIMIT = (
    f"SELECT p.m, p.name FROM transfer_pair p WHERE p.protocol = 'tls' AND p.usable GROUP BY p.m, p.name"
    f" HAVING count(*) = count(CASE WHEN {_shows_limit('p')} THEN 1 END)"
)
"""The server names that all usable pairs of transfers from the test helper over TLS show to be limited."""

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
    f" p.protocol FROM transfer_pair p LEFT JOIN ({_NAME_LIMIT}) l ON l.m = p.m AND l.name = p.name",
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


@dataclass
class ThroughputColumns:
    """Count usable pairs of transfers and reads, those that show a limit, and slow pages."""

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


_PLAIN = mark(
    "{service} is slowed down in this network. Under its name {slow_low} to {slow_high} of 100 bytes arrive, compared "
    "with another name. Pages and files load slowly."
)

_QUIC_LIMITED = (
    f"{WORKS_OTHERWISE} AND control_successes > 0 AND quic_page_pairs > 0 AND quic_page_limited = quic_page_pairs"
    " AND quic_slow_pages > 0"
)


def _limited(prefix: str) -> str:
    """Return the condition on the columns with a prefix: `clear_` for HTTP without TLS."""
    pairs, limited, slow = (f"{prefix}{column}" for column in ("transfer_pairs", "transfer_limited", "slow_pages"))
    return (
        f"{WORKS_SLOWLY} AND control_successes > 0 AND {pairs} > 0 AND {limited} = {pairs}"
        f" AND {slow} > 0 AND {slow} + {limited} >= 3"
    )


WORKS = (
    "ok > 0 AND blocked + likely_blocked + degraded = 0"
    " AND (any_suffices OR filtered_locally + impaired + down + insufficient + untested = 0)"
)

_ADDRESS_LIMITED = (
    f"{WORKS} AND control_successes > 0 AND address_pages > 0 AND address_limited = address_pages"
    " AND address_slow_pages > 0 AND transfer_limited = 0"
)

_NAME_THROTTLED = Kind("service_name_throttled", State.DEGRADED, because="{comparison}", plain=_PLAIN)
_RULES = (
    _NAME_THROTTLED.rule(
        _limited(""),
        layer="tls",
        mechanism="tls.throttle.sni",
        because={
            "comparison": (
                "Transfers from the test helper get less than half of the throughput with this server name. Those with "
                "an innocuous name, at the same time, keep their pace."
            )
        },
    ),
    _NAME_THROTTLED.rule(
        _limited("clear_"),
        layer="http",
        mechanism="http.throttle.host",
        because={
            "comparison": (
                "Transfers from the test helper over HTTP without TLS get less than half of the throughput with this "
                "Host header. Those with an innocuous name, at the same time, keep their pace."
            )
        },
    ),
    _NAME_THROTTLED.rule(
        _QUIC_LIMITED,
        layer="quic",
        mechanism="quic.throttle.sni",
        because={
            "comparison": (
                "The service's page gets less than half of the throughput over QUIC with this server name. With an "
                "innocuous name at the same address, in turns, it is fast. Pages over TLS with this name are fast, or "
                "transfers from the test helper show that they are slowed down by it too."
            )
        },
    ),
)


_ADDRESS_SLOW = Rule(
    "service_address_slow",
    _ADDRESS_LIMITED,
    State.OK,
    mechanism="ip.throttle",
    because=(
        "Pages come slowly from this address with the service's name and with an innocuous one. Bytes from the "
        "test helper are fast at the same time, and the test helper gets the pages fast. A limit by address, a "
        "crowded connection between networks, and a server that limits this country look the same."
    ),
    plain=mark(
        "{service} works, but its servers send slowly to this network: {slow_low} to {slow_high} of 100 bytes "
        "arrive, compared with our test helper. The cause may be this network, a network on the way, or the "
        "service itself."
    ),
)

MORE_REPEATED = 0.05  # share of segments beyond that of the innocuous name, as a policer causes by its drops

LONG_QUEUE = 0.2  # seconds beyond those of the innocuous name, as a shaper causes by its queue

Limiter = Literal["policing", "shaping"]


class TransferFinding(NamedTuple):
    """Hold what one usable pair shows, as the table `transfer_finding` has it."""

    pair: int
    limited: bool


def transfer_figures(
    rows: Sequence[TransferRow], role: str, findings: Sequence[TransferFinding]
) -> dict[str, Any] | None:
    """Return the ratio of all usable pairs of the role's name over one protocol, None without one.

    Pairs in which the name is limited come first, then those that were measured first.
    `by` says how the name is limited, as far as the helper's kernel shows: a policer drops, a shaper queues.
    """
    usable = {each.pair for each in findings}
    chosen = [row for row in rows if row.service == role and row.pair in usable]
    if not chosen:
        return None
    limiting = {each.pair for each in findings if each.limited}
    first = min(chosen, key=lambda row: (row.pair not in limiting, row.pair))
    chosen = [row for row in chosen if (row.name, row.protocol) == (first.name, first.protocol)]
    limited = sum(row.pair in limiting for row in chosen)
    return {
        "estimate": first.pooled,
        "low": first.pooled_low,
        "high": first.pooled_high,
        "pairs": len(chosen),
        "pairs_limited": limited,
        "by": limiter(chosen) if limited else None,
    }


_COMPARED = {"https": "tls", "tls": "tls", "http": "http", "quic": "quic"}
"""Protocol of the pairs that compare the name of an endpoint, by its dialect."""


def endpoint_throughput(rows: Sequence[TransferRow], role: str, url: str) -> dict[str, Any] | None:
    """Return the bytes a second under an endpoint's name and an innocuous one, None if they were not compared.

    `low` and `high` are the interval of the rate under the name, from that of the ratio.
    """
    endpoint = endpoint_of(url)
    about = (role, endpoint.host, _COMPARED.get(endpoint.dialect)) if endpoint else None
    usable = [row for row in rows if row.usable and (row.service, row.name, row.protocol) == about and row.pace]
    if not usable or usable[0].pooled is None:
        return None
    first, low, high = usable[0], usable[0].pooled_low or 0.0, usable[0].pooled_high
    innocuous = sum(row.innocuous_share * row.pace for row in usable) / len(usable)
    return {
        "rate": round(innocuous * (first.pooled or 0.0)),
        "low": round(innocuous * low),
        "high": None if high is None else round(innocuous * high),
        "innocuous_rate": round(innocuous),
        "pairs": len(usable),
    }


def limiter(rows: Sequence[TransferRow]) -> Limiter | None:
    """Return how limited transfers were limited, None if figures are missing, show neither, or differ."""
    found = {_limiter(row) for row in rows}
    return found.pop() if len(found) == 1 else None


def _limiter(row: TransferRow) -> Limiter | None:
    queues = _beyond(row.queueing, row.innocuous_queueing) >= LONG_QUEUE
    drops = _beyond(row.repeated, row.innocuous_repeated) >= MORE_REPEATED
    return "shaping" if queues else "policing" if drops else None  # a full queue drops too


def _beyond(one: float | None, other: float | None) -> float:
    return -1.0 if one is None or other is None else one - other


def _figures(judged: Judged) -> dict[str, Any] | None:
    findings = [TransferFinding(pair, bool(limited)) for pair, limited in judged.rows]
    return transfer_figures(judged.transfers, judged.role, findings)


def _transactions(facts: FlatMeasurement) -> Iterator[int]:
    for row in facts.transfers:
        yield from (row.transaction_id, row.innocuous_transaction_id)


_WHOLE_RANGE = (("low", 0.0), ("high", 1.0))


def _values(record: Mapping[str, Any]) -> dict[str, int]:
    """Return the interval of the throughput in parts of 100, widened to whole numbers."""
    ratio = table(record.get("throughput_ratio"))
    low, high = (value if (value := ratio.get(end)) is not None else default for end, default in _WHOLE_RANGE)
    return {"slow_low": floor(100 * low), "slow_high": ceil(100 * high)}


_SLOWED_DOWN = mark("Pages are slowed down.")

THROUGHPUT = Phenomenon(
    "throughput",
    "Pages and transfers are slow under one name, or from one address.",
    place=10,
    service=RowPart(ThroughputColumns, {"t": "service_transfers"}, (TRANSFER_FINDINGS, SERVICE_TRANSFERS)),
    rules=(*_RULES, _ADDRESS_SLOW),
    figures=Figures(
        "throughput_ratio",
        "SELECT m, role, pair, limited FROM transfer_finding WHERE usable ORDER BY m, role, pair",
        _figures,
        _transactions,
    ),
    mechanisms={
        "tls.throttle.sni": "The throughput depends on the name in the client hello.",
        "quic.throttle.sni": "The throughput depends on the name in the QUIC Initial.",
        "http.throttle.host": "The throughput depends on the Host header.",
        "ip.throttle": "Bytes from the address come slowly with any name, and fast from elsewhere.",
    },
    app_words=dict.fromkeys(("tls.throttle", "http.throttle", "quic.throttle"), _SLOWED_DOWN),
    shown_though_ok={"service_address_slow": (4, mark("Pages load slowly."))},
    values=_values,
    no_hop=("tls.throttle.", "http.throttle.", "quic.throttle."),
)
