"""Choose recorded measurements for false answers, and an answer where everything works for each."""

import gzip
import json
from collections.abc import Iterator
from functools import cache

from tests.analysis.rules.test_every_rule_fires import RECORDED
from tests.support.measurements.false_controls.replaced_answers import Line, answer_of

Key = tuple[str, str | None]

SCENARIOS = (
    *("clean", "service-down", "one-endpoint-down", "stun-down", "sip-silent", "quic-absent", "no-starttls"),
    *("server-certificates", "skype-gone", "great-firewall", "dns-injection", "dns-resolver-lies", "ip-blackhole"),
    *("dns-resolver-lies-variously", "sni-reset", "http-blockpage", "http-redirect", "stun-drop", "tls-mitm", "web"),
    *("starttls-stripped", "web-names", "name-and-address", "protocol-reset", "resolvers-impersonated"),
    *("rotating-addresses", "quic-drop", "calls-cut"),
)
"""Censors of every layer, servers that are down or wrong for all, and innocuous anomalies."""

MOST_TRANSACTIONS = 80  # of a measurement. Longer ones repeat what shorter ones contain.


@cache
def recorded(scenario: str) -> tuple[Line, ...]:
    """Return the measurements of a recording in which a helper answered."""
    with gzip.open(RECORDED / f"{scenario}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return tuple(line for line in map(json.loads, lines) if _answered(line))


def _answered(line: Line) -> bool:
    control = line["test_keys"]["x_control"]
    return bool(control) and control["failure"] is None and "test_keys" in control


@cache
def _best() -> dict[Key, Line]:
    """Return the measurement with the fewest failures of the control, by what was measured."""
    best: dict[Key, Line] = {}
    for line in (line for scenario in SCENARIOS for line in recorded(scenario)):
        if key_of(line) not in best or _rank(line) < _rank(best[key_of(line)]):
            best[key_of(line)] = line
    return best


def working_answer(line: Line) -> Line:
    """Return an answer of a helper for which everything works, or as much as in any recording."""
    return answer_of(_best()[key_of(line)])


def key_of(line: Line) -> Key:
    return line["test_keys"]["x_target"]["name"], line.get("input")


def _rank(line: Line) -> tuple[int, int]:
    failures = [record["failure"] for record in line["test_keys"]["x_control"]["test_keys"]["x_transactions"]]
    return sum(failure is not None for failure in failures), failures.count(None) * -1


def chosen() -> Iterator[Line]:
    """Yield the measurements in which anything was doubtful, and of the innocuous scenarios some others."""
    for scenario in SCENARIOS:
        lines = [line for line in recorded(scenario) if len(line["test_keys"]["x_transactions"]) <= MOST_TRANSACTIONS]
        yield from (line for line in lines if _is_doubtful(line))
        if scenario in {"clean", "rotating-addresses"}:
            yield from [line for line in lines if not _is_doubtful(line)][:4]


def _is_doubtful(line: Line) -> bool:
    """Return whether a follow-up was made, or an attempt failed at the control."""
    kinds = {record["kind"] for record in line["test_keys"]["x_transactions"]}
    return not kinds.isdisjoint({"confirm", "followup"}) or _rank(line)[0] > 0
