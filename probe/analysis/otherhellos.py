"""The target's name in other hellos than the one that died: like a browser's, and our own at another length."""

from dataclasses import dataclass

from probe.analysis.kinds import is_local
from probe.analysis.observations import Observation
from probe.analysis.proofs import Proofs, tls_valid
from probe.targets import Endpoint


@dataclass(frozen=True)
class OtherHellos:
    """What became of them at an endpoint's addresses of one family, and of the very hello that died, said again."""

    browser: tuple[Observation, ...] = ()
    other_size: tuple[Observation, ...] = ()
    again: tuple[Observation, ...] = ()

    def rows(self) -> tuple[Observation, ...]:
        return self.browser + self.other_size + self.again

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


def other_hellos_of(endpoint: Endpoint, address: str, target: tuple[Observation, ...], proofs: Proofs) -> OtherHellos:
    """The hellos that tell about an endpoint at an address; one of its family serves all. `target`: its own there.

    The label must not contradict what was sent: another engine's hello, another length than all of ours.
    """
    here = (endpoint.url, endpoint.host, 6 if ":" in address else 4)
    said = [row for row in proofs.probe if (row.endpoint, row.tls_name, row.family) == here and row.tls_attempts > 0]
    engines = {row.tls_engine for row in target if row.tls_attempts > 0}
    lengths = {row.tls_hello_length for row in target if row.tls_attempts > 0}
    return OtherHellos(
        tuple(row for row in said if row.followup == "browser_hello" and row.tls_engine not in engines),
        tuple(row for row in said if row.followup == "other_size_hello" and row.tls_hello_length not in lengths),
        tuple(row for row in said if row.followup == "same_hello_again" and row.tls_engine in engines),
    )
