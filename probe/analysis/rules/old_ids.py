"""Read the ids of rules in records from before 2026-12-01, when each layer and way of failing had an id of its own.

`probe/data/rule_ids.csv` names the kind of each old id, and what varies within the kind.
"""

import csv
from functools import cache
from pathlib import Path

DATA = Path(__file__).parents[2] / "data" / "rule_ids.csv"


@cache
def variants_by_old_id() -> dict[str, dict[str, str]]:
    """Return the values of `VARIANT` (`rule_id`, `layer`, `way` and `forged`) by old id."""
    with DATA.open(encoding="utf-8", newline="") as lines:
        return {row.pop("old"): row for row in csv.DictReader(lines)}


def translated(column: str) -> str:
    """Return the SQL expression for a column of `VARIANT` in rows whose `rule_id` is an old one.

    An id that is not in the list, such as that of an invalid measurement, stays, and its other columns are empty.
    """
    otherwise = "rule_id" if column == "rule_id" else "''"
    values = {old: variant[column] for old, variant in variants_by_old_id().items()}
    branches = " ".join(f"WHEN '{old}' THEN '{new}'" for old, new in values.items() if new != old)
    return f"CASE rule_id {branches} ELSE {otherwise} END"
