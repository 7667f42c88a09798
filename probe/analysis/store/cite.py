"""List what a store's figures were computed from: programs, rules, input files and licences."""

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probe import __version__
from probe.analysis.ruleset.tables import RULES, RULESET
from probe.analysis.store.licences import OURS, licences_of
from probe.analysis.store.manifest import files_in
from probe.analysis.store.views import Store
from probe.messages import listed, tr

if TYPE_CHECKING:
    from probe.analysis.object_storage.bucket_store import BucketStore

_COUNTS = """
SELECT count(*) AS measurements, count(DISTINCT probe_cc) AS countries, count(DISTINCT probe_asn) AS networks,
  min(day) AS first_day, max(day) AS last_day,
  count(*) FILTER (lab <> '') AS lab, count(*) FILTER (synthetic <> '') AS synthetic
FROM measurements
"""
_SOFTWARE = """
SELECT software_name, software_version, count(*) AS measurements
FROM measurements GROUP BY ALL ORDER BY ALL
"""


def citation(store: "Path | BucketStore") -> dict[str, Any]:
    """Return the sources of a store's figures as one object. Raises StoreError, and ResultsError for a bucket.

    `inputs_digest` is the SHA-256 over the sorted digests of all input files, one per line. `rules_digest` is the
    SHA-256 over id, state and condition of all rules. Two stores in which both are equal hold the same verdicts.
    """
    files = files_in(store)
    with Store(store) as opened:
        counts = opened.sql(_COUNTS).to_pylist()[0]
        rulesets = opened.sql("SELECT DISTINCT ruleset FROM verdicts ORDER BY 1")["ruleset"].to_pylist()
        software = opened.sql(_SOFTWARE).to_pylist()
    return {
        "software": {OURS: __version__, "duckdb": version("duckdb"), "pyarrow": version("pyarrow")},
        "ruleset": RULESET,
        "rulesets_in_store": rulesets,
        "rules_digest": _digest(f"{rule_id} {rule.state} {rule.when}" for rule_id, rule in sorted(RULES.items())),
        "inputs": [
            {"sha256": digest, "name": name, "lines": lines, "rejected": no} for digest, name, lines, no in files
        ],
        "inputs_digest": _digest(digest for digest, *_ in files),
        "measured_by": software,
        **counts,
        "licences": [licence.terms for licence in licences_of(row["software_name"] for row in software)],
    }


def as_text(citation: dict[str, Any]) -> str:
    """Return the citation as a paragraph of text. Artificial measurements are named first."""
    artificial = tr(
        "Made inside the lab: {lab} measurements. Synthetic: {synthetic} measurements.", **_artificial(citation)
    )
    whole = tr(
        "Measurements: {measurements}, from {first_day} to {last_day}. Countries: {countries}. Networks: {networks}. "
        "Judged with {programs} and ruleset {rulesets} (SHA-256 of the rules {rules_digest}). "
        "Input files: {files} (SHA-256 over their digests {inputs_digest}). Licences: {licences}.",
        measurements=citation["measurements"],
        first_day=citation["first_day"] or "-",
        last_day=citation["last_day"] or "-",
        networks=citation["networks"],
        countries=citation["countries"],
        programs=listed(f"{name} {number}" for name, number in citation["software"].items()),
        rulesets=listed(citation["rulesets_in_store"]) or citation["ruleset"],
        rules_digest=citation["rules_digest"],
        files=len(citation["inputs"]),
        inputs_digest=citation["inputs_digest"],
        licences="; ".join(citation["licences"]) or tr("none known"),
    )
    return f"{artificial} {whole}" if any(_artificial(citation).values()) else whole


def _artificial(citation: dict[str, Any]) -> dict[str, int]:
    return {name: citation[name] for name in ("lab", "synthetic")}


def _digest(lines: Any) -> str:
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
