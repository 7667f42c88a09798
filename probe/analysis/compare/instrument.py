"""Find faults of the measuring software: failures that follow its version and not the network."""

from typing import NamedTuple

from probe.analysis.compare.verdict_table import VerdictTable

SHARE = 0.8
LEAST = 5  # measurements of each side, on the same network and day
NETWORKS = 2  # networks on which both sides measured

SOFTWARE = "software_name || ' ' || software_version"
# Failures of each version in all measurements, and in shared ones: networks and days where other versions of the same
# software measured too. The failures of these other versions stand beside them.
_VERSIONS = f"""
SELECT service, software, SUM(failed), SUM(n),
  COUNT(DISTINCT CASE WHEN versions > 1 THEN network END),
  SUM(CASE WHEN versions > 1 THEN failed ELSE 0 END), SUM(CASE WHEN versions > 1 THEN n ELSE 0 END),
  SUM(all_failed - failed), SUM(all_n - n)
FROM (
  SELECT *, COUNT(*) OVER (PARTITION BY service, network, day, name) AS versions,
    SUM(failed) OVER (PARTITION BY service, network, day, name) AS all_failed,
    SUM(n) OVER (PARTITION BY service, network, day, name) AS all_n
  FROM (
    SELECT service, probe_cc || ' ' || probe_asn AS network, day, software_name AS name, {SOFTWARE} AS software,
      SUM(CASE WHEN state = 'ok' THEN 0 ELSE 1 END) AS failed, COUNT(*) AS n
    FROM verdicts WHERE valid AND state NOT IN ('insufficient', 'filtered_locally') GROUP BY 1, 2, 3, 4, 5) AS counts
  ) AS grounds
GROUP BY 1, 2 ORDER BY 1, 2"""


class _Version(NamedTuple):
    """Hold one version's failures of one service: in all measurements, in shared ones, and those of other versions."""

    service: str
    software: str
    failed: int
    n: int
    networks: int
    shared_failed: int
    shared_n: int
    others_failed: int
    others_n: int

    def is_fault(self) -> bool:
        """Return True if the version nearly always fails, also on networks where other versions nearly never fail."""
        return (
            self.networks >= NETWORKS
            and min(self.shared_n, self.others_n) >= LEAST
            and self.others_failed <= (1 - SHARE) * self.others_n
            and self.shared_failed >= SHARE * self.shared_n
            and self.failed >= SHARE * self.n
        )


def suspects(table: VerdictTable) -> list[tuple[str, str]]:
    """Return (service, software with version) of the faulty versions.

    A version is faulty if it fails nearly everywhere, and other versions nearly always succeed on the same network and
    day. The day must be equal, since a block that begins while a version spreads would look like its fault. Only
    versions of the same software are compared, since another one may test deeper layers. The thresholds SHARE, LEAST
    and NETWORKS are design values, not fitted to data.
    """
    versions = [_Version(*row) for row in table.select(_VERSIONS)]
    return [(version.service, version.software) for version in versions if version.is_fault()]
