"""Read which address families work in a measurement's network, and which of them a check found disturbed."""

from probe.analysis.features.network.checks import NetworkCheck, unreached
from probe.analysis.observations.lenient_json import flag, table, text
from probe.analysis.observations.rows import FlatMeasurement, neutral_key


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
