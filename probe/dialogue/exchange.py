"""A talk: everything that is needed to open one endpoint at one address and say what its scheme says."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from probe.session.pacing import Pace
from probe.session.session import Session
from probe.session.trace import Transaction
from probe.steps.http.http_answer import HTTPResult
from probe.steps.tls.certificates import Roots
from probe.targets.target import Endpoint

Method = Callable[[Endpoint], str]


@dataclass(frozen=True)
class RequestOptions:
    """What a nettest wants of its requests beyond the method, and who hears each answer, with its transaction.

    `headers`: further ones. `limit`: bytes of a body. `shown_as`: how the URL is written down, None for as it is.
    `public_only`: a server named the host, and must not lead into a private network.
    """

    headers: Mapping[str, str]
    limit: int
    shown_as: str | None
    public_only: bool
    heard: Callable[[Transaction, HTTPResult], None]


@dataclass(frozen=True)
class Exchange:
    """One endpoint at one address (`ip`, a literal) in one transaction. `confirm` asks for the longer time limits.

    `turn` is awaited before anything with the endpoint's own name or payload leaves: a harmless hello goes first (law
    8), and its connection may be made meanwhile, for a SYN carries no name.
    """

    tx: Transaction
    session: Session
    roots: Roots
    endpoint: Endpoint
    ip: str
    method: Method
    confirm: bool
    turn: Callable[[], Awaitable[None]]
    errand: RequestOptions | None = None

    @property
    def pace(self) -> Pace:
        return self.session.pace

    async def trigger(self) -> None:
        """Wait for our turn, and count what is about to be sent. Raises OurFault when law 7's budget is spent."""
        await self.turn()
        endpoint = self.endpoint
        self.pace.spend_trigger(endpoint.host, self.ip, endpoint.carrier, endpoint.port)
        self.tx.record.trigger = True


Dialogue = Callable[[Exchange], Awaitable[None]]
"""Opens, and says what the scheme says; returns when the proof has come, raises StepFailed when it has not."""
