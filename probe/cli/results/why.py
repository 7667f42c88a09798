"""Why a verdict is what it is, for people: the flows that decided, the rule, and what would have changed it."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from probe.cli.screen import STATE_WORDS, print_verdicts, say, targets_of, wrapped

if TYPE_CHECKING:
    from probe.analysis.engines.engine import Engine
    from probe.analysis.verdicts.evidence import DecidingFlows

MOST_SHOWN = 12  # flows per service; the file has them all
INDENT = 22


class Explanations:
    """Prints reasons; lines that several records are of are read once."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine
        self._read: tuple[Mapping[str, Any], Any] | None = None  # the latest line, and its facts

    def of(self, record: Mapping[str, Any], line: dict[str, Any]) -> "DecidingFlows":
        """What the record of a line rests on."""
        from probe.analysis.verdicts.evidence import DecidingFlows
        from probe.analysis.verdicts.verdicts import flat_measurement_of

        if self._read is None or self._read[0] is not line:
            self._read = (line, flat_measurement_of(line))
        return DecidingFlows(self._read[1], record, self._engine)

    def say_all(self, records: Sequence[Mapping[str, Any]], line: dict[str, Any], plain: bool, lab: str | None) -> None:
        """Print the verdicts of one line with their reasons; `lab` is said once, above them."""
        for number, record in enumerate(records):
            self.say(record, line, plain, None if number else lab)

    def say(self, record: Mapping[str, Any], line: dict[str, Any], plain: bool, lab: str | None = None) -> None:
        """Print one verdict with its reasons, within 80 columns."""
        print_verdicts([record], sys.stdout, plain, lab=lab, evidence=False, targets=targets_of([line]))
        grounds = self.of(record, line)
        _say_list("Decided by", list(evidence(record, line, grounds)))
        fine = record["state"] == "ok"
        because = f": {record['because']}" if fine else ""  # else it stands above already
        _say_list("Rule", [f"{record['rule_id']} (ruleset {record['ruleset']}){because}"])
        _say_list("Would change it", _changes(grounds) or ["nothing of what was looked at, alone"])
        spared = "" if fine or not record["valid"] else ", ".join(grounds.spared())
        _say_list("Stands without", [spared] if spared else [])
        say(sys.stdout)


def evidence(record: Mapping[str, Any], line: Mapping[str, Any], grounds: "DecidingFlows") -> Iterator[str]:
    """The flows that decided, in words, and how many others say the same; the control's answer last."""
    test_keys = line.get("test_keys")
    keys: Mapping[str, Any] = test_keys if isinstance(test_keys, dict) else {}
    known = {tx["transaction_id"]: tx for tx in keys.get("x_transactions") or () if isinstance(tx, dict)}
    named = {number for endpoint in record["endpoints"] for number in endpoint["transactions"]}
    if not record["valid"]:
        yield from _found_before(keys)
        return
    deciding = grounds.deciding()
    shown = [known[number] for number in deciding if number in known]
    yield from (describe_transaction(transaction) for transaction in shown[:MOST_SHOWN])
    if others := len(named) - min(len(shown), MOST_SHOWN):
        yield f"and {others} more in the file{', which were not needed' if len(shown) <= MOST_SHOWN else ''}"
    if record["controls"]:
        yield f"from outside: {record['control_successes']} of {record['controls']} attempts of the helper worked"
    else:
        yield f"from outside: {_no_control(keys.get('x_control'))}"


def _found_before(keys: Mapping[str, Any]) -> Iterator[str]:
    """What preflight found that makes the line useless."""
    from probe.analysis.observations.lenient_json import table, texts
    from probe.analysis.verdicts.counterfactuals import UNFIT

    facts = table(table(keys.get("x_run")).get("preflight"))
    yield from (f"before the measurement: {key} {facts[key]}" for key in sorted(UNFIT - {"network"}) if facts.get(key))
    if facts.get("network") is False:
        yield "before the measurement: no neutral host could be reached"
    yield from (f"a bug of ours: {bug}" for bug in texts(keys.get("x_bugs")))


def _changes(grounds: "DecidingFlows") -> list[str]:
    """What would have made another state of it: causes of the same state and rule together."""
    by_outcome: dict[tuple[str, str], list[str]] = {}
    for one in grounds.otherwise():
        by_outcome.setdefault((one.state, one.rule_id), []).append(one.words)
    return [f"{' or '.join(words)}: {STATE_WORDS[state]} ({rule})" for (state, rule), words in by_outcome.items()]


def _say_list(title: str, rows: list[str]) -> None:
    for number, row in enumerate(rows):
        say(sys.stdout, wrapped(row, INDENT, f"    {title if number == 0 else '':<{INDENT - 4}}"))


def _no_control(control: Any) -> str:
    if not isinstance(control, dict):
        return "no helper was asked"
    return f"the helper did not help ({control.get('failure') or 'it tried nothing of this'})"


def describe_transaction(transaction: Mapping[str, Any]) -> str:
    """One transaction as a sentence: what was tried, with which name, where, and what came of it."""
    what = {
        "lookup": "asked",
        "first": "tried",
        "innocuous": "harmless name",
        "confirm": "tried again",
        "followup": _followup_words(str(transaction.get("followup", ""))),
    }.get(str(transaction.get("kind")), "tried")
    name = transaction.get("sent_name") or transaction.get("hostname") or transaction.get("endpoint") or ""
    port = f" port {transaction['port']}" if transaction.get("port") else ""
    took = float(transaction.get("t") or 0) - float(transaction.get("t0") or 0)
    failed = f"{transaction.get('failed_operation')}: {transaction.get('failure')}"
    fine = "answered" if "asked" in what else "worked"
    result = fine if transaction.get("failure") is None else failed
    return f"{what}: {name} at {transaction.get('address')}{port}: {result} ({took:.2f} s)"


def _followup_words(followup: str) -> str:
    """Return the words for one flow of this kind. A measurement of a newer version may hold kinds without words."""
    from probe.formats.followups import FOLLOWUP_KINDS

    words = {str(name): kind.flow_words for name, kind in FOLLOWUP_KINDS.items()}
    return words.get(followup, followup.replace("_", " "))
