"""Hold what a neutral host showed, and what that proves of the network."""

import statistics
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from probe.formats import failures as f
from probe.formats.facts import NeutralHost
from probe.steps.tls.certificate_checks import Roots, judge_chain
from probe.targets.target import Endpoint, family_of


@dataclass
class NeutralResult:
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
    home: bool = False  # in the country of the run, so that it shows nothing about the way abroad
    segment_size: int = 0  # longest TCP segment in bytes, 0: the system's
    lost_request: bool = False  # a request that fills a segment got no answer, after a complete handshake

    @classmethod
    def unanswered(cls, endpoint: Endpoint, ip: str, segment_size: int = 0, home: bool = False) -> "NeutralResult":
        """Return the result of a visit that has not ended."""
        return cls(
            endpoint, ip, failure=f.TIMEOUT, failed_operation="tls_handshake", segment_size=segment_size, home=home
        )

    @property
    def family(self) -> Literal[4, 6]:
        return family_of(self.ip)

    @property
    def place(self) -> tuple[str, str]:
        """Return endpoint and address, which are the same for visits with other segments."""
        return self.endpoint.url, self.ip

    def judge(self, chain: list[bytes], date: datetime | None, roots: Roots) -> None:
        """Check the chain by our clock and, if that fails, by the server's. This separates a wrong clock from a
        forgery.
        """
        if date is not None:
            self.skew = (date - datetime.now(UTC)).total_seconds()
        if not chain:
            self.failure = f.SSL_FAILED_HANDSHAKE
            return
        verdict = judge_chain(chain, self.endpoint.host, roots)
        self.failure, self.trusted_by_machine = verdict.failure, verdict.trusted_by_machine
        self.proven = verdict.failure is None
        self.failed_operation = None if self.proven else "tls_handshake"
        if verdict.failure == f.SSL_INVALID_CERTIFICATE and date is not None:
            self.proven = judge_chain(chain, self.endpoint.host, roots, date).failure is None

    def written(self) -> NeutralHost:
        """Return the form that is written to x_run.preflight."""
        return NeutralHost(
            endpoint=self.endpoint.url,
            address=self.ip,
            family=self.family,
            failure=self.failure,
            trusted_by_machine=self.trusted_by_machine,
            failed_operation=self.failed_operation,
            connect_only=self.connect_only or None,
            segment_size=self.segment_size or None,
            home=self.home or None,
        )

    def answered(self) -> bool:
        """Tell whether the host itself, or a censor of its flows, answered.

        A sender of forged certificates may be a device in the local network, so that it shows nothing.
        """
        return self.proven or (self.connected and self.failure not in f.CERTIFICATE_FAILURES)

    def went_on(self) -> bool:
        """Tell whether more than the connect was answered. A middlebox can complete connects for every address (P4)."""
        return self.proven or (self.answered() and not self.connect_only and self.failure != f.TIMEOUT)

    def cut_off(self) -> bool:
        """Tell whether a host abroad accepted a connection, and its handshake was cut off or silent."""
        no_answer = self.failure in f.CUT_OFF | f.SILENT and self.failed_operation == "tls_handshake"
        return no_answer and self.connected and not self.home


def median_skew(neutral: list[NeutralResult]) -> float | None:
    """Return the neutral hosts' clocks minus ours, to a minute. The exact error of a clock identifies a computer."""
    skews = [one.skew for one in neutral if one.proven and one.skew is not None]
    return round(statistics.median(skews) / 60) * 60.0 if skews else None


def intercepted(neutral: list[NeutralResult]) -> bool:
    """Tell whether all chains are refused by the public roots and trusted by this machine."""
    judged = [one for one in neutral if one.proven or one.failure in f.CERTIFICATE_FAILURES]
    return bool(judged) and all(one.trusted_by_machine and not one.proven for one in judged)
