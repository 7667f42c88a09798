"""Count the runs that fail by day and mechanism."""

from probe.analysis.compare.axes import ROWS
from probe.analysis.compare.instrument import SOFTWARE
from probe.analysis.compare.units import COUNTED_STATE, FAILING, NOT_COUNTED, WORKING
from probe.analysis.compare.verdict_table import VerdictTable


def _listed(states: tuple[str, ...]) -> str:
    return ", ".join(f"'{state}'" for state in states)


_FAILS, _WORKS = f"{COUNTED_STATE} IN ({_listed(FAILING)})", f"{COUNTED_STATE} IN ({_listed(WORKING)})"


def failing_runs(table: VerdictTable, row: str) -> list[tuple[str, str, str, str, int]]:
    """Return service, country, day, mechanisms and the number of runs that fail with them, each run once.

    The runs are those that `select_units` counts as failing. Several mechanisms of a run are separated by spaces.
    """
    found: list[tuple[str, str, str, str, int]] = table.select(f"""
SELECT service, cc, day, mechanisms, COUNT(*) FROM (
  SELECT {ROWS[row]} AS service, probe_cc AS cc, probe_asn AS asn, day, {SOFTWARE} AS software,
    CASE WHEN run_id <> '' THEN run_id ELSE line_hash END AS run,
    MAX(CASE WHEN {_FAILS} THEN mechanisms ELSE '' END) AS mechanisms,
    SUM(CASE WHEN {_FAILS} THEN 1 ELSE 0 END) AS failing, SUM(CASE WHEN {_WORKS} THEN 1 ELSE 0 END) AS working
  FROM verdicts WHERE {NOT_COUNTED} = '' GROUP BY 1, 2, 3, 4, 5, 6
) AS run_rows WHERE failing > 0 AND failing >= working GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4""")
    return found
