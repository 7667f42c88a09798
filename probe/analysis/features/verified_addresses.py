"""Verify addresses: by a certificate, by a protocol proof, or by a source that no device on the path can forge."""

from collections.abc import Callable, Iterable, Iterator
from functools import wraps

from probe.analysis.observations.failure_kinds import CERTIFICATE, kind_of
from probe.analysis.observations.index import Rows, endpoint_of
from probe.analysis.observations.rows import CONTROL, PROBE, FlatMeasurement, Observation, Query
from probe.signatures.bogons import is_bogon
from probe.targets.dialects import ENCRYPTED_RESOLVERS
from probe.targets.target import family_of

_SECOND_LEVELS = frozenset({"ac", "co", "com", "edu", "gov", "net", "org"})


def _cached(
    compute: Callable[["Verified", str], frozenset[str]],
) -> Callable[["Verified", str], frozenset[str]]:
    """Compute a result once per name. The cache is part of the object, so that it is freed with its measurement."""

    @wraps(compute)
    def answer(proofs: "Verified", name: str) -> frozenset[str]:
        key = (compute.__name__, name)
        if key not in proofs.cache:
            proofs.cache[key] = compute(proofs, name)
        return proofs.cache[key]

    return answer


def same_site(one: str, other: str) -> bool:
    """Return whether two host names belong to one registrable domain, as far as their last labels show."""
    return _site(one) == _site(other)


def _site(host: str) -> tuple[str, ...]:
    labels = tuple(host.split("."))
    deep = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVELS
    return labels[-3:] if deep else labels[-2:]


def tls_valid(row: Observation, name: str) -> bool:
    """Return whether the TLS handshake completed with a certificate that is valid for `name`."""
    return row.tls_attempts > 0 and row.tls_failure is None and _verified(row, name)


def quic_valid(row: Observation, name: str) -> bool:
    """Return whether the QUIC handshake completed with a certificate that is valid for `name`."""
    return row.quic_attempts > 0 and row.quic_failure is None and _verified(row, name)


def _verified(row: Observation, name: str) -> bool:
    return row.tls_completed and bool(name) and row.tls_verified_name == name


class Verified:
    """Hold what one measurement proves about addresses.

    `probe` and `control` are all rows of each side. `counted` are the control's attempts of a family and transport that
    its own preflight found working. Family 0 is an attempt whose address the helper does not report. It counts if any
    family works.
    """

    def __init__(self, measurement: FlatMeasurement) -> None:
        self.cache: dict[tuple[str, str], frozenset[str]] = {}
        self.probe = Rows(row for row in measurement.rows if row.origin == PROBE)
        self.control = Rows(row for row in measurement.rows if row.origin == CONTROL)
        self._families = measurement.control_families
        udp = measurement.control_udp or any(map(_answered_by_datagram, self.control.all))
        self.counted = Rows(
            row for row in self.control.all if self._family_counts(row.family) and (udp or not _by_datagram(row))
        )
        self.neutral_over_quic = tuple(row for row in self.probe.all if _is_neutral_over_quic(row))
        self._asns = {
            ip: asn
            for row in (*self.control.all, *self.probe.all)  # our own table comes last and counts
            for query in row.queries
            for answer in (query.answer, *query.datagrams)
            for ip, asn in zip(answer.addresses, answer.asns, strict=True)
            if asn
        }

    def _family_counts(self, family: int) -> bool:
        return self._families.get(family, False) if family else any(self._families.values())

    def asked(self, name: str, engines: frozenset[str] | None = None) -> list[Query]:
        """Return the probe's queries for `name`, of these engines or all."""
        return [query for _, query in self.probe.asked(name) if engines is None or query.engine in engines]

    def control_asked(self, name: str) -> list[Query]:
        """Return the control's queries for `name`."""
        return [query for _, query in self.control.asked(name)]

    def asn(self, ip: str) -> int:
        """Return the AS number that the measurement gives for an address, 0 if it gives none."""
        return self._asns.get(ip, 0)

    def in_verified_network(self, name: str, ip: str) -> bool:
        """Return whether an address is in the network (AS) of a verified address of the name."""
        return self.asn(ip) != 0 and any(self.asn(verified) == self.asn(ip) for verified in self.verified(name))

    @_cached
    def certified_here(self, name: str) -> frozenset[str]:
        """Return the addresses that proved here to be the name's, by certificate or protocol."""
        return _certified(self.probe, name) | self._proven_by_protocol(self.probe, name)

    @_cached
    def certified_at_control(self, name: str) -> frozenset[str]:
        """Return the addresses that proved to the control to be the name's."""
        return _certified(self.counted, name) | self._proven_by_protocol(self.counted, name)

    @_cached
    def authenticated(self, name: str) -> frozenset[str]:
        """Return the addresses from encrypted resolvers (DoT, DoH)."""
        return _given(self.asked(name, ENCRYPTED_RESOLVERS))

    @_cached
    def from_control(self, name: str) -> frozenset[str]:
        """Return the addresses from the control's resolver."""
        return _given(self.control_asked(name))

    @_cached
    def verified(self, name: str) -> frozenset[str]:
        """Return all verified addresses.

        The record's `corroborated` does not count, because an address in the same network may be a forged answer.
        """
        return self._proven_here(name) | self._supported_by_control(name) - self.refuted(name)

    @_cached
    def contested(self, name: str) -> frozenset[str]:
        """Return the addresses that only the control supports, while others of the family are proven in other networks.

        A false helper can confirm a forged answer. An honest one can have been sent to another network. An address that
        works here, or whose network is unknown, may be in the same pool as a proven one.
        """
        proven = self._proven_here(name)
        networks = {(family_of(ip), self.asn(ip)) for ip in proven if self.asn(ip)}
        families = {family for family, _ in networks}
        working = {row.address for row in self.probe.of_host(name) if _works(row)}
        doubtful = (ip for ip in self._supported_by_control(name) - proven - working if family_of(ip) in families)
        return frozenset(
            ip for ip in doubtful if is_bogon(ip) or (self.asn(ip) and (family_of(ip), self.asn(ip)) not in networks)
        )

    @_cached
    def refuted(self, name: str) -> frozenset[str]:
        """Return the contested addresses that something seen here speaks against. The control's word is not enough."""
        here = self.probe.of_host(name)
        false = {row.address for row in here if row.http_fingerprints or refused_certificate(row)}
        false |= set(_contradicted(self.asked(name), self._proven_here(name)))
        return frozenset(ip for ip in self.contested(name) if ip in false or is_bogon(ip))

    @_cached
    def _proven_here(self, name: str) -> frozenset[str]:
        return self.certified_here(name) | self.authenticated(name)

    @_cached
    def _supported_by_control(self, name: str) -> frozenset[str]:
        return self.certified_at_control(name) | self.from_control(name)

    @_cached
    def from_control_alone(self, name: str) -> frozenset[str]:
        """Return the verified addresses that no resolver here gave and nothing here proves.

        A false helper can name any address, and claim that it works. So a failure there accuses nothing by itself.
        """
        here = {
            ip for query in self.asked(name) for answer in (query.answer, *query.datagrams) for ip in answer.addresses
        }
        return self._supported_by_control(name) - self.certified_here(name) - here

    def _proven_by_protocol(self, rows: Rows, name: str) -> frozenset[str]:
        """Return addresses from encrypted resolvers that answer the protocol, unlike those of the system resolver.

        STUN, TURN and SIP have no certificate without TLS. If the system resolver's address answers the protocol too,
        or is in the same network, both belong to one pool and neither refutes the other.
        """
        answering = {row.address for row in rows.of_host(name) if row.payload_proven}
        given = _given(query for query in self.asked(name) if query.resolver == "system")
        networks = {self.asn(ip) for ip in given} - {0}
        if answering & given:
            return frozenset()
        return frozenset(ip for ip in answering & self.authenticated(name) if self.asn(ip) not in networks)


def _works(row: Observation) -> bool:
    """Return whether the server answered the target's own name, and with no known block page."""
    return row.failure is None and row.kind != "innocuous" and not row.http_fingerprints


def refused_certificate(row: Observation) -> bool:
    """Return whether the server showed a certificate that is not valid for the name."""
    return CERTIFICATE in {kind_of(row.tls_failure), kind_of(row.quic_failure)}


def _contradicted(queries: Iterable[Query], proven: frozenset[str]) -> Iterator[str]:
    """Yield the addresses of answers beside which another answer to the same query has a proven address."""
    for query in queries:
        if any(proven.intersection(datagram.addresses) for datagram in query.datagrams):
            for datagram in query.datagrams:
                yield from () if proven.intersection(datagram.addresses) else datagram.addresses


def _proves_name(row: Observation) -> bool:
    """Return whether the row passed a payload that only the name's own server can answer."""
    endpoint = endpoint_of(row.endpoint)
    return row.payload_proven and endpoint is not None and endpoint.facts.payload_authenticates


def _is_neutral_over_quic(row: Observation) -> bool:
    """Return whether a neutral host showed its own certificate over QUIC, which the preflight does not test."""
    return row.followup == "neutral_name_neutral_host" and quic_valid(row, row.sent_name)


def _by_datagram(row: Observation) -> bool:
    endpoint = endpoint_of(row.endpoint)
    return endpoint is not None and endpoint.carrier == "udp"


def _answered_by_datagram(row: Observation) -> bool:
    return _by_datagram(row) and (row.payload_proven or (row.quic_attempts > 0 and row.quic_failure is None))


def _certified(rows: Rows, name: str) -> frozenset[str]:
    shown = {row.address for row in rows.verified(name) if tls_valid(row, name) or quic_valid(row, name)}
    return frozenset(shown.union(row.address for row in rows.of_host(name) if _proves_name(row)))


def _given(queries: Iterable[Query]) -> frozenset[str]:
    return frozenset(ip for query in queries if query.answer.failure is None for ip in query.answer.addresses)
