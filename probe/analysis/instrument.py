"""Faults of the instrument: failures that follow the version of the software, and not the network."""

from collections import defaultdict
from collections.abc import Iterable

from probe.analysis.verdicttable import VerdictTable

SHARE = 0.8
LEAST = 5  # measurements of each side on shared ground
NETWORKS = 2

SOFTWARE = "software_name || ' ' || software_version"
# Of services that several versions measured: without another there is nothing to hold a version against.
_STRATA = f"""
SELECT service, network, day, name, software, failed, n FROM (
  SELECT *, MIN(software) OVER (PARTITION BY service) AS one, MAX(software) OVER (PARTITION BY service) AS another
  FROM (
    SELECT service, probe_cc || ' ' || probe_asn AS network, day, software_name AS name, {SOFTWARE} AS software,
      SUM(CASE WHEN state = 'ok' THEN 0 ELSE 1 END) AS failed, COUNT(*) AS n
    FROM verdicts WHERE valid AND state <> 'insufficient' GROUP BY 1, 2, 3, 4, 5) AS strata
  ) AS compared
WHERE one <> another"""

_Ground = tuple[str, str, str]  # network, day, name of the software


def suspects(table: VerdictTable) -> list[tuple[str, str]]:
    """(service, software with version) whose failures the instrument made.

    A version is one if it fails nearly everywhere, and nearly always also where other versions of the same software, on
    the same network and the same day, nearly always find the service working. The same day: a block that begins as a
    version spreads would else look like its fault. The same software: one that looks deeper sees more, and is right.
    Thresholds are ours, not fitted: SHARE, LEAST, NETWORKS.
    """
    grounds: dict[str, dict[_Ground, dict[str, tuple[int, int]]]] = defaultdict(lambda: defaultdict(dict))
    for service, network, day, name, software, failed, n in table.select(_STRATA):
        grounds[service][network, day, name][software] = (failed, n)
    return [
        (service, software)
        for service, strata in sorted(grounds.items())
        for software in sorted({version for counts in strata.values() for version in counts})
        if _is_fault(software, strata)
    ]


def _is_fault(software: str, strata: dict[_Ground, dict[str, tuple[int, int]]]) -> bool:
    everywhere = [counts[software] for counts in strata.values() if software in counts]
    shared = {place: counts for place, counts in strata.items() if software in counts and len(counts) > 1}
    mine = _sum(counts[software] for counts in shared.values())
    others = _sum(count for counts in shared.values() for version, count in counts.items() if version != software)
    return (
        len({network for network, *_ in shared}) >= NETWORKS
        and min(mine[1], others[1]) >= LEAST
        and others[0] <= (1 - SHARE) * others[1]
        and all(failed >= SHARE * n for failed, n in (mine, _sum(everywhere)))
    )


def _sum(counts: Iterable[tuple[int, int]]) -> tuple[int, int]:
    pairs = list(counts)
    return sum(failed for failed, _ in pairs), sum(n for _, n in pairs)
