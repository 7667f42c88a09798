"""Twins at the helper's echo: is it the payload that is dropped, is it UDP, or does merely nobody answer there?"""

from dataclasses import dataclass

from probe.analysis.features.verified_addresses import Verified
from probe.analysis.observations.failure_kinds import TIMEOUT, kind_of
from probe.analysis.observations.rows import Observation
from probe.formats.calls import EchoPayload
from probe.targets.target import Endpoint

_RETRANSMITTED = 2  # one lost datagram is no silence


@dataclass(frozen=True)
class Twins:
    """What became of the endpoint's own datagram and of one of no protocol, at one port of the helper's echo."""

    same: tuple[Observation, ...] = ()
    other: tuple[Observation, ...] = ()

    def rows(self) -> tuple[Observation, ...]:
        return self.same + self.other


def twins_of(endpoint: Endpoint, address: str, proofs: Verified) -> Twins:
    """The twins that tell about an endpoint: one pair serves all endpoints of its kind.

    Both are of one port, the endpoint's own where the helper echoes there, and of the address's family if possible.
    """
    payload = endpoint.facts.echo_payload
    same = [row for row in proofs.probe.followups("same_payload_echo") if _is_echo(row, payload)] if payload else []
    other = [row for row in proofs.probe.followups("other_payload_echo") if _is_echo(row, "other")] if payload else []
    ports = [row.echo_port for row in (*same, *other)]
    if not ports:
        return Twins()
    port = endpoint.port if endpoint.port in ports else ports[0]
    family = 6 if ":" in address else 4
    here = [row for row in (*same, *other) if row.echo_port == port]
    here = [row for row in here if row.family == family] or here
    return Twins(tuple(row for row in here if row in same), tuple(row for row in here if row in other))


def _is_echo(row: Observation, payload: EchoPayload) -> bool:
    """The label must not contradict what was sent: what a record says the wire must not deny."""
    return row.echo_attempts > 0 and row.echo_payload == payload


def echoed(rows: tuple[Observation, ...]) -> int:
    """How many came back."""
    return sum(row.echo_echoed for row in rows)


def silent(rows: tuple[Observation, ...]) -> int:
    """How many drew nothing though they were sent again, where no earlier trigger can be the reason (law 8)."""
    return sum(
        kind_of(row.echo_failure) == TIMEOUT and row.echo_sent >= _RETRANSMITTED and not row.in_residual for row in rows
    )
