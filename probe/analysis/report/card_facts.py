"""Collect what a dataset card says about a store. Equal measurements give equal facts, without a time of day."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from probe.analysis.compare.cells import REPORTERS
from probe.analysis.store.cite import citation
from probe.analysis.store.views import Store

if TYPE_CHECKING:
    from probe.analysis.object_storage.bucket_store import BucketStore

_VALIDITY = (
    "(SELECT line_hash, bool_and(valid) AS valid, COALESCE(min(invalid_reason), '') AS invalid_reason "
    "FROM verdicts GROUP BY line_hash)"
)
_COUNTS = f"count(*) AS measurements, count(*) FILTER (valid) AS valid, CAST({REPORTERS} AS BIGINT) AS runs"
_MEASURED = f"measurements LEFT JOIN {_VALIDITY} USING (line_hash)"
_QUESTIONS = {
    "countries": f"SELECT probe_cc AS cc, {_COUNTS}, count(DISTINCT probe_asn) AS networks FROM {_MEASURED} "
    "GROUP BY ALL ORDER BY measurements DESC, cc",
    "networks": f"SELECT probe_cc AS cc, probe_asn AS asn, {_COUNTS} FROM {_MEASURED} "
    "GROUP BY ALL ORDER BY measurements DESC, cc, asn",
    "nettests": "SELECT test_name AS name, count(*) AS measurements FROM measurements "
    "GROUP BY ALL ORDER BY measurements DESC, name",
    "states": "SELECT state AS name, count(*) AS verdicts FROM verdicts WHERE valid "
    "GROUP BY ALL ORDER BY verdicts DESC, name",
    "invalid": f"SELECT invalid_reason AS reason, count(*) AS measurements FROM {_VALIDITY} WHERE NOT valid "
    "GROUP BY ALL ORDER BY measurements DESC, reason",
    "rejected": "SELECT reason, count(*) AS lines FROM rejected GROUP BY ALL ORDER BY lines DESC, reason",
}
_TOTALS = f"""
SELECT {_COUNTS}, count(*) FILTER (NOT valid) AS invalid, count(*) FILTER (valid IS NULL) AS without_verdict,
  count(*) FILTER (lab <> '') AS lab, count(*) FILTER (synthetic <> '') AS synthetic
FROM {_MEASURED}
"""
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"),
          (10**8, "10M<n<100M"), (10**9, "100M<n<1B"))  # fmt: skip


def card_facts(store: "Path | BucketStore") -> dict[str, Any]:
    """Return the facts of a dataset card about a store, as one object that JSON can hold.

    `citation` is the answer of `probe cite` without the names of files, which can tell who made them. `totals` counts
    measurements, the valid, invalid and artificial ones, and runs. The other keys are lists of counts, largest first.
    Raises StoreError, and ResultsError for a bucket.
    """
    cited = citation(store)
    inputs = [{key: value for key, value in file.items() if key != "name"} for file in cited["inputs"]]
    with Store(store) as opened:
        totals = opened.sql(_TOTALS).to_pylist()[0]
        counts = {name: opened.sql(statement).to_pylist() for name, statement in _QUESTIONS.items()}
    return {
        "totals": totals,
        "size": next((name for limit, name in _SIZES if totals["measurements"] < limit), "n>1B"),
        **counts,
        "citation": cited | {"inputs": inputs},
    }
