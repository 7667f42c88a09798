"""Who vouches for an address: the target file, a trusted resolver, its network, or the proof that it gave itself."""

import asyncio
from dataclasses import dataclass
from typing import Any

from probe.formats.transactions import Kind
from probe.resolution.lookup import Name
from probe.session.session import Session
from probe.targets.target import Endpoint


@dataclass(frozen=True)
class AddressAttempt:
    """An endpoint at one address. `name` is None for an address that stands in the target file."""

    service: str
    endpoint: Endpoint
    ip: str
    name: Name | None
    kind: Kind = "first"

    @property
    def place(self) -> tuple[str, int]:
        """Where it is tried."""
        return self.ip, self.endpoint.port


class AddressTrust:
    """What is known about addresses in one measurement; whom nobody vouched for is known to the whole run (law 7).

    A helper measures for others: it remembers nothing of what one of them was told.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._approached: dict[str, asyncio.Future[bool]] = {} if session.as_control else session.approached

    def genuine(self, attempt: AddressAttempt) -> bool:
        """Say whether something other than the system resolver vouches for the address."""
        if attempt.name is None:
            return True
        vouched = self.approached(attempt.ip)
        if vouched is not None and vouched.done() and not vouched.cancelled() and vouched.result():
            return True
        return self.corroborated(attempt)

    def corroborated(self, attempt: AddressAttempt) -> bool:
        """Say the same of the target file and of resolvers alone."""
        if attempt.name is None:
            return True
        if self._session.as_control and attempt.ip in attempt.name.given_by({"system"}):
            return True  # outside, the helper's own resolver is what others are compared with
        return attempt.name.corroborates(attempt.ip, self._session.asn_of)

    def approached(self, ip: str) -> "asyncio.Future[bool] | None":
        """The one visit to an address that nobody vouches for: whether it proved itself. None: nobody went there."""
        return self._approached.get(ip)

    def approach(self, ip: str) -> "asyncio.Future[bool]":
        """Begin that visit; whoever made it sets the result."""
        visit = self._approached[ip] = asyncio.get_running_loop().create_future()
        return visit

    def about(self, attempt: AddressAttempt) -> dict[str, Any]:
        """The fields of a transaction's record that say who gave the address."""
        sources = ["literal"] if attempt.name is None else list(attempt.name.sources.get(attempt.ip, []))
        return {"address_sources": sources, "corroborated": self.corroborated(attempt)}
