"""Make the address row from the linked flows, and apply the rules about addresses."""

import re
from collections.abc import Mapping
from dataclasses import fields

from probe.analysis.features.rows import PARTS_OF_ADDRESSES, AddressRow
from probe.analysis.observations.failure_kinds import LOCAL, TIMEOUT
from probe.analysis.phenomena.phenomenon import by_short_name
from probe.analysis.pipeline.rule_facts import decided
from probe.analysis.sql.statement import Statement
from probe.analysis.sql.subject import KEY, SUBJECT, same_subject
from probe.formats.failures import NETWORK_UNREACHABLE

_AGGREGATES = {
    column.name: column.metadata["sql"]
    for column in fields(AddressRow)
    if re.match(r"(count|COALESCE\((min|max)|(COALESCE\()?substr\(max)\(", column.metadata["sql"])
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


def _joined(*tables: Mapping[str, str]) -> str:
    """Return the joins of tables that phenomena name, each with its short name."""
    return "".join(
        f" LEFT JOIN {table} {short} ON {same_subject(short, 's')}" for short, table in by_short_name(*tables).items()
    )


ADDRESS_COUNTS = Statement(
    "address_count",
    "The columns of the address row that count linked flows.",
    SUBJECT,
    f"SELECT {_SUBJECT},\n{_COUNTED}\nFROM (SELECT {KEY} FROM subject) s"
    f"{_joined(*(part.compared for part in PARTS_OF_ADDRESSES))}"
    f" LEFT JOIN linked k ON {same_subject('k', 's')}"
    f" LEFT JOIN differential d ON {same_subject('d', 'k')} AND d.of_role = k.role AND d.of_n = k.n"
    f" GROUP BY {_SUBJECT}",
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

_VERIFIED_NETWORK = "SELECT DISTINCT m, name, asn FROM trust WHERE verified AND asn <> 0"
"""The networks (AS) of the verified addresses of a name."""

ADDRESS_ROWS = Statement(
    "address_row",
    "The columns that the rules about an address read.",
    SUBJECT,
    f"SELECT {_SUBJECT}, s.first_n,\n{_COLUMNS}\nFROM subject s JOIN network w ON w.m = s.m"
    f" JOIN network_then t ON {same_subject('t', 's')}"
    f" JOIN address_count c ON {same_subject('c', 's')}"
    " LEFT JOIN family y ON y.m = s.m AND y.family = s.address_family"
    " LEFT JOIN trust v ON v.m = s.m AND v.name = s.host AND v.address = s.address"
    " LEFT JOIN address_fact g ON g.m = s.m AND g.address = s.address"
    f" LEFT JOIN ({_VERIFIED_NETWORK}) x ON x.m = s.m AND x.name = s.host AND x.asn = g.asn"
    f" LEFT JOIN resolver_count d ON {same_subject('d', 's')}"
    f"{_joined(*(part.compared | part.joined for part in PARTS_OF_ADDRESSES))}",
)

ADDRESS_DECIDED = decided(
    "address_decided",
    "The rule of each table that holds for an address.",
    AddressRow,
    (*SUBJECT, "first_n"),
    "address_row",
)

ADDRESS_STATEMENTS = (ADDRESS_COUNTS, RESOLVER_COUNTS, ADDRESS_ROWS, ADDRESS_DECIDED)
