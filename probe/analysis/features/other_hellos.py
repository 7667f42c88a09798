"""Read the flows with the target's name in other client hellos: a browser's, ours at another length, or with ECH."""

from dataclasses import dataclass, field

from probe.analysis.features.hellos_with_ech import HellosWithECH, hellos_with_ech_of
from probe.analysis.features.network.checks import NeutralHosts
from probe.analysis.features.rows import AddressRow
from probe.analysis.features.verified_addresses import Verified, tls_valid
from probe.analysis.observations.failure_kinds import RESET, TIMEOUT, is_local, kind_of
from probe.analysis.observations.rows import Observation
from probe.targets.target import Endpoint, family_of


@dataclass(frozen=True)
class OtherHellos:
    """Hold the flows with other hellos to an endpoint's addresses of one family."""

    browser: tuple[Observation, ...] = ()
    other_size: tuple[Observation, ...] = ()
    again: tuple[Observation, ...] = ()  # the failed hello, repeated unchanged
    innocuous: tuple[Observation, ...] = ()  # an innocuous name in a browser's hello
    ech: HellosWithECH = field(default_factory=HellosWithECH)

    def rows(self) -> tuple[Observation, ...]:
        """Return all rows."""
        return tuple(dict.fromkeys(self.browser + self.other_size + self.again + self.innocuous + self.ech.rows()))

    def browser_failed(self, kind: str) -> int:
        """Count the browser hellos that failed in this way before one with an innocuous name was answered.

        The count is 0 unless all of them failed in this way, without Encrypted ClientHello too.
        """
        if not self.ech.without_fails_too(kind):
            return 0
        answered = [row for row in self.innocuous if row.tls_answered]
        if any(kind_of(row.tls_failure) != kind or row.tls_answered for row in self.browser):
            return 0
        return sum(
            any(row.address == failed.address and row.t0 >= failed.t0 for row in answered) for failed in self.browser
        )

    def browser_passed(self, host: str) -> int:
        """Count the browser hellos that got a certificate valid for the name before our hello failed again."""
        return sum(tls_valid(row, host) and self._failed_after(row) for row in self.browser)

    def other_size_passed(self) -> int:
        """Count the hellos of another length that were answered before our hello failed again."""
        return sum(row.tls_answered and self._failed_after(row) for row in self.other_size)

    def _failed_after(self, passed: Observation) -> bool:
        """Return whether our hello failed again after the row passed. Otherwise an outage may have ended in between."""
        failed = (row for row in self.again if row.tls_failure is not None and not is_local(row.tls_failure))
        return any(row.address == passed.address and row.t0 >= passed.t0 and not row.tls_answered for row in failed)


def other_hellos_of(endpoint: Endpoint, address: str, target: tuple[Observation, ...], proofs: Verified) -> OtherHellos:
    """Return the other hellos that serve an endpoint at an address. One of the address's family serves all.

    `target` are the endpoint's own attempts at the address. A row counts only if its entry confirms the follow-up's
    label: another engine sent the hello, or its length differs from all our hellos.
    """
    family = family_of(address)
    near = [row for row in proofs.probe.of_endpoint(endpoint.url) if row.family == family and row.tls_attempts > 0]
    named = [row for row in near if row.tls_name == endpoint.host]
    engines = {row.tls_engine for row in target if row.tls_attempts > 0}
    lengths = {row.tls_hello_length for row in target if row.tls_attempts > 0}
    return OtherHellos(
        tuple(row for row in named if row.followup == "browser_hello" and row.tls_engine not in engines),
        tuple(row for row in named if row.followup == "other_size_hello" and row.tls_hello_length not in lengths),
        tuple(row for row in named if row.followup == "same_hello_again" and row.tls_engine in engines),
        tuple(row for row in near if _is_innocuous(row, endpoint) and row.tls_engine not in engines),
        hellos_with_ech_of(endpoint, address, target, proofs),
    )


def count_hellos(row: AddressRow, endpoint: Endpoint, hellos: OtherHellos, neutral: NeutralHosts) -> None:
    """Count the results of the name in other client hellos."""
    row.browser_passed = hellos.browser_passed(endpoint.host)
    row.browser_resets, row.browser_timeouts = hellos.browser_failed(RESET), hellos.browser_failed(TIMEOUT)
    row.other_size_passed = hellos.other_size_passed()
    ech = hellos.ech.at_neutral_hosts(neutral)
    row.ech_resets, row.ech_timeouts = ech.fails_with_any_name(RESET), ech.fails_with_any_name(TIMEOUT)
    row.ech_name_resets, row.ech_name_timeouts = ech.fails_with_name(RESET), ech.fails_with_name(TIMEOUT)


def _is_innocuous(row: Observation, endpoint: Endpoint) -> bool:
    return row.followup == "harmless_browser_hello" and endpoint.host not in {row.sent_name, row.tls_name}
