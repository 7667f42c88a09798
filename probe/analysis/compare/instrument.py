"""Faults of the instrument: failures that follow the version of the software, and not the network."""

from typing import NamedTuple

from probe.analysis.compare.verdict_table import VerdictTable

SHARE = 0.8
LEAST = 5  # measurements of each side on shared ground
NETWORKS = 2

SOFTWARE = "software_name || ' ' || software_version"
# How often each version failed, everywhere; and where another version of the same software stood on the same ground,
# how often it did, and how often the others.
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
    FROM verdicts WHERE valid AND state <> 'insufficient' GROUP BY 1, 2, 3, 4, 5) AS counts
  ) AS grounds
GROUP BY 1, 2 ORDER BY 1, 2"""


class _Version(NamedTuple):
    """What one version found of one service: failures and measurements everywhere, on shared ground, of the others."""

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
        """Whether it fails nearly always where others nearly never do, on enough of both, and everywhere else too."""
        return (
            self.networks >= NETWORKS
            and min(self.shared_n, self.others_n) >= LEAST
            and self.others_failed <= (1 - SHARE) * self.others_n
            and self.shared_failed >= SHARE * self.shared_n
            and self.failed >= SHARE * self.n
        )


def suspects(table: VerdictTable) -> list[tuple[str, str]]:
    """(service, software with version) whose failures the instrument made.

    A version is one if it fails nearly everywhere, and nearly always also where other versions of the same software, on
    the same network and the same day, nearly always find the service working. The same day: a block that begins as a
    version spreads would else look like its fault. The same software: one that looks deeper sees more, and is right.
    Thresholds are ours, not fitted: SHARE, LEAST, NETWORKS.
    """
    versions = [_Version(*row) for row in table.select(_VERSIONS)]
    return [(version.service, version.software) for version in versions if version.is_fault()]
