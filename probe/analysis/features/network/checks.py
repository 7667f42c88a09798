"""Read the checks of the network during a run, and what those near in time to an attempt show (evidence_age.py)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from probe.analysis.observations.failure_kinds import TIMEOUT, UNREACHABLE, kind_of
from probe.analysis.observations.lenient_json import address as as_address
from probe.analysis.observations.lenient_json import failure, flag, seconds_or_none, table, tables
from probe.analysis.observations.rows import FlatMeasurement, Observation
from probe.signatures.evidence_age import NEUTRAL_PROOF, RESOLVER_FACTS, AgeLimit, Span, in_time
from probe.targets.target import family_of

CONNECT = "connect"
NO_ANSWER = frozenset({TIMEOUT, UNREACHABLE})
FEWEST_SILENT = 2  # neutral hosts of one family, which an access line with loss makes silent

Host = dict[str, Any]


@dataclass(frozen=True)
class NetworkCheck:
    """Hold one check: `facts` as in x_run.preflight. `began` is None in measurements from before it was written."""

    began: float | None
    facts: dict[str, Any]

    def hosts(self, family: int) -> list[Host]:
        """Return the results of the neutral hosts of a family."""
        return [
            host for host in tables(self.facts.get("neutral")) if family_of(as_address(host.get("address"))) == family
        ]

    def lost(self, family: int) -> bool:
        """Return whether no neutral host of the family answered."""
        hosts = self.hosts(family)
        return bool(hosts) and all(map(unreached, hosts))

    def unproven(self, family: int) -> bool:
        """Return whether every neutral host of the family failed to prove its identity, so that packets may be lost."""
        tested = [host for host in self.hosts(family) if not flag(host.get("connect_only"))]
        return bool(tested) and all(host.get("failure") is not None for host in tested)

    def lossy(self, family: int) -> bool:
        """Return whether packets to neutral hosts of the family were lost, so that silence proves little.

        One silent host of several shows a fault near that host. Measurements without `failed_operation` had three hosts
        and do not distinguish silence from other failures. One failure suffices there.
        """
        hosts = self.hosts(family)
        failed = [host for host in hosts if host.get("failure") is not None]
        silent = [host for host in failed if kind_of(failure(host.get("failure"))) in NO_ANSWER]
        if any("failed_operation" not in host for host in failed):
            return True
        return len(silent) >= FEWEST_SILENT or (bool(silent) and 2 * len(silent) >= len(hosts))

    def result_of(self, address: str) -> Host | None:
        """Return the result of a neutral host's address that was to show its certificate, None without one."""
        hosts = tables(self.facts.get("neutral"))
        tested = (host for host in hosts if not flag(host.get("connect_only")))
        return next((host for host in tested if as_address(host.get("address")) == address), None)


def unreached(host: Host) -> bool:
    """Return whether the connect to a neutral host got no answer, or an ICMP error."""
    return host.get("failed_operation") == CONNECT and kind_of(failure(host.get("failure"))) in NO_ANSWER


def checks_of(measurement: FlatMeasurement) -> tuple[NetworkCheck, ...]:
    """Return the preflight, then the later checks."""
    preflight = table(measurement.run.get("preflight"))
    later = tables(measurement.run.get("network_checks"))
    return tuple(NetworkCheck(seconds_or_none(facts.get("began")), facts) for facts in (preflight, *later))


def near(checks: Iterable[NetworkCheck], spans: Sequence[Span], limit: AgeLimit) -> list[NetworkCheck]:
    """Return the checks that are near enough in time to any of the spans."""
    return [check for check in checks if in_time(check.began, spans, limit)]


def resolver_facts(measurement: FlatMeasurement, spans: Sequence[Span]) -> dict[str, Any]:
    """Return the preflight's facts without those about resolvers that are too old for the lookups here.

    A non-resolver that answered is evidence against an accusation and stays.
    """
    facts = table(measurement.run.get("preflight"))
    if not spans or in_time(seconds_or_none(facts.get("began")), spans, RESOLVER_FACTS):
        return facts
    kept = {"dark_answers": True} if flag(facts.get("dark_answers")) else {}
    return {key: value for key, value in facts.items() if key not in {"resolver", "dark_answers"}} | kept


@dataclass(frozen=True)
class NeutralHosts:
    """Know which neutral hosts worked when a flow with another name or payload was sent to them."""

    checks: tuple[NetworkCheck, ...]
    over_quic: tuple[Observation, ...]  # flows in which a neutral host showed its own certificate

    def worked(self, row: Observation) -> bool:
        """Return whether the host of a flow showed its certificate near in time.

        The last check before the flow decides. A check after it may fail by residual censorship, and counts only if it
        succeeded.
        """
        span = ((row.t0, row.t),)
        if any(each.address == row.address and in_time(each.t0, span, NEUTRAL_PROOF) for each in self.over_quic):
            return True
        results = [
            (check.began is None or check.began <= row.t0, host.get("failure") is None)
            for check in near(self.checks, span, NEUTRAL_PROOF)
            if (host := check.result_of(row.address)) is not None
        ]
        before = [fine for is_before, fine in results if is_before]
        return before[-1:] == [True] or any(fine for is_before, fine in results if not is_before)
