"""Make templates of synthetic measurements from recorded ones, with the verdicts that the scenario expects."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from probe.lab.recordings import recording_of
from probe.lab.scenario.expectations import expectation_for
from probe.lab.scenario.scenario import Scenario, find_scenario, load_scenario
from probe.lab.synth.excerpts import Document, lightened, small, without_helper
from probe.results.unpacking import open_unpacked

OF_WHOLE_SERVICES = ("relay.", "media.")  # mechanisms that no single endpoint shows
ACCUSED = frozenset({"blocked", "likely_blocked", "degraded"})
MOST_SERVICES = 2  # of a measurement, since a whole one has hundreds of kilobytes with similar content
# Placeholders in a template that each measurement fills in.
SLOTS = ("START", "RUN_START", "COUNTRY", "NETWORK", "NAME", "VERSION", "RUN", "RUNTIME", "CLOCK", "WORLD", "TOKEN")
TOKEN = ',"@TOKEN@":""'  # the place of an annotation that some measurements lack  # nosec B105
NUMBERS = ("RUNTIME", "CLOCK")  # slots that are written without quotes
_SLOT = re.compile(f"@({'|'.join(SLOTS)})@")


@dataclass(frozen=True)
class ExpectedVerdict:
    """Hold the verdict that a service must get. `state` is None if the measurement is invalid."""

    state: str | None
    mechanisms: tuple[str, ...] = ()


UNDECIDED = frozenset({"imaps-reset", "ip-blackhole", "service-down", "sip-drop", "tls-mitm"})
"""Scenarios in which only the control shows that the failure is not the server's."""
WITHOUT_CONTROL = {
    ("great-firewall", "telegram/dc_pool"): ExpectedVerdict("impaired"),
    ("great-firewall", "signal/calls"): ExpectedVerdict("blocked", ("dns.injection.other",)),
    ("dot-doh-blocked", "signal/calls"): ExpectedVerdict("insufficient"),
    ("dot-doh-blocked", "sip/andrews_arnold"): ExpectedVerdict("insufficient"),
    ("dot-doh-blocked", "sip/sip2sip"): ExpectedVerdict("insufficient"),
}
"""Other verdicts by scenario and service that change without the control. Tests compute all of them."""


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


def load_templates(
    wanted: Mapping[str, Collection[str]], *, light: bool = False, helper: bool = True
) -> dict[tuple[str, str], Template]:
    """Return templates by (scenario, target), for the `wanted` targets by scenario with exact expectations.

    `light`: measurements of one service over IPv4, less than half as long. `helper`: False if the test helper is down.
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
    return {key: _template(*key, *pair, kept[key[1]], light, helper) for key, pair in known.items()}


def _recorded(scenario: str) -> list[Document]:
    path = recording_of(scenario)
    if path is None:
        return []
    with open_unpacked(path) as lines:
        return [json.loads(text) for text in lines]


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
    """Return the roles of a target, in the order of how many scenarios accuse them.

    Services whose verdict rests on more than one endpoint are left out, because a template keeps one of each.
    """
    accusals: dict[str, int] = {}
    compared: set[str] = set()
    for (_, other), pair in known.items():
        for service, verdict in (_expected(*pair) or {}).items() if other == target else ():
            role = service.partition("/")[2]
            accusals[role] = accusals.get(role, 0) + (verdict.state in ACCUSED)
            if any(mechanism.startswith(OF_WHOLE_SERVICES) for mechanism in verdict.mechanisms):
                compared.add(role)
    return sorted(accusals.keys() - compared, key=lambda role: (-accusals[role], role))


def _template(
    name: str, target: str, scenario: Scenario, measurement: Document, roles: list[str], light: bool, helper: bool
) -> Template:
    expected = _expected(scenario, measurement) or {}
    truth = {f"{target}/{role}": expected[f"{target}/{role}"] for role in roles if f"{target}/{role}" in expected}
    measurement = lightened(small(measurement, roles)) if light else small(measurement, roles)
    if not helper:
        measurement = without_helper(measurement)
        truth = {service: _without_control(name, service, verdict) for service, verdict in truth.items()}
    text = json.dumps(_with_slots(measurement), separators=(",", ":"))
    text = text.replace(TOKEN, "@TOKEN@")
    for slot in NUMBERS:
        text = text.replace(f'"@{slot}@"', f"@{slot}@")
    pieces = _SLOT.split(text)
    return Template(name, target, truth, tuple(pieces[::2]), tuple(pieces[1::2]))


def _without_control(scenario: str, service: str, verdict: ExpectedVerdict) -> ExpectedVerdict:
    """Return the verdict that follows from the same evidence if the test helper was down."""
    undecided = scenario in UNDECIDED and verdict.state not in {"ok", None}
    return WITHOUT_CONTROL.get((scenario, service)) or (ExpectedVerdict("impaired") if undecided else verdict)


def _with_slots(measurement: Document) -> Document:
    about = {key: value for key, value in measurement["annotations"].items() if key != "lab"}
    measurement["annotations"] = about | {"synthetic": "@WORLD@", "@TOKEN@": ""}
    measurement |= {"measurement_start_time": "@START@", "test_start_time": "@RUN_START@"}
    measurement |= {"probe_cc": "@COUNTRY@", "probe_asn": "@NETWORK@", "probe_network_name": "@NAME@"}
    measurement |= {"resolver_asn": "@NETWORK@", "software_version": "@VERSION@", "test_runtime": "@RUNTIME@"}
    run = measurement["test_keys"]["x_run"]
    run["run_id"] = "@RUN@"
    for check in (run["preflight"], *run.get("network_checks", ())):
        if check.get("clock_skew") is not None:  # null where no neutral host told the time
            check["clock_skew"] = "@CLOCK@"
    return measurement
