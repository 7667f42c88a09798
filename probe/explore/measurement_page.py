"""Return the evidence of one measurement as a part of a page, computed from the store alone."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.run_result.service_words import state_word
from probe.analysis.store.kept_evidence import KeptMeasurement, kept_measurement
from probe.analysis.store.views import Store
from probe.analysis.verdicts.verdicts import judge_flat
from probe.formats.origin import origin_of
from probe.messages import tr
from probe.run_page.verdict_reasons import VerdictReasons

MOST_SECONDS = 10.0  # of processor time for the evidence of one measurement
_JINJA = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined)


def measurement_part(folder: Path, identity: str, back: str) -> str:
    """Return HTML about one measurement. `back` is the address of the page. Raises StoreError."""
    with Store(folder) as store:
        kept = kept_measurement(store, identity)
    with SQLiteEngine(repeats=True) as engine:
        records = judge_flat(kept.facts, kept.head, file=kept.file, number=kept.line, engine=engine)
        reasons = VerdictReasons(kept.facts, records, kept.document, engine, MOST_SECONDS)
        verdicts = [
            {
                "service": record["service"],
                "state": state_word(record),
                "because": record["because"],
                "lists": reasons.of(record),
            }
            for record in records
        ]
    template = _JINJA.get_template("measurement.html.jinja")
    return template.render(identity=kept.identity, verdicts=verdicts, facts=_facts(kept), back=back)


def _facts(kept: KeptMeasurement) -> str:
    """Return when and where the measurement was made."""
    head: dict[str, Any] = kept.head
    where = {"time": head["measurement_start_time"], "cc": head["probe_cc"], "asn": head["probe_asn"]}
    if origin_of(kept.document).artificial:
        return tr(
            "Measured at {time} (UTC) in {cc}, {asn}. It is artificial, and says nothing about a network.", **where
        )
    return tr("Measured at {time} (UTC) in {cc}, {asn}.", **where)
