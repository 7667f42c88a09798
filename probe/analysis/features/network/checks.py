"""Read the checks of the network during a run, and what those near in time to an attempt show (evidence_age.py)."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from probe.analysis.observations.failure_kinds import TIMEOUT, UNREACHABLE, kind_of
from probe.analysis.observations.lenient_json import address as as_address
from probe.analysis.observations.lenient_json import failure, flag, seconds_or_none, table, tables
from probe.analysis.observations.rows import FlatMeasurement
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

    @cached_property
    def by_family(self) -> dict[int, list[Host]]:
        """Return the results of the neutral hosts by address family, without those in the country of the run."""
        found: dict[int, list[Host]] = {4: [], 6: []}
        for host in tables(self.facts.get("neutral")):
            if flag(host.get("home")):
                continue
            found[family_of(as_address(host.get("address")))].append(host)
        return found

    @cached_property
    def failed_by_family(self) -> dict[int, list[Host]]:
        """Return the results of the neutral hosts that failed, by address family."""
        return {
            family: [host for host in hosts if host.get("failure") is not None]
            for family, hosts in self.by_family.items()
        }

    def hosts(self, family: int) -> list[Host]:
        """Return the results of the neutral hosts of a family."""
        return self.by_family[family]

    def lost(self, family: int) -> bool:
        """Return whether no neutral host of the family answered."""
        failed = self.failed_by_family[family]
        return bool(failed) and len(failed) == len(self.hosts(family)) and all(map(unreached, failed))

    def unproven(self, family: int) -> bool:
        """Return whether every neutral host of the family failed to prove its identity, so that packets may be lost."""
        if not self.failed_by_family[family]:
            return False
        tested = [host for host in self.hosts(family) if not flag(host.get("connect_only"))]
        return bool(tested) and all(host.get("failure") is not None for host in tested)

    def lossy(self, family: int) -> bool:
        """Return whether packets to neutral hosts of the family were lost, so that silence proves little.

        One silent host of several shows a fault near that host. Measurements without `failed_operation` had three hosts
        and do not distinguish silence from other failures. One failure suffices there.
        """
        failed = self.failed_by_family[family]
        silent = [host for host in failed if kind_of(failure(host.get("failure"))) in NO_ANSWER]
        if any("failed_operation" not in host for host in failed):
            return True
        return len(silent) >= FEWEST_SILENT or (bool(silent) and 2 * len(silent) >= len(self.hosts(family)))


def unreached(host: Host) -> bool:
    """Return whether the connect to a neutral host got no answer, or an ICMP error."""
    return host.get("failed_operation") == CONNECT and kind_of(failure(host.get("failure"))) in NO_ANSWER


def checks_of(measurement: FlatMeasurement) -> tuple[NetworkCheck, ...]:
    """Return the preflight, then the later checks."""
    preflight = table(measurement.run.get("preflight"))
    later = tables(measurement.run.get("network_checks"))
    return tuple(NetworkCheck(seconds_or_none(facts.get("began")), facts) for facts in (preflight, *later))
