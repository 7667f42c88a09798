"""Hold everything that a dialogue needs to test one endpoint at one address."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from probe.session.pacing import Pace
from probe.session.session import Session
from probe.session.trace import Transaction
from probe.steps.http.http_answer import HTTPResult
from probe.steps.tls.certificate_checks import Roots
from probe.targets.target import Endpoint

Method = Callable[[Endpoint], str]


@dataclass(frozen=True)
class RequestOptions:
    """Hold what a nettest wants of an HTTP request beyond the method."""

    headers: Mapping[str, str]
    """Headers in addition to the usual ones."""
    limit: int
    """Bytes of a body that are read."""
    shown_as: str | None
    """URL that is recorded in place of the requested one, None for the requested one."""
    public_only: bool
    """A server named the host, so private addresses are not contacted."""
    on_answer: Callable[[Transaction, HTTPResult], None]
    """Receives each answer with its transaction."""


@dataclass(frozen=True)
class Exchange:
    """Hold one attempt: an endpoint at one address (`ip`, a literal) in one transaction.

    `turn` is awaited before the first packet that shows the endpoint's name or payload, because an innocuous hello
    goes first (P8). The connection may be made earlier, because a SYN shows no name.
    `confirm` selects the longer time limits.
    """

    tx: Transaction
    session: Session
    roots: Roots
    endpoint: Endpoint
    ip: str
    method: Method
    confirm: bool
    turn: Callable[[], Awaitable[None]]
    options: RequestOptions | None = None

    @property
    def pace(self) -> Pace:
        return self.session.pace

    async def trigger(self) -> None:
        """Wait for `turn` and count one trigger. Raise OurFault when the trigger budget is spent (P7)."""
        await self.turn()
        endpoint = self.endpoint
        self.pace.spend_trigger(endpoint.host, self.ip, endpoint.carrier, endpoint.port)
        self.tx.record.trigger = True


Dialogue = Callable[[Exchange], Awaitable[None]]
"""A dialogue returns when the proof was received and raises StepFailed otherwise."""

TOKEN_LENGTH = 12  # bytes, by which the helper's echo and the probe recognise a datagram

FirstMessage = Callable[[Endpoint, bytes], bytes]
"""Build the first message to an endpoint around a token of `TOKEN_LENGTH` bytes."""
