"""Make the address row from the linked flows, and apply the rules about addresses."""

import re
from dataclasses import fields

from probe.analysis.features.rows import AddressRow
from probe.analysis.observations.failure_kinds import LOCAL, TIMEOUT
from probe.analysis.pipeline.addresses.linked import KEY
from probe.analysis.pipeline.addresses.subjects import SUBJECT, same_subject
from probe.analysis.pipeline.feature_table import decided
from probe.analysis.pipeline.statement import Statement
from probe.formats.failures import NETWORK_UNREACHABLE

_AGGREGATES = {
    column.name: column.metadata["sql"]
    for column in fields(AddressRow)
    if re.match(r"(count|(COALESCE\()?substr\(max)\(", column.metadata["sql"])
}
_FIRST_FAILURE = "CASE first_layer " + " ".join(
    f"WHEN '{layer}' THEN {layer}_failure" for layer in ("tcp", "quic", "payload")
)
_BESIDE = {
    "no_route": f"count(*) FILTER (WHERE role = 'target' AND {_FIRST_FAILURE} END = '{NETWORK_UNREACHABLE}')",
    "silent": f"count(*) FILTER (WHERE role = 'target' AND failure_kind = '{TIMEOUT}')",
    "failed_otherwise": f"count(*) FILTER (WHERE role = 'target' AND failure_kind NOT IN ('', '{LOCAL}', '{TIMEOUT}'))",
}
_SUBJECT = ", ".join(f"s.{column}" for column in SUBJECT)
_COUNTED = ",\n".join(f"  {sql} AS {name}" for name, sql in (_AGGREGATES | _BESIDE).items())

ADDRESS_COUNTS = Statement(
    "address_count",
    "The columns of the address row that count linked flows.",
    SUBJECT,
    f"SELECT {_SUBJECT},\n{_COUNTED}\nFROM (SELECT {KEY} FROM subject) s"
    f" LEFT JOIN linked k ON {same_subject('k', 's')} GROUP BY {_SUBJECT}",
)

NONEXISTENT = Statement(
    "nonexistent_count",
    "How many flows with a non-existent name failed before a known one passed.",
    SUBJECT,
    f"SELECT {KEY}, count(*) FILTER (WHERE role = 'nonexistent_here') AS here,"
    " count(*) FILTER (WHERE role = 'nonexistent_neutral') AS at_neutral"
    f" FROM passed_later GROUP BY {KEY}",
)

_KINDS = {"denied": "nxdomain", "refused": "refused", "broken": "servfail"}
RESOLVER_COUNTS = Statement(
    "resolver_count",
    "What the attempts at a resolver that is a target got, by kind of answer.",
    SUBJECT,
    "SELECT k.m, k.endpoint, k.address, count(*) FILTER (WHERE r.is_false) AS answers_false,"
    " count(*) FILTER (WHERE r.bogon) AS answers_bogons, count(*) FILTER (WHERE r.elsewhere) AS answers_elsewhere,"
    " count(*) FILTER (WHERE r.forged_first) AS answers_forged_first, "
    + ", ".join(f"count(*) FILTER (WHERE r.kind = '{kind}') AS answers_{name}" for name, kind in _KINDS.items())
    + ", sum(r.trusted) AS answers_trusted FROM linked k JOIN resolver_answer r ON r.m = k.m AND r.n = k.n"
    " WHERE k.role = 'target' AND k.payload_tested GROUP BY k.m, k.endpoint, k.address",
)

_SILENCE_PROVES = "NOT (w.drops OR w.slow OR t.in_outage OR t.unproven) AND COALESCE(y.proven, FALSE)"


def _column(name: str, sql: str) -> str:
    """Return the column. Silence is not counted where packets are lost without interference.

    The access line loses them or is slow, or a part of the Internet is not reachable. In a family without a proven host
    all large packets may be lost, since answers to a connect are small.
    """
    value = f"c.{name}" if name in _AGGREGATES else sql
    return f"CASE WHEN {_SILENCE_PROVES} THEN {value} ELSE 0 END" if name.endswith(("_timeouts", "_silent")) else value


_COLUMNS = ",\n".join(f"  {_column(each.name, each.metadata['sql'])} AS {each.name}" for each in fields(AddressRow))

ADDRESS_ROWS = Statement(
    "address_row",
    "The columns that the rules about an address read.",
    SUBJECT,
    f"SELECT {_SUBJECT}, s.first_n,\n{_COLUMNS}\nFROM subject s JOIN network w ON w.m = s.m"
    f" JOIN network_then t ON {same_subject('t', 's')} JOIN hello_result h ON {same_subject('h', 's')}"
    f" JOIN address_count c ON {same_subject('c', 's')}"
    " LEFT JOIN family y ON y.m = s.m AND y.family = s.address_family"
    " LEFT JOIN trust v ON v.m = s.m AND v.name = s.host AND v.address = s.address"
    " LEFT JOIN address_fact g ON g.m = s.m AND g.address = s.address"
    " LEFT JOIN verified_network x ON x.m = s.m AND x.name = s.host AND x.asn = g.asn"
    f" LEFT JOIN compared_certificate r ON {same_subject('r', 's')}"
    f" LEFT JOIN proven_elsewhere p ON {same_subject('p', 's')} LEFT JOIN forged_answer a ON {same_subject('a', 's')}"
    f" LEFT JOIN nonexistent_count n ON {same_subject('n', 's')}"
    f" LEFT JOIN resolver_count d ON {same_subject('d', 's')}"
    f" LEFT JOIN transfer_result i ON {same_subject('i', 's')}"
    f" LEFT JOIN parallel_result l ON {same_subject('l', 's')}"
    f" LEFT JOIN spacing_result q ON {same_subject('q', 's')}",
)

ADDRESS_DECIDED = decided(
    "address_decided",
    "The rule of each table that holds for an address.",
    AddressRow,
    (*SUBJECT, "first_n"),
    "address_row",
)

ADDRESS_STATEMENTS = (ADDRESS_COUNTS, NONEXISTENT, RESOLVER_COUNTS, ADDRESS_ROWS, ADDRESS_DECIDED)
