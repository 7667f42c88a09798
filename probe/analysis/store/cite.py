"""What a store's figures rest on: programs, rules, inputs and their licences; enough to work them out again."""

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

from probe import __version__
from probe.analysis.rules.tables import RULES, RULESET
from probe.analysis.store.manifest import files_in
from probe.analysis.store.views import Store

OURS = "censorprobe"
OONI = "CC BY-NC-SA 4.0 (OONI, https://ooni.org/about/data-policy)"
_COUNTS = """
SELECT count(*) AS measurements, count(DISTINCT probe_cc) AS countries, count(DISTINCT probe_asn) AS networks,
  min(day) AS first_day, max(day) AS last_day
FROM measurements
"""
_SOFTWARE = """
SELECT software_name, software_version, count(*) AS measurements
FROM measurements GROUP BY ALL ORDER BY ALL
"""


def citation(folder: Path) -> dict[str, Any]:
    """Everything as one object. Raises StoreError.

    `inputs_digest` is the SHA-256 of all input files' digests, sorted, a line each; `rules_digest` that of every rule's
    id, state and condition: two stores with both alike hold the same verdicts.
    """
    files = files_in(folder)
    with Store(folder) as store:
        counts = store.sql(_COUNTS).to_pylist()[0]
        rulesets = [row["ruleset"] for row in store.sql("SELECT DISTINCT ruleset FROM verdicts ORDER BY 1").to_pylist()]
        software = store.sql(_SOFTWARE).to_pylist()
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
        "licences": _licences({row["software_name"] for row in software}),
    }


def _licences(names: set[str]) -> list[str]:
    """Of the lines: OONI's have one, and whoever made ours says theirs."""
    theirs = [OONI] if any(name.startswith(("ooni", "miniooni")) for name in names) else []
    own = ["lines of censorprobe: as whoever gave them to you says"] if OURS in names else []
    return theirs + own


def as_text(told: dict[str, Any]) -> str:
    """The same as a paragraph to be quoted."""
    programs = ", ".join(f"{name} {number}" for name, number in told["software"].items())
    span = f"{told['first_day']} to {told['last_day']}" if told["measurements"] else "no day"
    return (
        f"{told['measurements']} measurements of {span}, "
        f"from {told['networks']} networks in {told['countries']} countries; "
        f"judged by ruleset {', '.join(told['rulesets_in_store']) or told['ruleset']} "
        f"(SHA-256 of the rules {told['rules_digest']}) with {programs}; "
        f"{len(told['inputs'])} input file(s) (SHA-256 over their digests {told['inputs_digest']}). "
        f"Licences: {'; '.join(told['licences']) or 'none known'}."
    )


def _digest(lines: Any) -> str:
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
