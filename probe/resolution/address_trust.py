"""Decide whether an address is verified: by the target file, a trusted resolver, its network, or its own proof."""

import asyncio
from dataclasses import dataclass

from probe.formats.transactions import Kind
from probe.resolution.lookup import Name
from probe.resolution.visits import Visit
from probe.session.flow_slots import Priority
from probe.session.session import Session
from probe.targets.target import Endpoint


@dataclass(frozen=True)
class AddressAttempt:
    """Hold an endpoint at one address. `name` is None if the address stands in the target file."""

    service: str
    endpoint: Endpoint
    ip: str
    name: Name | None
    kind: Kind = "first"
    priority: Priority = Priority.LATER

    @property
    def place(self) -> tuple[str, int]:
        return self.ip, self.endpoint.port


class AddressTrust:
    """Hold what is known about addresses in one measurement. Visits to unverified addresses count for the run (P7).

    A helper measures for several users. It keeps visits only for one measurement.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._visits: dict[str, asyncio.Future[bool]] = {} if session.as_control else session.approached

    def is_verified(self, attempt: AddressAttempt) -> bool:
        """Return whether anything but the system resolver supports the address."""
        return attempt.name is None or self.visit_state(attempt.ip) == "verified" or self.is_corroborated(attempt)

    def is_corroborated(self, attempt: AddressAttempt) -> bool:
        """Return whether the target file or a trusted resolver supports the address."""
        if attempt.name is None:
            return True
        if self._session.as_control and attempt.ip in attempt.name.given_by({"system"}):
            return True  # the helper's own resolver is the reference for the probe's answers
        return attempt.name.corroborates(attempt.ip, self._session.asn_of)

    def visit(self, ip: str) -> "asyncio.Future[bool] | None":
        """Return the one visit to an unverified address, None if there was none. It returns True if it verified it."""
        return self._visits.get(ip)

    def visit_state(self, ip: str) -> Visit:
        """Return what the visit to the address has come to."""
        visit = self._visits.get(ip)
        if visit is None:
            return "none"
        if not visit.done():
            return "under_way"
        return "verified" if not visit.cancelled() and visit.result() else "in_vain"

    def begin_visit(self, ip: str) -> None:
        self._visits[ip] = asyncio.get_running_loop().create_future()

    def end_visit(self, ip: str, *, verified: bool) -> None:
        """Note what the visit came to. Only the first call counts."""
        if (visit := self._visits.get(ip)) is not None and not visit.done():
            visit.set_result(verified)

    def sources(self, attempt: AddressAttempt) -> list[str]:
        """Return the sources of the address, as records show them."""
        return ["literal"] if attempt.name is None else list(attempt.name.sources.get(attempt.ip, []))
