"""Make templates of synthetic measurements from recorded ones, with the verdicts that the scenario expects."""

import gzip
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from probe.formats.keys import LISTS, places_of_entries
from probe.lab.run import recording_of
from probe.lab.scenario.expectations import expectation_for
from probe.lab.scenario.scenario import Scenario, find_scenario, load_scenario

ACCUSED = frozenset({"blocked", "likely_blocked", "degraded"})
MOST_SERVICES = 2  # of a measurement, since a whole one has hundreds of kilobytes with similar content
# Placeholders in a template that each measurement fills in.
SLOTS = ("START", "COUNTRY", "NETWORK", "NAME", "VERSION", "RUN", "RUNTIME", "SEED")
_SLOT = re.compile(f"@({'|'.join(SLOTS)})@")

Document = dict[str, Any]


@dataclass(frozen=True)
class ExpectedVerdict:
    """Hold the verdict that a service must get. `state` is None if the measurement is invalid."""

    state: str | None
    mechanisms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Template:
    """Hold a measurement with placeholders. `parts` and `slots` alternate, starting and ending with a part."""

    scenario: str
    target: str
    truth: dict[str, ExpectedVerdict]
    parts: tuple[str, ...]
    slots: tuple[str, ...]

    def filled(self, values: dict[str, str]) -> str:
        """Return the JSON text of a measurement, without newline."""
        pieces = [part + values[slot] for part, slot in zip(self.parts, self.slots, strict=False)]
        return "".join(pieces) + self.parts[-1]


def load_templates(wanted: Mapping[str, Collection[str]], *, light: bool = False) -> dict[tuple[str, str], Template]:
    """Return templates by (scenario, target), for the `wanted` targets by scenario with exact expectations.

    `light`: measurements of one service over IPv4, less than half as long.
    """
    found: dict[tuple[str, str], tuple[Scenario, list[Document]]] = {}
    for name in wanted:
        scenario = load_scenario(find_scenario(name))
        for measurement in _recorded(name):
            target = measurement["test_keys"]["x_target"]["name"]
            found.setdefault((name, target), (scenario, []))[1].append(measurement)
    whole = {key: (scenario, many[0]) for key, (scenario, many) in found.items() if len(many) == 1}
    known = {key: pair for key, pair in whole.items() if key[1] in wanted[key[0]] and _expected(*pair) is not None}
    kept = {target: _services_of_interest(target, known)[: 1 if light else MOST_SERVICES] for _, target in known}
    return {key: _template(*key, *pair, kept[key[1]], light) for key, pair in known.items()}


def _recorded(scenario: str) -> list[Document]:
    path = recording_of(scenario)
    if path is None:
        return []
    return [json.loads(text) for text in gzip.decompress(path.read_bytes()).splitlines()]


def _expected(scenario: Scenario, measurement: Document) -> dict[str, ExpectedVerdict] | None:
    """Return the expected verdict of each service, None if an expectation is not exact."""
    target, found = measurement["test_keys"]["x_target"], {}
    for role in target["services"]:
        service = f"{target['name']}/{role}"
        wanted = expectation_for(service, scenario.expect)
        if wanted is not None and wanted.valid is False:
            found[service] = ExpectedVerdict(None)
        elif wanted is not None and isinstance(wanted.state, str) and wanted.mechanisms is not None:
            found[service] = ExpectedVerdict(wanted.state, tuple(sorted(wanted.mechanisms)))
        else:
            return None
    return found


def _services_of_interest(target: str, known: dict[tuple[str, str], tuple[Scenario, Document]]) -> list[str]:
    """Return the roles of a target, in the order of how many scenarios accuse them."""
    accusals: dict[str, int] = {}
    for (_, other), pair in known.items():
        for service, verdict in (_expected(*pair) or {}).items() if other == target else ():
            role = service.partition("/")[2]
            accusals[role] = accusals.get(role, 0) + (verdict.state in ACCUSED)
    return sorted(accusals, key=lambda role: (-accusals[role], role))


def _template(
    name: str, target: str, scenario: Scenario, measurement: Document, roles: list[str], light: bool
) -> Template:
    expected = _expected(scenario, measurement) or {}
    truth = {f"{target}/{role}": expected[f"{target}/{role}"] for role in roles if f"{target}/{role}" in expected}
    measurement = _light(small(measurement, roles)) if light else small(measurement, roles)
    text = json.dumps(_with_slots(measurement), separators=(",", ":"))
    pieces = _SLOT.split(text.replace('"@RUNTIME@"', "@RUNTIME@"))
    return Template(name, target, truth, tuple(pieces[::2]), tuple(pieces[1::2]))


def _with_slots(measurement: Document) -> Document:
    about = {key: value for key, value in measurement["annotations"].items() if key != "lab"}
    measurement["annotations"] = about | {"synthetic": "@SEED@"}
    measurement["measurement_start_time"] = measurement["test_start_time"] = "@START@"
    measurement |= {"probe_cc": "@COUNTRY@", "probe_asn": "@NETWORK@", "probe_network_name": "@NAME@"}
    measurement |= {"resolver_asn": "@NETWORK@", "software_version": "@VERSION@", "test_runtime": "@RUNTIME@"}
    measurement["test_keys"]["x_run"]["run_id"] = "@RUN@"
    return measurement


# -- small ---------------------------------------------------------------------------------------------------------


def small(measurement: Document, roles: list[str]) -> Document:
    """Return the measurement with one endpoint per service, leaf certificates only, without bodies and packets."""
    keys = measurement["test_keys"]
    services = {role: service for role, service in keys["x_target"]["services"].items() if role in roles}
    for service in services.values():
        service["endpoints"] = service["endpoints"][:1]
    keys["x_target"]["services"] = services
    endpoints = {endpoint for service in services.values() for endpoint in service["endpoints"]}
    _only(keys, endpoints)
    if (keys.get("x_control") or {}).get("test_keys"):
        _only(keys["x_control"]["test_keys"], endpoints)
    return measurement


def _only(keys: Document, endpoints: set[str]) -> None:
    """Keep the transactions of these endpoints, what lookups of their hosts compare, echo pairs, and their entries."""
    hosts = {endpoint.split("//")[1].split("/")[0].split(";")[0].rpartition(":")[0] for endpoint in endpoints}
    records = [
        one
        for one in keys["x_transactions"]
        # One echo pair at the helper stands for every endpoint of its dialect.
        if one["endpoint"] in endpoints
        or one["hostname"] in hosts
        or str(one.get("followup")).endswith(("_echo", "_system_resolver"))
    ]
    _keep(keys, records)
    keys["network_events"], keys["x_packets"] = [], None


def _keep(keys: Document, records: list[Document]) -> None:
    """Keep these transactions and their entries."""
    ids = {record["transaction_id"] for record in records}
    keys["x_transactions"] = records
    for holder in (keys, keys.get("x_endpoints") or {}, keys.get("x_followups") or {}):
        for kind in LISTS:
            if kind in holder:
                holder[kind] = [_bare(entry) for entry in holder[kind] if entry["transaction_id"] in ids]


def _light(measurement: Document) -> Document:
    """Remove IPv6, empty lists, raw datagrams, header lists, and the control's copy of the run."""
    keys = measurement["test_keys"]
    control = (keys.get("x_control") or {}).get("test_keys") or {}
    for half in filter(None, (keys, control)):
        _keep(half, [record for record in half["x_transactions"] if record["family"] != 6])
        for holder in places_of_entries(half):
            for kind in LISTS:
                kept = [_thin(entry) for entry in holder.pop(kind, []) if entry.get("query_type") != "AAAA"]
                holder |= {kind: kept} if kept else {}
    for known in ("x_run", "x_target"):
        control.pop(known, None)
    return measurement


def _thin(entry: Document) -> Document:
    for part in (entry, entry.get("request"), entry.get("response"), *entry.get("x_responses", ())):
        if isinstance(part, dict):  # STUN's response is text
            for key in ("raw_response", "headers_list"):
                part.pop(key, None)
            if "headers" in part:
                part["headers"] = {name: value for name, value in part["headers"].items() if name == "Host"}
    return entry


def _bare(entry: Document) -> Document:
    if entry.get("peer_certificates"):
        entry["peer_certificates"] = entry["peer_certificates"][:1]
    if isinstance(entry.get("response"), dict) and entry["response"].get("body"):
        entry["response"]["body"] = ""
    return entry
