"""The system's answers against the control's, as OONI's probe 0.5 compares them (reference/ooni.md 4.5)."""

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
    """One host's lookup here (addresses with their networks, 0 unknown) and at the control (None: nobody asked)."""

    addresses: dict[str, int]
    failure: str | None
    control: dict[str, int] | None = None
    control_failure: str | None = None

    @property
    def failed_as_expected(self) -> bool:
        """Whether the control found nothing either."""
        nothing = self.control is not None and not self.control
        return self.failure is not None and nothing and (self.control_failure is not None or self._no_answer)

    @property
    def failed_unexpectedly(self) -> bool:
        return self.failure is not None and self.control is not None and not self.failed_as_expected

    @property
    def only_here(self) -> bool:
        """Whether addresses came here and none at the control."""
        return bool(self.addresses) and self.control is not None and not self.control

    @property
    def valid(self) -> bool:
        """Whether an address, or a network, is one of the control's too."""
        theirs = self.control or {}
        networks = set(theirs.values()) - {0}
        return any(ip in theirs or asn in networks for ip, asn in self.addresses.items())

    @property
    def bogons(self) -> bool:
        """Whether a bogon came that the control did not get."""
        return any(is_bogon(ip) and ip not in (self.control or {}) for ip in self.addresses)

    @property
    def invalid(self) -> bool:
        return bool(self.addresses) and bool(self.control) and (not self.valid or self.bogons)

    @property
    def loopback(self) -> bool:
        """Whether all there is are this computer's own addresses."""
        return _only_loopback(self.addresses)

    @property
    def control_loopback(self) -> bool:
        return _only_loopback(self.control or {})

    @property
    def _no_answer(self) -> bool:
        return self.failure == f.DNS_NO_ANSWER


def lookup_of(queries: Sequence[DNSQuery], answer: dict[str, Any] | None, literal: str = "") -> Lookup:
    """Bring together the system's queries for a host and the helper's answer; `literal`: the host is this address."""
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
    """OONI's `dns_consistency`; None where nothing can be compared."""
    if lookup.control is None:
        return None
    if lookup.invalid or lookup.failed_unexpectedly or lookup.only_here:
        return "inconsistent"
    return "consistent" if lookup.valid or lookup.failed_as_expected else None


def dns_flags(lookup: Lookup, *, proven: bool) -> int:
    """OONI's `x_dns_flags`; `proven`: a certificate here shows that the addresses are the host's after all."""
    strange = (lookup.invalid or lookup.only_here) and not proven
    return BOGON * lookup.bogons | FAILED * lookup.failed_unexpectedly | UNEXPECTED * strange


def _only_loopback(addresses: dict[str, int]) -> bool:
    return bool(addresses) and all(ipaddress.ip_address(ip).is_loopback for ip in addresses)
