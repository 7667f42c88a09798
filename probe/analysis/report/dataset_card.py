"""Write a dataset card in Markdown, for readers of published measurements.

The head and the headings follow the dataset cards of Hugging Face (https://huggingface.co/docs/hub/datasets-cards, read
on 2026-11-26). The contents follow the questions of "Datasheets for Datasets" (https://arxiv.org/abs/1803.09010,
2021-12-01). Texts that come from measurements are untrusted, and no Markdown in them has an effect.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any

from probe.analysis.compare.cells import REPORTERS
from probe.analysis.report import card_sentences as sentences
from probe.analysis.report.markdown import WIDTH, bullets, code, escaped, paragraph, table
from probe.analysis.store.cite import as_text, citation
from probe.analysis.store.licences import licences_of
from probe.analysis.store.views import Store
from probe.messages import listed, tr

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


MOST_NAMED = 30  # rows of a table. The others are counted.
MOST_COUNTRIES = 5  # that the title names
_UNSAFE_IN_BIBTEX = re.compile(r"[{}\\%]")
TAGS = ("internet-censorship", "network-measurement", "network-interference")


def as_markdown(facts: dict[str, Any]) -> str:
    """Return the card. `facts` is what `card_facts` returns for a store with measurements."""
    parts = [
        _head(facts),
        f"# {_title(facts)}",
        *map(paragraph, sentences.summary(facts)),
        tr("## Dataset details"),
        _details(facts),
        tr("## Countries"),
        _places(facts["countries"], networks=False),
        tr("## Networks"),
        _places(facts["networks"], networks=True),
        tr("## Contents"),
        _counted(facts["nettests"], "measurements", tr("nettest"), tr("measurements")),
        _counted(facts["states"], "verdicts", tr("state"), tr("verdicts of valid measurements")),
        paragraph(sentences.structure()),
        tr("## Collection"),
        bullets(sentences.collection(facts)),
        tr("## Left out"),
        bullets(sentences.left_out(facts)),
        tr("## Privacy"),
        bullets(sentences.privacy(facts)),
        tr("## Known limits"),
        bullets(sentences.limits(facts)),
        tr("## Uses"),
        bullets(sentences.uses()),
        tr("## Licence"),
        bullets(facts["citation"]["licences"] or [tr("none known")]),
        tr("## How to cite"),
        paragraph(escaped(as_text(facts["citation"]), 10_000)),
        _bibtex(facts),
        paragraph(sentences.about(facts)),
    ]
    return "\n\n".join(part for part in parts if part)


def _title(facts: dict[str, Any]) -> str:
    countries = sorted(row["cc"] for row in facts["countries"])
    many = tr("{count} countries", count=len(countries))
    places = many if len(countries) > MOST_COUNTRIES else listed(map(escaped, countries))
    return tr("{kind}, {places}, {period}", kind=sentences.kind(facts), places=places, period=_period(facts))


def _period(facts: dict[str, Any]) -> str:
    """Return the first and the last day, or the only one."""
    first, last = (escaped(facts["citation"][name]) for name in ("first_day", "last_day"))
    return first if first == last else tr("{first_day} to {last_day}", first_day=first, last_day=last)


def _head(facts: dict[str, Any]) -> str:
    """Return the metadata as YAML. A JSON string is one of YAML too."""
    programs = {row["software_name"] for row in facts["citation"]["measured_by"]}
    ids = [licence.id for licence in licences_of(programs)] or ["unknown"]
    lists = {"license": ids, "tags": TAGS, "size_categories": [facts["size"]]}
    lines = [f"pretty_name: {json.dumps(_title(facts), ensure_ascii=False)}"]
    for name, values in lists.items():
        lines += [f"{name}:", *(f"- {value}" for value in values)]
    return "\n".join(["---", *lines, "---"])


def _details(facts: dict[str, Any]) -> str:
    cited, totals = facts["citation"], facts["totals"]
    rows = [
        (tr("Period"), _period(facts)),
        (tr("Measurements"), totals["measurements"]),
        (tr("of them valid"), totals["valid"]),
        (tr("of them made inside the lab"), totals["lab"]),
        (tr("of them synthetic"), totals["synthetic"]),
        (tr("Runs"), totals["runs"]),
        (tr("Countries"), cited["countries"]),
        (tr("Networks"), len({row["asn"] for row in facts["networks"]})),
        (tr("Judged with"), f"censorprobe {cited['software']['censorprobe']}"),
        (tr("Ruleset"), listed(map(code, cited["rulesets_in_store"] or [cited["ruleset"]]))),
    ]
    return table((tr("what"), tr("value")), rows, numbers=0)


def _places(rows: Sequence[dict[str, Any]], *, networks: bool) -> str:
    """Return the table of networks, or of countries with their numbers of networks."""
    texts = {"cc": tr("country"), **({"asn": tr("network")} if networks else {})}
    counts = {"measurements": tr("measurements"), "valid": tr("valid"), "runs": tr("runs")}
    counts |= {} if networks else {"networks": tr("networks")}
    cells = [[*(escaped(row[name]) for name in texts), *(row[name] for name in counts)] for row in rows[:MOST_NAMED]]
    shown = table([*texts.values(), *counts.values()], cells, numbers=len(counts))
    return f"{shown}\n\n{_others(rows[MOST_NAMED:])}" if rows[MOST_NAMED:] else shown


def _others(rows: Sequence[dict[str, Any]]) -> str:
    measurements = sum(row["measurements"] for row in rows)
    return paragraph(
        tr("Not shown: {count} more, with {measurements} measurements.", count=len(rows), measurements=measurements)
    )


def _counted(rows: Sequence[dict[str, Any]], key: str, name: str, counted: str) -> str:
    return table((name, counted), [(code(row["name"]), row[key]) for row in rows[:MOST_NAMED]], numbers=1)


def _bibtex(facts: dict[str, Any]) -> str:
    """Return an entry without author and address, which the publisher adds."""
    cited = facts["citation"]
    note = tr(
        "censorprobe {version}, ruleset {rulesets}, SHA-256 over the digests of the input files {digest}",
        version=cited["software"]["censorprobe"],
        rulesets=listed(map(escaped, cited["rulesets_in_store"])),
        digest=cited["inputs_digest"],
    )
    fields = {"title": _title(facts), "year": cited["last_day"][:4], "note": note}
    lines = [f"{name} = {{{_UNSAFE_IN_BIBTEX.sub('', value)}}}," for name, value in fields.items()]
    lines = [indent(paragraph(line, WIDTH - 2), "  ") for line in lines]
    return "\n".join(["```bibtex", f"@misc{{censorprobe-{cited['inputs_digest'][:12]},", *lines, "}", "```"])
