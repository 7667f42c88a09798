"""Compute one verdict per endpoint, from the verdicts on its name and on its addresses."""

from dataclasses import dataclass, field

from probe.analysis.engines.engine import Engine, Subject
from probe.analysis.features.access_network import AccessNetwork, access_network_of
from probe.analysis.features.addresses import address_row
from probe.analysis.features.attempts import Attempts, addresses_of, proof_of
from probe.analysis.features.dns.names import name_row, name_transactions
from probe.analysis.features.rows import AddressRow, EndpointRow, NameRow
from probe.analysis.features.verified_addresses import Verified
from probe.analysis.observations.index import endpoint_of
from probe.analysis.observations.rows import FlatMeasurement
from probe.analysis.rules.mechanisms import deepest
from probe.analysis.rules.rule import ACCUSING, Rule, State
from probe.analysis.rules.tables import RULES, tables_for
from probe.targets.dialects import deepest_proof
from probe.targets.target import Endpoint, family_of, is_address

_ABSENT = {
    "name_family_absent": "family",
    "address_family_absent": "family",
    "address_datagrams_absent": "datagrams",
}
_UNPROVEN = frozenset({"address_unproven", "address_unproven_fails", "address_interrupted"})


@dataclass(frozen=True)
class Part:
    """Hold the rule that decided on one address of an endpoint, or on its name, and the attempts there."""

    rule: Rule
    endpoint: Endpoint | None = None
    attempts: Attempts | None = None

    def is_alternative(self) -> bool:
        """Return True if only other resolvers than the system's gave the address. Apps never connect to it."""
        rows = self.attempts.target if self.attempts else ()
        return all(row.followup == "alternative_address" for row in rows)

    def proof(self) -> str:
        """Return the deepest layer that succeeded, "" if none did."""
        rows = self.attempts.target if self.attempts and self.endpoint else ()
        return deepest_proof([proof_of(row, self.endpoint) for row in rows if self.endpoint])


@dataclass
class EndpointVerdict:
    """Hold the verdict on one endpoint.

    `absent` is "family" or "datagrams" if this network lacks that address family, or UDP. The service's verdict then
    leaves the endpoint out. `judged` and `working` count addresses. `untested`: the time limit of the run was over
    before the endpoint was tested to its end.
    """

    url: str
    rule: Rule
    state: State
    mechanisms: list[str] = field(default_factory=list)
    anomalies: list[str] = field(default_factory=list)
    proof: str = ""
    transactions: list[int] = field(default_factory=list)
    absent: str = ""
    working: int = 0
    judged: int = 0
    untested: bool = False


def judge_endpoints(
    urls: list[str], measurement: FlatMeasurement, proofs: Verified, engine: Engine
) -> dict[str, EndpointVerdict]:
    """Judge every endpoint of a measurement, with three calls of the engine: names, addresses, endpoints."""
    endpoints = {url: endpoint_of(url) for url in urls}
    around = access_network_of(measurement, proofs)
    names = _judge_names(endpoints, measurement, proofs, around, engine)
    addresses = _judge_addresses(endpoints, measurement, proofs, around, engine)
    verdicts: dict[str, EndpointVerdict] = {}
    rows: list[EndpointRow] = []
    for url, endpoint in endpoints.items():
        host = endpoint.host if endpoint else ""
        parts = _parts_that_count(names[host], addresses[url])
        rows.append(_endpoint_row(parts[0], parts[1:]))
        verdicts[url] = _draft(url, parts, _transactions(host, addresses[url], proofs))
        verdicts[url].absent = _why_absent(endpoint, names[host], addresses[url], around.families)
        verdicts[url].proof = deepest_proof([part.proof() for part in parts])
    rules = engine.decide(rows, tables_for(EndpointRow), [(url,) for url in endpoints])
    for verdict, decided in zip(verdicts.values(), rules, strict=True):
        _finish(verdict, RULES[decided["endpoint"]], names, addresses[verdict.url], endpoints[verdict.url])
        verdict.untested = around.out_of_time and verdict.rule.untested
    return verdicts


def _judge_names(
    endpoints: dict[str, Endpoint | None],
    measurement: FlatMeasurement,
    proofs: Verified,
    around: AccessNetwork,
    engine: Engine,
) -> dict[str, Rule]:
    """Return the rule that decided on each host name. Address literals and invalid URLs (host "") get an empty row."""
    hosts = list(dict.fromkeys(endpoint.host if endpoint else "" for endpoint in endpoints.values()))
    rows = [
        NameRow() if not host or is_address(host) else name_row(host, measurement, proofs, around) for host in hosts
    ]
    decided = engine.decide(rows, tables_for(NameRow), [(host,) for host in hosts])
    return {host: RULES[rules["name"]] for host, rules in zip(hosts, decided, strict=True)}


def _judge_addresses(
    endpoints: dict[str, Endpoint | None],
    measurement: FlatMeasurement,
    proofs: Verified,
    around: AccessNetwork,
    engine: Engine,
) -> dict[str, list[Part]]:
    """Return one part per address that was tried, by the endpoint's URL."""
    rows: list[AddressRow] = []
    subjects: list[Subject] = []
    done: list[tuple[str, Endpoint, Attempts]] = []
    for url, endpoint in endpoints.items():
        for address in addresses_of(endpoint, proofs) if endpoint else ():
            assert endpoint is not None
            row, attempts = address_row(endpoint, address, measurement, proofs, around)
            rows.append(row)
            subjects.append((url, address))
            done.append((url, endpoint, attempts))
    parts: dict[str, list[Part]] = {url: [] for url in endpoints}
    rules = engine.decide(rows, tables_for(AddressRow), subjects)
    for (url, endpoint, attempts), decided in zip(done, rules, strict=True):
        parts[url].append(Part(deciding_layer(endpoint, decided), endpoint, attempts))
    return parts


def deciding_layer(endpoint: Endpoint, decided: dict[str, str]) -> Rule:
    """Return the rule of the lowest layer that is not ok, since a failure hides the layers above it.

    If all layers are ok, return the topmost rule with an anomaly, else the rule of the top layer.
    """
    rules = [RULES[decided[table]] for table in endpoint.facts.rule_tables]
    if_all_ok = next((rule for rule in reversed(rules) if rule.mechanism), rules[-1])
    return next((rule for rule in rules if rule.state != State.OK), if_all_ok)


def _parts_that_count(name: Rule, addresses: list[Part]) -> list[Part]:
    """Return the name, then the verified addresses. Unverified addresses count only if no address is verified."""
    present = [part for part in addresses if part.rule.rule_id not in _ABSENT]
    verified = [part for part in present if part.rule.rule_id not in _UNPROVEN]
    return [Part(name), *(verified or present)]


def _endpoint_row(name: Part, addresses: list[Part]) -> EndpointRow:
    state = name.rule.state
    works = [part for part in addresses if part.rule.state == State.OK]
    # If nothing verifies the system resolver's answer, an address from another resolver does not help the apps.
    astray = name.rule.rule_id == "name_unproven" and bool(works) and all(part.is_alternative() for part in works)
    row = EndpointRow(
        name_accused=state in ACCUSING,
        name_fine=state in {State.OK, State.INSUFFICIENT} and not astray,
        working=len(works),
    )
    for part in [name, *addresses]:
        left_out = part is name and addresses and state == State.INSUFFICIENT and not astray
        if part.rule.state != State.OK and not left_out:
            setattr(row, part.rule.state, getattr(row, part.rule.state) + 1)
    return row


def _draft(url: str, parts: list[Part], transactions: list[int]) -> EndpointVerdict:
    """Return the verdict without its state: mechanisms, anomalies and counts of all parts together."""
    accused = {part.rule.mechanism for part in parts if part.rule.state in ACCUSING}
    anomalies = {part.rule.mechanism for part in parts if part.rule.state == State.OK}
    working = [part for part in parts[1:] if part.rule.state == State.OK]
    return EndpointVerdict(
        url,
        parts[0].rule,
        State.INSUFFICIENT,
        deepest(accused - {""}),
        sorted(anomalies - {""}),
        transactions=transactions,
        working=len(working),
        judged=len(parts) - 1,
    )


def _finish(
    verdict: EndpointVerdict, rule: Rule, names: dict[str, Rule], addresses: list[Part], endpoint: Endpoint | None
) -> None:
    """Set the verdict's state and the rule of the deciding part."""
    name = names[endpoint.host if endpoint else ""]
    parts = _parts_that_count(name, addresses)
    verdict.state = rule.state
    deciding = [part.rule for part in parts if part.rule.state == rule.state and not _is_ok_name(part)]
    verdict.rule = deciding[0] if rule.defers and deciding else rule
    if verdict.absent == "datagrams":
        verdict.rule = RULES["address_datagrams_absent"]
    if verdict.state not in ACCUSING:
        verdict.mechanisms = []
    if not verdict.proof and name.state == State.OK and endpoint is not None and not endpoint.is_literal:
        verdict.proof = "dns"


def _is_ok_name(part: Part) -> bool:
    return part.attempts is None and part.rule.state == State.OK


def _why_absent(endpoint: Endpoint | None, name: Rule, addresses: list[Part], families: frozenset[int]) -> str:
    if endpoint is None or name.state in ACCUSING:
        return ""
    if endpoint.is_literal and not addresses:
        return "" if family_of(endpoint.host) in families else "family"
    if not addresses:
        return _ABSENT.get(name.rule_id, "")
    reasons = {_ABSENT.get(part.rule.rule_id, "") for part in addresses}
    return min(reasons, default="")  # "" if any address counts, else "datagrams" before "family"


def _transactions(host: str, addresses: list[Part], proofs: Verified) -> list[int]:
    """Return the ids of the probe's transactions that the state rests on, sorted."""
    rests_on = set(name_transactions(host, proofs)) if host else set()
    for part in addresses:
        rests_on |= part.attempts.transactions() if part.attempts else set()
    return sorted(rests_on)
