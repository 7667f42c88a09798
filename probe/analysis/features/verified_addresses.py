"""Which addresses are a name's own: proven by a certificate, or given by a source that nobody on the path can forge."""

from collections.abc import Callable, Iterable
from functools import wraps

from probe.analysis.observations.index import Rows, endpoint_of
from probe.analysis.observations.rows import CONTROL, PROBE, FlatMeasurement, Observation, Query
from probe.targets.dialects import ENCRYPTED_RESOLVERS

_SECOND_LEVELS = frozenset({"ac", "co", "com", "edu", "gov", "net", "org"})


def _remembered(
    ask: Callable[["Verified", str], frozenset[str]],
) -> Callable[["Verified", str], frozenset[str]]:
    """Work out once for each name; kept in the object itself, so that it goes when its line goes."""

    @wraps(ask)
    def answer(proofs: "Verified", name: str) -> frozenset[str]:
        key = (ask.__name__, name)
        if key not in proofs.known:
            proofs.known[key] = ask(proofs, name)
        return proofs.known[key]

    return answer


def same_site(one: str, other: str) -> bool:
    """Say whether two host names belong to one registrable domain, as far as their last labels tell."""
    return _site(one) == _site(other)


def _site(host: str) -> tuple[str, ...]:
    labels = tuple(host.split("."))
    deep = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVELS
    return labels[-3:] if deep else labels[-2:]


def tls_valid(row: Observation, name: str) -> bool:
    """Say whether the handshake ended with a certificate that was judged, and is valid for `name`."""
    return row.tls_attempts > 0 and row.tls_failure is None and _verified(row, name)


def quic_valid(row: Observation, name: str) -> bool:
    """The same of a handshake over QUIC."""
    return row.quic_attempts > 0 and row.quic_failure is None and _verified(row, name)


def _verified(row: Observation, name: str) -> bool:
    return row.tls_completed and bool(name) and row.tls_verified_name == name


class Verified:
    """What one line proves about addresses. Counting only the control's rows that its own preflight allows.

    `probe` and `control` are all rows of each side, `counted` the control's attempts that count: of a family (and over
    UDP) that its own preflight found working. Family 0 is an attempt at an address that the helper does not tell: then
    one that works is enough.
    """

    def __init__(self, line: FlatMeasurement) -> None:
        self.known: dict[tuple[str, str], frozenset[str]] = {}
        self.probe = Rows(row for row in line.rows if row.origin == PROBE)
        self.control = Rows(row for row in line.rows if row.origin == CONTROL)
        self._families = line.control_families
        udp = line.control_udp or any(map(_answered_by_datagram, self.control.all))
        self.counted = Rows(
            row for row in self.control.all if self._family_counts(row.family) and (udp or not _by_datagram(row))
        )
        self.neutral_over_quic = frozenset(row.address for row in self.probe.all if _is_neutral_over_quic(row))
        self._asns = {
            ip: asn
            for row in line.rows
            for query in row.queries
            for answer in (query.answer, *query.datagrams)
            for ip, asn in zip(answer.addresses, answer.asns, strict=True)
            if asn
        }

    def _family_counts(self, family: int) -> bool:
        return self._families.get(family, False) if family else any(self._families.values())

    def asked(self, name: str, engines: frozenset[str] | None = None) -> list[Query]:
        """The probe's questions for `name`, of these engines or all."""
        return [query for _, query in self.probe.asked(name) if engines is None or query.engine in engines]

    def control_asked(self, name: str) -> list[Query]:
        """The control's questions for `name`."""
        return [query for _, query in self.control.asked(name)]

    def asn(self, ip: str) -> int:
        """The network that the line says an address is in; 0 if it does not say."""
        return self._asns.get(ip, 0)

    def vouched_for(self, name: str, ip: str) -> bool:
        """Say whether an address is in the network (AS) of one that is proven to be the name's."""
        return self.asn(ip) != 0 and any(self.asn(genuine) == self.asn(ip) for genuine in self.genuine(name))

    @_remembered
    def certified_here(self, name: str) -> frozenset[str]:
        """Addresses that proved here that they are the name's."""
        return _certified(self.probe, name) | self._answering(self.probe, name)

    @_remembered
    def certified_at_control(self, name: str) -> frozenset[str]:
        """Addresses that proved it to the control."""
        return _certified(self.counted, name) | self._answering(self.counted, name)

    @_remembered
    def authenticated(self, name: str) -> frozenset[str]:
        """Addresses that came encrypted from a resolver."""
        return _given(self.asked(name, ENCRYPTED_RESOLVERS))

    @_remembered
    def from_control(self, name: str) -> frozenset[str]:
        """Addresses that the control's own resolver gave."""
        return _given(self.control_asked(name))

    @_remembered
    def genuine(self, name: str) -> frozenset[str]:
        """All of these; not by the probe's own `corroborated`: a neighbour in the network may be a forged answer."""
        return (
            self.certified_here(name)
            | self.certified_at_control(name)
            | self.authenticated(name)
            | self.from_control(name)
        )

    def _answering(self, rows: Rows, name: str) -> frozenset[str]:
        """Where an encrypted resolver's answer speaks the name's protocol, and the system's, elsewhere, does not.

        STUN, TURN and SIP have no certificate outside TLS. Where the system's answer speaks it too, or lies in the same
        network, the two are machines of one pool, and neither refutes the other.
        """
        speaking = {row.address for row in rows.of_host(name) if row.payload_proven}
        given = _given(query for query in self.asked(name) if query.resolver == "system")
        networks = {self.asn(ip) for ip in given} - {0}
        if speaking & given:
            return frozenset()
        return frozenset(ip for ip in speaking & self.authenticated(name) if self.asn(ip) not in networks)


def _proves_name(row: Observation) -> bool:
    """Whether the row passed a payload that nobody but the name's own server can answer."""
    endpoint = endpoint_of(row.endpoint)
    return row.payload_proven and endpoint is not None and endpoint.facts.payload_authenticates


def _is_neutral_over_quic(row: Observation) -> bool:
    """Whether a neutral host showed its own certificate over QUIC, which preflight asks nobody for."""
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
