"""Print which accusations of the recordings stay with a public helper of OONI, and which without any helper.

`python -m tests.analysis.verdicts.kinds_of_helpers` removes from every recording with an answer of our helper what the
other kind cannot give: flows to the helper, and in its answer all but names, connections, TLS at port 443 and web
pages. It takes three minutes. The table stands in docs/score.md.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from probe.analysis.verdicts.verdicts import judge_measurement
from probe.formats.keys import LISTS
from probe.lab.scenario.expectations import expectation_for
from probe.lab.scenario.scenario import find_scenario, load_scenario
from tests.analysis.equality.sources import lines_of
from tests.analysis.rules.test_every_rule_fires import RECORDED
from tests.support.measurements.ablation import without_transactions

Measurement = dict[str, Any]
ACCUSING = frozenset({"blocked", "likely_blocked", "degraded"})
COMPARABLE = frozenset({"dns", "tcp", "tls", "http", "flow"})
"""Layers of mechanisms that a helper with OONI's protocol can compare. The others are calls, mail, QUIC and UDP."""
_LISTS = frozenset({"queries", "tcp_connect", "tls_handshakes", "requests"})
_UDP = ("stun", "turn", "sip", "reflector", "dtls", "quic", "dns+udp")


def without_helper(measurement: Measurement) -> Measurement:
    """Return the measurement as if no helper had been named."""
    alone = _without_flows(measurement)
    return {**alone, "test_keys": alone["test_keys"] | {"x_control": None}}


def with_public_helper(measurement: Measurement) -> Measurement:
    """Return the measurement as if the helper had OONI's protocol."""
    alone = _without_flows(measurement)
    control: Measurement = json.loads(json.dumps(alone["test_keys"]["x_control"]))
    keys = control["test_keys"]
    kept = [each for each in keys["x_transactions"] if each["kind"] == "lookup" or not _by_datagram(each["endpoint"])]
    keys["x_transactions"] = [_as_far_as_asked(each) for each in kept]
    ids = {each["transaction_id"] for each in kept}
    for place in (keys, keys.get("x_endpoints") or {}, keys.get("x_followups") or {}):
        for name in LISTS:
            entries = place.get(name) or []
            place[name] = [one for one in entries if one["transaction_id"] in ids and _is_asked(name, one)]
    return {**alone, "test_keys": alone["test_keys"] | {"x_control": control}}


def _without_flows(measurement: Measurement) -> Measurement:
    """Return the measurement without flows to the helper and without transfers."""
    records = measurement["test_keys"]["x_transactions"]
    alone = without_transactions(measurement, (r["transaction_id"] for r in records if r["address"] == "helper"))
    keys = alone["test_keys"]
    return {**alone, "test_keys": keys | {"x_run": keys["x_run"] | {"transfers": None}}}


def _by_datagram(endpoint: str) -> bool:
    return endpoint.partition(":")[0].partition("+tcp")[0] in _UDP or "transport=udp" in endpoint


def _as_far_as_asked(record: Measurement) -> Measurement:
    """Return a transaction with the steps that such a helper makes."""
    asked = {"connect", "resolve"} | ({"tls_handshake", "http"} if record["port"] == 443 else set())
    failed = record["failed_operation"] if record["failed_operation"] in asked else None
    steps = [step for step in record["steps"] if step in asked]
    return record | {"steps": steps, "failed_operation": failed, "failure": record["failure"] if failed else None}


def _is_asked(name: str, entry: Measurement) -> bool:
    at_443 = name != "tls_handshakes" or str(entry.get("address", "")).endswith(":443")
    return name in _LISTS and at_443


KINDS: dict[str, Callable[[Measurement], Measurement]] = {
    "ours": dict,
    "OONI's": with_public_helper,
    "none": without_helper,
}


def main() -> int:
    """Print the table. Return 1 if a kind accuses what the scenario does not expect to be accused."""
    found, false = Counter[tuple[str, bool]](), Counter[str]()
    for name, line in _measurements():
        verdicts = {kind: _verdicts(change(line)) for kind, change in KINDS.items()}
        for service, (state, mechanism) in verdicts["ours"].items():
            comparable = mechanism.partition(".")[0] in COMPARABLE
            for kind, states in verdicts.items():
                accused = states[service][0] in ACCUSING
                found[kind, comparable] += state in ACCUSING and accused
                false[kind] += accused and not _is_expected(name, service)
    print("| helper | names, connections, TLS, pages | calls, mail, QUIC, UDP | all | false |\n|---|---|---|---|---|")
    for kind in KINDS:
        parts = [(found[kind, c], found["ours", c]) for c in (True, False)]
        parts.append((sum(part for part, _ in parts), sum(whole for _, whole in parts)))
        cells = [f"{part} of {whole} ({part / whole:.0%})" for part, whole in parts]
        print(f"| {' | '.join([kind, *cells, str(false[kind])])} |")
    return int(any(false.values()))


def _measurements() -> Iterator[tuple[str, Measurement]]:
    """Yield the recorded measurements with an answer of our helper, and their scenarios."""
    for path in sorted(RECORDED.glob("*.jsonl.gz")):
        for _, raw in lines_of(path):
            line: Measurement = json.loads(raw)
            if (line["test_keys"].get("x_control") or {}).get("test_keys"):
                yield path.name.partition(".")[0], line


def _verdicts(line: Measurement) -> dict[str, tuple[str, str]]:
    records = judge_measurement(line, file="recorded", number=1)
    return {record["service"]: (record["state"] or "", (record["mechanisms"] or [""])[0]) for record in records}


def _is_expected(name: str, service: str) -> bool:
    expected = expectation_for(service, load_scenario(find_scenario(name)).expect)
    state = expected.state if expected is not None else None
    return state is None or bool(ACCUSING.intersection([state] if isinstance(state, str) else state))


if __name__ == "__main__":
    sys.exit(main())
