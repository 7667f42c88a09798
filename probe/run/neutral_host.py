"""Hold what a neutral host showed in the preflight, and what that proves of the network."""

from dataclasses import dataclass

from probe.formats import failures as f
from probe.formats.facts import NeutralHost
from probe.targets.target import Endpoint, family_of


@dataclass
class Neutral:
    """Hold what one neutral host showed at one address. `proven`: its chain is valid by our clock or its own."""

    endpoint: Endpoint
    ip: str
    failure: str | None = None
    failed_operation: str | None = None  # the step that failed
    connected: bool = False
    connect_only: bool = False  # no handshake follows
    trusted_by_machine: bool | None = None
    proven: bool = False
    skew: float | None = None  # the server's clock minus ours, seconds

    def written(self) -> NeutralHost:
        """Return the form that is written to x_run.preflight."""
        return NeutralHost(
            endpoint=self.endpoint.url,
            address=self.ip,
            family=family_of(self.ip),
            failure=self.failure,
            trusted_by_machine=self.trusted_by_machine,
            failed_operation=self.failed_operation,
            connect_only=self.connect_only or None,
        )

    def answered(self) -> bool:
        """Tell whether the host itself, or a censor of its flows, answered.

        A sender of forged certificates may be a device in the local network, so that it shows nothing.
        """
        return self.proven or (self.connected and self.failure not in f.CERTIFICATE_FAILURES)

    def went_on(self) -> bool:
        """Tell whether more than the connect was answered. A middlebox can complete connects for every address (P4)."""
        return self.proven or (self.answered() and not self.connect_only and self.failure != f.TIMEOUT)
