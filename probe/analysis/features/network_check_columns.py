"""Read the checks of the network during a run, and what those near in time to an attempt show (evidence_age.py)."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from probe.analysis.observations.failure_kinds import TIMEOUT, UNREACHABLE, kind_of
from probe.analysis.observations.flat_measurement import FlatMeasurement, neutral_key
from probe.analysis.observations.lenient_json import address as as_address
from probe.analysis.observations.lenient_json import failure, flag, seconds, seconds_or_none, table, tables, text
from probe.targets.target import family_of

CONNECT = "connect"
NO_ANSWER = frozenset({TIMEOUT, UNREACHABLE})
FEWEST_SILENT = 2  # neutral hosts of one family, which an access line with loss makes silent
FEWEST_IN_VAIN = 3  # addresses. Fewer may be silent by chance and answer the second contact of a check.

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
        """Return whether no neutral host of the family answered.

        A check takes seconds and contacts some addresses twice. If it reached each of them in vain once, the network
        was lost at that time, even if it came back meanwhile.
        """
        hosts = self.hosts(family)
        in_vain = {text(host.get("address")) for host in self.failed_by_family[family] if unreached(host)}
        if not in_vain or any(text(host.get("address")) not in in_vain for host in hosts):
            return False
        return len(in_vain) >= FEWEST_IN_VAIN or all(map(unreached, hosts))

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


def working_families(measurement: FlatMeasurement) -> frozenset[int]:
    """Return the address families (4, 6) that work here. If the measurement is silent, IPv4 works and IPv6 does not."""
    families = table(measurement.run.get("families"))
    found = {4: flag(families.get("ipv4"), True), 6: flag(families.get("ipv6"))}
    return frozenset(family for family, works in found.items() if works)


def proven_families(measurement: FlatMeasurement) -> frozenset[int]:
    """Return the working families over which some host proved its identity with packets of the run's size.

    In a measurement that does not say so, every working family was proven. A family is not proven where large packets
    may be lost and this system refused smaller ones. One proof may then have come in small packets by chance.
    """
    preflight = table(measurement.run.get("preflight"))
    refused = table(preflight.get("mtu")).get("refused")
    return frozenset(
        family
        for family in working_families(measurement)
        if flag(preflight.get(f"ipv{family}_proven"), True) and not (isinstance(refused, list) and family in refused)
    )


def families_with_outage(check: NetworkCheck, measurement: FlatMeasurement, proven: frozenset[int]) -> frozenset[int]:
    """Return the proven families in which a check did not reach a neutral host, though it reached others.

    A host that failed at the control too is down for all networks, so it does not count. A host without a
    result over the other family counts for that family too, because the outage may hold for both.
    """
    working = working_families(measurement)
    silent = [host for family in working for host in check.failed_by_family[family] if unreached(host)]
    lost = [host for host in silent if neutral_key(host) not in measurement.control_neutral_failed]
    if not lost:
        return frozenset()
    answered = {
        (text(host.get("endpoint")), family) for family in working for host in check.hosts(family) if host not in silent
    }
    return frozenset(
        family for family in proven if any((text(host.get("endpoint")), family) not in answered for host in lost)
    )


def is_lossy(preflight: NetworkCheck, proven: frozenset[int]) -> bool:
    """Return whether the access line lost packets to neutral hosts of a proven family before the run."""
    return any(map(preflight.lossy, proven))


LONG_QUEUE = 0.3  # seconds that eight answers waited in the access line's queue, in the median
LONG_ROUND_TRIP = 1.25  # seconds. The longest time limit of a step, 10 s, is eight of these.


def is_slow_line(measurement: FlatMeasurement) -> bool:
    """Return whether answers lay in a long queue of the access line, or every round trip was long.

    A queue that is this long fills up and drops packets, and repeated packets come after a step's time limit. Our own
    flows filled it. If other users filled it before the run, all round trips are long. A measurement that does not say
    so has neither.
    """
    line = table(measurement.run.get("access_line"))
    return seconds(line.get("queueing")) >= LONG_QUEUE or seconds(line.get("round_trip")) >= LONG_ROUND_TRIP
