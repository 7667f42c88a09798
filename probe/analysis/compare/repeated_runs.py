"""Count runs in which one service failed alone: its only attempts failed, the control and other services worked."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from probe.analysis.compare.axes import AXES, ROWS
from probe.analysis.compare.instrument import SOFTWARE
from probe.analysis.compare.units import COUNTED_STATE, FAILING, NOT_COUNTED, RUN, WORKING
from probe.analysis.compare.verdict_table import VerdictTable

UNCONFIRMED = ("tcp_unconfirmed", "tls_unconfirmed", "quic_unconfirmed", "http_unconfirmed")
"""Rules for a failure that the control does not have, and that was not seen often enough to say more."""


def _listed(words: Sequence[str]) -> str:
    return "({})".format(", ".join(f"'{word}'" for word in words))


_SINGLE = (
    f"state = 'impaired' AND rule_id IN {_listed(UNCONFIRMED)} "
    "AND attempts > 0 AND failures = attempts AND controls > 0 AND control_successes = controls"
)
_OUTCOMES = {
    "failing": f"{COUNTED_STATE} IN {_listed(FAILING)}",
    "working": f"{COUNTED_STATE} IN {_listed(WORKING)}",
    "single": _SINGLE,
}
_SUMS = ", ".join(f"SUM(CASE WHEN {condition} THEN 1 ELSE 0 END) AS {name}" for name, condition in _OUTCOMES.items())


class RepeatedRuns(NamedTuple):
    """Count a network's runs of one day and version in which a service failed alone, by the rule of its verdict.

    `others_failing` and `others_working` count the other services of these runs.
    """

    cc: str
    asn: str
    day: str
    software: str
    rule_id: str
    runs: int
    others_failing: int
    others_working: int

    @property
    def network(self) -> tuple[str, str]:
        return self.cc, self.asn


Repeated = dict[tuple[str, ...], dict[str, list[RepeatedRuns]]]  # by vantage point and service


def select_repeated(
    table: VerdictTable, row: str, axes: Sequence[str], condition: str = "1 = 1", values: Sequence[str] = ()
) -> Repeated:
    """Return the repeated runs of every vantage point and service among the rows that meet the condition."""
    found: Repeated = defaultdict(lambda: defaultdict(list))
    if not table.select(f"SELECT 1 FROM verdicts WHERE {_SINGLE} LIMIT 1"):
        return found
    for service, *rest in sorted(table.select(_statement(row, axes, condition), values)):
        found[tuple(rest[: len(axes)])][service].append(RepeatedRuns(*rest[len(axes) :]))
    return found


def _statement(row: str, axes: Sequence[str], condition: str) -> str:
    """Return the SELECT. Most other services of a run must work, so that an outage of the network counts nothing."""
    keys = [ROWS[row], *(AXES[axis] for axis in axes), "probe_cc", "probe_asn", "day", SOFTWARE, RUN]
    names = [f"key{number}" for number in range(len(keys))]
    listed = ", ".join(f"{key} AS {name}" for key, name in zip(keys, names, strict=True))
    of_run, kept = ", ".join(names[1:]), ", ".join(names[:-1])
    return f"""
WITH services AS (
  SELECT {listed}, {_SUMS}, MIN(CASE WHEN {_SINGLE} THEN rule_id END) AS rule_id,
    COUNT(DISTINCT CASE WHEN {_SINGLE} THEN rule_id END) AS rules
  FROM verdicts WHERE ({condition}) AND {NOT_COUNTED} = '' GROUP BY {", ".join(map(str, range(1, len(names) + 1)))}
), runs AS (
  SELECT {of_run}, SUM(CASE WHEN failing > 0 AND failing >= working THEN 1 ELSE 0 END) AS bad,
    SUM(CASE WHEN working > failing THEN 1 ELSE 0 END) AS good
  FROM services GROUP BY {of_run}
)
SELECT {kept}, rule_id, COUNT(*), SUM(bad - 1), SUM(good) FROM services JOIN runs USING ({of_run})
WHERE single > 0 AND single = failing AND working = 0 AND rules = 1 AND good > bad - 1 GROUP BY {kept}, rule_id"""
