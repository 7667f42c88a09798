"""Collect the evidence of verdicts as titled lists: what decided, the rule, and what would give another verdict."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from probe.analysis.observations.lenient_json import tables
from probe.analysis.rules.variant import shown_rule
from probe.analysis.run_result.figure_sentences import cutoff_sentences, throughput_sentences
from probe.analysis.run_result.service_words import STATE_WORDS, describe_transaction, device_sentences
from probe.analysis.verdicts.located_hops import SENTENCES
from probe.messages import listed, mark, tr, tr_plural
from probe.run_page.path_picture import place_sentence

if TYPE_CHECKING:
    from probe.analysis.engines.sql_engine import Engine
    from probe.analysis.observations.flat_measurement import FlatMeasurement
    from probe.analysis.verdicts.deciding_evidence import MeasurementEvidence

PREFLIGHT = {
    "portal": mark("Before the measurement, a captive portal answered ({value})."),
    "clock_skew": mark("Before the measurement, this computer's clock was wrong by {value} s."),
    "vpn": mark("Before the measurement, a VPN was active."),
    "tls_interception": mark("Before the measurement, TLS connections were intercepted ({value})."),
}
_WITHOUT, _IF = mark("without {changes}: {state} ({rule})"), mark("if {changes}: {state} ({rule})")
MOST_SHOWN = 12  # transactions per service. The results file has all of them.
MOST_SECONDS = 30.0  # of processor time for the evidence of one measurement. The lab's largest takes 13 if it is busy


class ReasonList(NamedTuple):
    """Hold one list of sentences with its title."""

    title: str
    rows: list[str]


class VerdictReasons:
    """Collect the evidence of the verdicts of one measurement. `document` is the measurement, or what a store keeps."""

    def __init__(
        self,
        facts: "FlatMeasurement",
        records: Sequence[Mapping[str, Any]],
        document: Mapping[str, Any],
        engine: "Engine",
        seconds: float = MOST_SECONDS,
    ) -> None:
        from probe.analysis.verdicts.deciding_evidence import MeasurementEvidence

        self._until = time.process_time() + seconds  # processor time at which the search for the evidence ends
        self._document = document
        self._found = MeasurementEvidence(facts, records, engine, self._may_go_on)

    def _may_go_on(self) -> bool:
        return time.process_time() < self._until

    def of(self, record: Mapping[str, Any]) -> list[ReasonList]:
        """Return the lists about one verdict. A list can be empty."""
        found = self._found
        changes = _changes(record, found)  # before the transactions, since their search may take all time
        evidence = list(_evidence(record, self._document, found))
        works = record["state"] == "ok"
        rule = tr("{rule} (ruleset {ruleset})", rule=shown_rule(record), ruleset=record["ruleset"])
        nothing = tr("No single piece of evidence would change this verdict.")
        unneeded = [] if works or not record["valid"] else found.unneeded(record["service"])
        lists = [
            ReasonList(tr("Decided by"), evidence),
            ReasonList(tr("Throughput"), list(throughput_sentences(record))),
            ReasonList(tr("Time limit"), list(cutoff_sentences(record))),
            # The sentence of other states stands above the lists.
            ReasonList(tr("Rule"), [rule, record["because"]] if works else [rule]),
            ReasonList(tr("Would change it"), changes or ([nothing] if self._may_go_on() else [])),
            ReasonList(tr("On the path"), [*_place(record), *device_sentences(record)]),
            ReasonList(tr("Not needed"), [listed(map(tr, unneeded))] if unneeded else []),
        ]
        if not self._may_go_on():
            large = tr("This measurement is so large that not all of its evidence was looked at.")
            lists.append(ReasonList(tr("Incomplete"), [large]))
        return lists


def _evidence(record: Mapping[str, Any], measurement: Mapping[str, Any], found: "MeasurementEvidence") -> Iterator[str]:
    """Iterate over sentences: the deciding transactions, the number of others, the control."""
    test_keys = measurement.get("test_keys")
    keys: Mapping[str, Any] = test_keys if isinstance(test_keys, dict) else {}
    transactions = tables(keys.get("x_transactions"))
    known = {number: tx for tx in transactions if isinstance(number := tx.get("transaction_id"), int)}
    if not record["valid"]:
        yield from _reasons_invalid(keys)
        return
    shown = [known[number] for number in found.deciding(record["service"]) if number in known]
    yield from (describe_transaction(transaction) for transaction in shown[:MOST_SHOWN])
    if (more := len(shown) - MOST_SHOWN) > 0:
        yield tr_plural(
            "{count} more transaction, in the results file", "{count} more transactions, in the results file", more
        )
    related = {number for endpoint in record["endpoints"] for number in endpoint["transactions"]}
    related |= {number for transaction in shown if isinstance(number := transaction["transaction_id"], int)}
    if others := len(related) - len(shown):
        yield tr_plural(
            "{count} more transaction, not needed for this verdict",
            "{count} more transactions, not needed for this verdict",
            others,
        )
    yield _control(record, keys.get("x_control") or _control_of_ooni(keys))


def _reasons_invalid(keys: Mapping[str, Any]) -> Iterator[str]:
    """Iterate over what preflight found that makes the measurement invalid."""
    from probe.analysis.observations.lenient_json import seconds, table, texts
    from probe.signatures.unfit_networks import MOST_SKEW

    facts = table(table(keys.get("x_run")).get("preflight"))
    if abs(seconds(facts.get("clock_skew"))) <= MOST_SKEW:
        facts = facts | {"clock_skew": 0}
    yield from (tr(sentence, value=facts[key]) for key, sentence in sorted(PREFLIGHT.items()) if facts.get(key))
    if facts.get("network") is False:
        yield tr("Before the measurement, no neutral host could be reached.")
    yield from (tr("Bug in the probe: {bug}", bug=bug) for bug in texts(keys.get("x_bugs")))


def _changes(record: Mapping[str, Any], found: "MeasurementEvidence") -> list[str]:
    """Return one sentence per other state and rule, with all changes that give it."""
    outcomes: dict[tuple[bool, str, str], list[str]] = {}
    for one in found.alternatives(record["service"]):
        outcomes.setdefault((one.removed, one.state, one.rule), []).append(tr(one.change))
    return [
        tr(
            _WITHOUT if removed else _IF,
            changes=tr(" or ").join(changes),
            state=tr(STATE_WORDS[state]),
            rule=rule,
        )
        for (removed, state, rule), changes in outcomes.items()
    ]


def _place(record: Mapping[str, Any]) -> Iterator[str]:
    """Iterate over the sentence about the interfering hop, or about the reason why none is known."""
    if hop := record["hop"]:
        yield place_sentence(hop["ttl"])
    elif reason := record["hop_reason"]:
        yield tr(SENTENCES[reason])


def _control_of_ooni(keys: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what OONI's web_connectivity says about the test helper's answer, in the form of our own key."""
    asked = keys.get("control") or keys.get("control_failure")
    return {"failure": keys.get("control_failure")} if asked else None


def _control(record: Mapping[str, Any], control: Any) -> str:
    if record["controls"]:
        return tr_plural(
            "The test helper outside this network succeeded in {worked} of {count} attempt.",
            "The test helper outside this network succeeded in {worked} of {count} attempts.",
            record["controls"],
            worked=record["control_successes"],
        )
    if not isinstance(control, dict):
        return tr("No test helper was asked.")
    if control.get("failure"):
        return tr("The test helper gave no usable answer: {failure}.", failure=control["failure"])
    return tr("The test helper did not test this service.")
