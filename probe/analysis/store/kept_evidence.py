"""Keep in a store what the evidence of a verdict needs beside the rows, and read one measurement with it again.

The rows have names, addresses, times and failures of all transactions. Beside them `--why` reads in which operation a
transaction failed, and why the test helper gave no answer.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from probe.analysis.observations.flat_measurement import FlatMeasurement
from probe.analysis.observations.lenient_json import table, text
from probe.analysis.observations.observation import PROBE, Observation
from probe.analysis.store.columns import OBSERVATION
from probe.analysis.store.flatten import COLUMNS, facts_from, head_from
from probe.analysis.store.manifest import StoreError
from probe.analysis.store.views import Store
from probe.messages import tr

_PREFIX = re.compile(r"[0-9a-f]{6,64}")


class UnknownMeasurementError(StoreError):
    """Report an identity that names no measurement of the store, or several."""


@dataclass(frozen=True)
class KeptMeasurement:
    """Hold a measurement of a store. `document` has the keys of it that the evidence of verdicts is made from.

    `facts` and `head` are what its verdicts are computed from.
    """

    identity: str
    facts: FlatMeasurement
    head: dict[str, Any]
    document: dict[str, Any]
    file: str
    line: int


def kept_measurement(store: Store, identity: str) -> KeptMeasurement:
    """Return the measurement whose identity has this text or begins with it.

    Raises UnknownMeasurementError and StoreError.
    """
    wanted = identity.strip().lower()
    if not _PREFIX.fullmatch(wanted):
        raise UnknownMeasurementError(
            tr(
                "{id} is no identity of a measurement. The column line_hash has them. Give at least 6 digits.",
                id=identity,
            )
        )
    found = store.sql(f"SELECT * FROM measurements WHERE starts_with(line_hash, '{wanted}') LIMIT 2").to_pylist()
    if not found:
        raise UnknownMeasurementError(tr("The store has no measurement {id}.", id=identity))
    if len(found) > 1:
        raise UnknownMeasurementError(tr("Several measurements begin with {id}. Give more digits.", id=identity))
    row = found[0]
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    observed = store.sql(
        f"SELECT {names} FROM observations WHERE day = '{row['day']}' AND line_hash = '{row['line_hash']}' ORDER BY row"
    )
    columns = [observed.column(name).to_pylist() for name in COLUMNS]
    facts = facts_from(row, list(zip(*columns, strict=True)))
    return KeptMeasurement(
        row["line_hash"],
        facts,
        head_from(row),
        _document(row, facts),
        row["measurement_file"],
        row["measurement_line"],
    )


def _document(row: Mapping[str, Any], facts: FlatMeasurement) -> dict[str, Any]:
    """Return the keys of the measurement that its evidence is made from."""
    kept = json.loads(row["evidence"] or "{}")
    operations = table(kept.get("operations"))
    transactions = [] if facts.foreign else [_transaction(one, operations) for one in facts.rows if one.origin == PROBE]
    keys = {
        "x_target": facts.target,
        "x_run": facts.run,
        "x_bugs": list(facts.bugs),
        "x_transactions": transactions,
        "x_control": kept.get("control"),
    }
    origin = {name: row[name] for name in ("lab", "synthetic") if row[name]}
    return {"annotations": origin, "test_keys": keys}


def _transaction(row: Observation, operations: Mapping[str, Any]) -> dict[str, Any]:
    own = {name: getattr(row, name) for name in _OF_TRANSACTION}
    return own | {"failed_operation": text(operations.get(str(row.transaction_id)))}


_OF_TRANSACTION = (
    *("transaction_id", "kind", "followup", "hostname", "sent_name", "endpoint", "address", "port"),
    *("failure", "t0", "t"),
)
assert set(_OF_TRANSACTION) <= set(OBSERVATION)
