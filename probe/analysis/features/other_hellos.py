"""The target's name in other hellos than the one that died: like a browser's, and our own at another length."""

from dataclasses import dataclass

from probe.analysis.features.verified_addresses import Verified, tls_valid
from probe.analysis.observations.failure_kinds import is_local, kind_of
from probe.analysis.observations.rows import Observation
from probe.targets.target import Endpoint


@dataclass(frozen=True)
class OtherHellos:
    """What became of them at an endpoint's addresses of one family, and of the very hello that died, said again."""

    browser: tuple[Observation, ...] = ()
    other_size: tuple[Observation, ...] = ()
    again: tuple[Observation, ...] = ()
    harmless: tuple[Observation, ...] = ()  # a harmless name in a browser's

    def rows(self) -> tuple[Observation, ...]:
        return self.browser + self.other_size + self.again + self.harmless

    def browser_died(self, kind: str) -> int:
        """How many of a browser's died, if all in this way, and a harmless name in one was answered afterwards."""
        alive = [row for row in self.harmless if row.tls_answered]
        if any(kind_of(row.tls_failure) != kind or row.tls_answered for row in self.browser):
            return 0
        return sum(any(row.address == dead.address and row.t0 >= dead.t0 for row in alive) for dead in self.browser)

    def browser_passed(self, host: str) -> int:
        """How many of a browser's came to a certificate that is valid for the name, before ours died again."""
        return sum(tls_valid(row, host) and self._died_after(row) for row in self.browser)

    def other_size_passed(self) -> int:
        """How many of another length were answered, before ours died again."""
        return sum(row.tls_answered and self._died_after(row) for row in self.other_size)

    def _died_after(self, passed: Observation) -> bool:
        """Without that an outage may have ended between our hello's last failure and what passed."""
        failed = (row for row in self.again if row.tls_failure is not None and not is_local(row.tls_failure))
        return any(row.address == passed.address and row.t0 >= passed.t0 and not row.tls_answered for row in failed)


def other_hellos_of(endpoint: Endpoint, address: str, target: tuple[Observation, ...], proofs: Verified) -> OtherHellos:
    """The hellos that tell about an endpoint at an address; one of its family serves all. `target`: its own there.

    The label must not contradict what was sent: another engine's hello, another length than all of ours.
    """
    family = 6 if ":" in address else 4
    near = [r for r in proofs.probe.of_endpoint(endpoint.url) if r.family == family and r.tls_attempts > 0]
    said = [row for row in near if row.tls_name == endpoint.host]
    engines = {row.tls_engine for row in target if row.tls_attempts > 0}
    lengths = {row.tls_hello_length for row in target if row.tls_attempts > 0}
    return OtherHellos(
        tuple(row for row in said if row.followup == "browser_hello" and row.tls_engine not in engines),
        tuple(row for row in said if row.followup == "other_size_hello" and row.tls_hello_length not in lengths),
        tuple(row for row in said if row.followup == "same_hello_again" and row.tls_engine in engines),
        tuple(row for row in near if _is_innocuous(row, endpoint) and row.tls_engine not in engines),
    )


def _is_innocuous(row: Observation, endpoint: Endpoint) -> bool:
    return row.followup == "harmless_browser_hello" and endpoint.host not in {row.sent_name, row.tls_name}
