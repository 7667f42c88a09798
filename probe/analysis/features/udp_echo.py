"""Read the echo pair: the failed datagram and a random one, both sent to the helper's UDP echo.

The pair shows whether the payload is dropped, whether UDP is dropped, or whether only the server is silent.
"""

from dataclasses import dataclass

from probe.analysis.features.verified_addresses import Verified
from probe.analysis.observations.failure_kinds import TIMEOUT, kind_of
from probe.analysis.observations.rows import Observation
from probe.formats.calls import EchoPayload
from probe.targets.target import Endpoint, family_of

_RETRANSMITTED = 2  # one lost datagram is no silence


@dataclass(frozen=True)
class EchoPair:
    """Hold the rows of the endpoint's own datagram (`same`) and the random one (`other`), at one port of the echo."""

    same: tuple[Observation, ...] = ()
    other: tuple[Observation, ...] = ()

    def rows(self) -> tuple[Observation, ...]:
        """Return all rows."""
        return self.same + self.other


def echo_pair_of(endpoint: Endpoint, address: str, proofs: Verified) -> EchoPair:
    """Return the echo pair that serves an endpoint. One pair serves all endpoints of its kind.

    Both datagrams went to one port: the endpoint's own if the helper echoes there. The family is the address's if
    possible.
    """
    payload = endpoint.facts.echo_payload
    same = [row for row in proofs.probe.followups("same_payload_echo") if _is_echo(row, payload)] if payload else []
    other = [row for row in proofs.probe.followups("other_payload_echo") if _is_echo(row, "other")] if payload else []
    ports = [row.echo_port for row in (*same, *other)]
    if not ports:
        return EchoPair()
    port = endpoint.port if endpoint.port in ports else ports[0]
    family = family_of(address)
    here = [row for row in (*same, *other) if row.echo_port == port]
    here = [row for row in here if row.family == family] or here
    return EchoPair(tuple(row for row in here if row in same), tuple(row for row in here if row in other))


def _is_echo(row: Observation, payload: EchoPayload) -> bool:
    """Return whether the entry confirms the follow-up's label: what was sent is `payload`."""
    return row.echo_attempts > 0 and row.echo_payload == payload


def echoed(rows: tuple[Observation, ...]) -> int:
    """Count the datagrams that came back."""
    return sum(row.echo_echoed for row in rows)


def silent(rows: tuple[Observation, ...]) -> int:
    """Count the datagrams without an answer that were sent repeatedly, outside residual windows (P8)."""
    return sum(
        kind_of(row.echo_failure) == TIMEOUT and row.echo_sent >= _RETRANSMITTED and not row.in_residual for row in rows
    )
