"""Verify addresses: by a certificate, by a protocol proof, or by a source that no device on the path can forge.

Such sources are encrypted resolvers, the helper and, for OONI's measurements, a list that the operator published.
"""

from probe.analysis.sql.expressions import LIMITED_TTL, counts, same
from probe.analysis.sql.statement import Statement

_NAME, _ADDRESS = ("m", "name"), ("m", "name", "address")
_HERE, _COUNTED = "f.origin = 'probe'", "f.counts_at_control"
_PASSED = f"f.failure IS NULL AND f.followup NOT IN {LIMITED_TTL}"  # searches on the path count what comes back
_CERTIFIED = "(f.tls_shown OR f.quic_shown)"

_FROM_ANSWERS = {
    "authenticated": "origin = 'probe' AND encrypted AND used",
    "from_control": "origin = 'control' AND used",
    "from_system": "at_system AND used",
    "given_here": "origin = 'probe'",
    "published": "origin = 'probe' AND published AND used",
}
_OWN_CERTIFICATE = f"({_CERTIFIED} AND f.tls_verified_name = f.endpoint_host)"
_FROM_FLOWS = {
    "shown_here": f"{_HERE} AND (f.proves_name OR {_OWN_CERTIFICATE})",
    "shown_at_control": f"{_COUNTED} AND (f.proves_name OR {_OWN_CERTIFICATE})",
    "answers_here": f"{_HERE} AND f.payload_proven",
    "answers_at_control": f"{_COUNTED} AND f.payload_proven",
    "tried_here": _HERE,
    "reached_here": f"{_HERE} AND {_PASSED}",
    "works_here": f"{_HERE} AND {_PASSED} AND f.kind <> 'innocuous' AND f.fingerprints = 0",
    "shows_blockpage": f"{_HERE} AND f.fingerprints > 0",
    "shows_foreign": f"{_HERE} AND f.refused_certificate",
    "failed_at_control": f"{_COUNTED} AND f.failure IS NOT NULL AND f.failure_kind <> 'local'",
}
"""Conditions about a flow `f` of an endpoint with the name as its host."""

_FROM_CERTIFICATES = {"shown_here": _HERE, "shown_at_control": _COUNTED}
"""Conditions about a flow `f` of another endpoint in which a certificate was valid for the name."""

_COLUMNS = (*_FROM_ANSWERS, *_FROM_FLOWS)


def _facts(conditions: dict[str, str]) -> str:
    """Return each column as the number of rows that fulfil its condition, 0 for the columns without a condition."""
    return ", ".join(counts({name: conditions[name]}) if name in conditions else f"0 AS {name}" for name in _COLUMNS)


SOURCES = Statement(
    "address_source",
    "What answers and flows say about an address of a name.",
    _ADDRESS,
    "SELECT s.*, x.address_family, x.asn, x.bogon, x.known_forgery FROM (SELECT m, name, address,"
    f" {', '.join(f'max({name}) > 0 AS {name}' for name in _COLUMNS)} FROM ("
    f"SELECT m, name, address, {_facts(_FROM_ANSWERS)} FROM given_address GROUP BY m, name, address"
    f" UNION ALL SELECT f.m, f.endpoint_host, f.address, {_facts(_FROM_FLOWS)}"
    f" FROM flow f WHERE f.endpoint_host <> '' AND ({_HERE} OR {_COUNTED}) GROUP BY f.m, f.endpoint_host, f.address"
    f" UNION ALL SELECT f.m, f.tls_verified_name, f.address, {_facts(_FROM_CERTIFICATES)} FROM flow f"
    f" WHERE {_CERTIFIED} AND f.tls_verified_name <> f.endpoint_host AND ({_HERE} OR {_COUNTED})"
    " GROUP BY f.m, f.tls_verified_name, f.address"
    ") e GROUP BY m, name, address) s JOIN address_fact x ON x.m = s.m AND x.address = s.address",
)


def _certified(side: str) -> str:
    """Return the column of addresses that proved to be the name's."""
    by_protocol = f"s.answers_{side} AND s.authenticated AND COALESCE(p.answers_{side}, 0) = 0 AND w.m IS NULL"
    return f"s.shown_{side} OR ({by_protocol}) AS certified_{side}"


_ANSWERING = counts({f"answers_{side}": f"answers_{side}" for side in ("here", "at_control")})

PROOFS = Statement(
    "address_proof",
    "The addresses that proved to be a name's, by certificate or protocol. If the system resolver's address answers the"
    " protocol too, or is in the same network, both belong to one pool and neither refutes the other.",
    _ADDRESS,
    f"SELECT s.*, {_certified('here')}, {_certified('at_control')} FROM address_source s"
    f" LEFT JOIN (SELECT m, name, {_ANSWERING} FROM address_source WHERE from_system GROUP BY m, name) p"
    f" ON {same('s', 'p', *_NAME)}"
    " LEFT JOIN (SELECT DISTINCT m, name, asn FROM address_source WHERE from_system AND asn <> 0) w"
    f" ON {same('s', 'w', *_NAME, 'asn')}",
)

_PROVEN = "({0}certified_here OR {0}authenticated)"
_SUPPORTED = "({0}certified_at_control OR {0}from_control)"
_NETWORK = (*_NAME, "address_family", "asn")

PROVEN_NETWORKS = Statement(
    "proven_network",
    "Networks (AS) of the addresses that are proven here, by family.",
    _NETWORK,
    f"SELECT DISTINCT {', '.join(_NETWORK)} FROM address_proof WHERE {_PROVEN.format('')} AND asn <> 0",
)

CONTESTED = Statement(
    "contested_address",
    "Addresses that only the control supports, while others of the family are proven in other networks.",
    _ADDRESS,
    "SELECT p.m, p.name, p.address, p.bogon OR p.shows_blockpage OR p.shows_foreign AS refuted FROM address_proof p"
    f" JOIN (SELECT DISTINCT m, name, address_family FROM proven_network) f"
    f" ON {same('p', 'f', *_NAME, 'address_family')}"
    f" LEFT JOIN proven_network w ON {same('p', 'w', *_NETWORK)}"
    f" WHERE {_SUPPORTED.format('p.')} AND NOT {_PROVEN.format('p.')} AND NOT p.works_here"
    " AND (p.bogon OR (p.asn <> 0 AND w.m IS NULL))",
)

_MESSAGE = "m", "n", "q", "d"

CONTRADICTED = Statement(
    "contradicted_address",
    "Contested addresses in datagrams without a proven address, where another datagram for the same query has one.",
    _ADDRESS,
    "SELECT DISTINCT a.m, a.name, a.address FROM contested_address c"
    f" JOIN given_address a ON {same('c', 'a', *_ADDRESS)} AND a.origin = 'probe' AND a.d > 0"
    f" JOIN given_address b ON {same('a', 'b', 'm', 'n', 'q')} AND b.d > 0"
    f" JOIN address_proof p ON {same('b', 'p', *_ADDRESS)} AND {_PROVEN.format('p.')}"
    f" GROUP BY {', '.join(f'a.{column}' for column in (*_MESSAGE, 'name', 'address'))}"
    " HAVING count(*) FILTER (WHERE b.d = a.d) = 0",
)

_VERIFIED = (
    f"{_PROVEN.format('p.')} OR p.published"
    f" OR ({_SUPPORTED.format('p.')} AND NOT COALESCE(c.refuted OR d.m IS NOT NULL, FALSE))"
)

TRUST = Statement(
    "trust",
    "The verified and the doubtful addresses of a name, of all that a source gives or a flow to its endpoints reached.",
    _ADDRESS,
    f"SELECT p.*, c.m IS NOT NULL AS contested, COALESCE(c.refuted OR d.m IS NOT NULL, FALSE) AS refuted,"
    f" {_VERIFIED} AS verified,"
    f" {_SUPPORTED.format('p.')} AND NOT p.certified_here AND NOT p.given_here AS from_control_alone"
    f" FROM address_proof p LEFT JOIN contested_address c ON {same('p', 'c', *_ADDRESS)}"
    f" LEFT JOIN contradicted_address d ON {same('p', 'd', *_ADDRESS)}",
)

VERIFIED = Statement(
    "verified_address",
    "The verified addresses of a name.",
    _ADDRESS,
    "SELECT m, name, address FROM trust WHERE verified",
)

TRUST_STATEMENTS = (SOURCES, PROOFS, PROVEN_NETWORKS, CONTESTED, CONTRADICTED, TRUST, VERIFIED)
