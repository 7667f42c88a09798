"""Compare the system's DNS answers with the control's as OONI's probe 0.5 does (ooni/probe-cli 7cb22410)."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from probe.formats import failures as f
from probe.formats.entries import DNSQuery
from probe.signatures.bogons import is_bogon

Consistency = Literal["consistent", "inconsistent"]
BOGON, FAILED, UNEXPECTED = 1, 2, 4  # x_dns_flags


@dataclass(frozen=True)
class Lookup:
    """Hold one host's lookup here (addresses with their AS, 0 if unknown) and at the control (None without one)."""

    addresses: dict[str, int]
    failure: str | None
    control: dict[str, int] | None = None
    control_failure: str | None = None

    @property
    def failed_as_expected(self) -> bool:
        """Tell whether the control found no address either."""
        nothing = self.control is not None and not self.control
        return self.failure is not None and nothing and (self.control_failure is not None or self._no_answer)

    @property
    def failed_unexpectedly(self) -> bool:
        return self.failure is not None and self.control is not None and not self.failed_as_expected

    @property
    def only_here(self) -> bool:
        """Tell whether addresses were found here and none at the control."""
        return bool(self.addresses) and self.control is not None and not self.control

    @property
    def valid(self) -> bool:
        """Tell whether an address or its network is also one of the control's."""
        theirs = self.control or {}
        networks = set(theirs.values()) - {0}
        return any(ip in theirs or asn in networks for ip, asn in self.addresses.items())

    @property
    def bogons(self) -> bool:
        """Tell whether the answer has a bogon that the control did not get."""
        return any(is_bogon(ip) and ip not in (self.control or {}) for ip in self.addresses)

    @property
    def invalid(self) -> bool:
        return bool(self.addresses) and bool(self.control) and (not self.valid or self.bogons)

    @property
    def loopback(self) -> bool:
        """Tell whether all answers are loopback addresses."""
        return _only_loopback(self.addresses)

    @property
    def control_loopback(self) -> bool:
        return _only_loopback(self.control or {})

    @property
    def _no_answer(self) -> bool:
        return self.failure == f.DNS_NO_ANSWER


def lookup_of(queries: Sequence[DNSQuery], answer: dict[str, Any] | None, literal: str = "") -> Lookup:
    """Combine the system's queries for a host with the helper's answer. `literal`: the host is this address."""
    given = {a.address: a.asn or 0 for query in queries for a in query.answers if a.address}
    failed = [query.failure for query in queries if query.failure is not None]
    failure = failed[0] if failed and not given else None
    if literal:
        return Lookup({literal: 0}, None, {literal: 0})
    said = (answer or {}).get("dns")
    if not isinstance(said, dict):
        return Lookup(given, failure)
    networks = (answer or {}).get("ip_info") or {}
    theirs = {str(ip): int((networks.get(ip) or {}).get("asn") or 0) for ip in said.get("addrs") or []}
    return Lookup(given, failure, theirs, said.get("failure"))


def consistency(lookup: Lookup) -> Consistency | None:
    """Return OONI's `dns_consistency`, or None if nothing can be compared."""
    if lookup.control is None:
        return None
    if lookup.invalid or lookup.failed_unexpectedly or lookup.only_here:
        return "inconsistent"
    return "consistent" if lookup.valid or lookup.failed_as_expected else None


def dns_flags(lookup: Lookup, *, proven: bool) -> int:
    """Return OONI's `x_dns_flags`. `proven`: a certificate here shows that the addresses belong to the host."""
    strange = (lookup.invalid or lookup.only_here) and not proven
    return BOGON * lookup.bogons | FAILED * lookup.failed_unexpectedly | UNEXPECTED * strange


def _only_loopback(addresses: dict[str, int]) -> bool:
    return bool(addresses) and all(ipaddress.ip_address(ip).is_loopback for ip in addresses)
