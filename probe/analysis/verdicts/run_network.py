"""Collect what the measurements of a run say about its network, as rows of the tables about regimes."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from probe.analysis.observations.entry_index import endpoint_of
from probe.analysis.observations.failure_kinds import CLOSED, REFUSED, RESET, TIMEOUT, UNREACHABLE, kind_of
from probe.analysis.observations.lenient_json import address, failure, table, tables, text, texts
from probe.analysis.observations.neutral_outcomes import heard_rows, neutral_row
from probe.analysis.ruleset.tables import rule_of
from probe.targets.target import family_of

Record = Mapping[str, Any]
Row = tuple[Any, ...]
FLOW_KINDS = frozenset(
    {"innocuous", "other_name_same_address", "nonexistent_name_neutral_host", "neutral_name_neutral_host"}
)
CUT_OFF = frozenset({RESET, TIMEOUT, CLOSED, REFUSED, UNREACHABLE})
NOT_COUNTED = ("began", "runtime", "helpers")  # keys in which equal checks differ between measurements


@dataclass
class RunNetwork:
    """Hold the checks of the network of one run, and its flows with innocuous, non-existent and neutral names."""

    checks: dict[str, Record] = field(default_factory=dict)  # by their text, because measurements share them
    flows: set[Row] = field(default_factory=set)

    def add(self, measurement: Record) -> None:
        """Add what one measurement says. One without `x_run`, such as OONI's, says nothing."""
        keys = table(measurement.get("test_keys"))
        run = table(keys.get("x_run"))
        for check in (table(run.get("preflight")), *tables(run.get("network_checks"))):
            if check:
                known = {name: value for name, value in check.items() if name not in NOT_COUNTED}
                self.checks[json.dumps(known, sort_keys=True)] = known
        self.flows.update(_flow_rows(tables(keys.get("x_transactions"))))

    def check_rows(self) -> Iterator[Row]:
        """Yield the rows of the table `run_check`, without the number of the run."""
        for check in self.checks.values():
            udp, mtu = check.get("udp_public"), check.get("mtu")
            passed = int(udp) if isinstance(udp, bool) else -1
            yield bool(check.get("portal")), passed, isinstance(mtu, dict), check.get("resolver_class") == "isp"

    def neutral_rows(self) -> list[Row]:
        """Return the rows of the table `run_neutral`, without the number of the run.

        Without a route over IPv6, or with a broken one, every host is silent over it. That shows nothing about IPv4.
        """
        tests = [host for check in self.checks.values() for host in tables(check.get("neutral"))]
        return heard_rows((family_of(address(host.get("address"))), neutral_row(host)) for host in tests)

    def flow_rows(self) -> list[Row]:
        """Return the rows of the table `run_flow`, without the number of the run."""
        return sorted(self.flows)

    def text(self) -> str:
        """Return the same as one short text, "" without a check. `StoredNetwork` reads it."""
        if not self.checks:
            return ""
        tests = [host for check in self.checks.values() for host in tables(check.get("neutral"))]
        hosts = {(family_of(address(host.get("address"))), *neutral_row(host)) for host in tests}
        return _compact([sorted(set(self.check_rows())), sorted(hosts), self.flow_rows()])


@dataclass
class StoredNetwork:
    """Hold the checks of the network and the flows of one run, each kind once, as a table of verdicts keeps them.

    The rules ask whether there are such checks, and how each host ended, so that equal rows decide nothing.
    """

    checks: set[Row] = field(default_factory=set)
    hosts: set[Row] = field(default_factory=set)  # the family of the address, and a row of `run_neutral`
    flows: set[Row] = field(default_factory=set)

    def add(self, written: str) -> None:
        """Add what `RunNetwork.text` returned. A text that cannot be read adds nothing."""
        try:
            parts = json.loads(written or "[]")
        except ValueError:
            return
        for rows, found, length in zip((self.checks, self.hosts, self.flows), _lists(parts), _LENGTHS, strict=False):
            rows.update(tuple(row) for row in _lists(found) if len(row) == length and _is_plain(row))

    def check_rows(self) -> Iterator[Row]:
        """Yield the rows of the table `run_check`, without the number of the run."""
        yield from self.checks

    def neutral_rows(self) -> list[Row]:
        """Return the rows of the table `run_neutral`, without the number of the run."""
        return heard_rows((row[0], row[1:]) for row in self.hosts)

    def flow_rows(self) -> list[Row]:
        """Return the rows of the table `run_flow`, without the number of the run."""
        return list(self.flows)


_LENGTHS = (4, 5, 4)  # columns of the rows in a text
_compact = json.JSONEncoder(separators=(",", ":")).encode


def _lists(value: Any) -> list[list[Any]]:
    return [one for one in value if isinstance(one, list)] if isinstance(value, list) else []


def _is_plain(row: list[Any]) -> bool:
    return all(isinstance(value, str | int) for value in row)


def _flow_rows(transactions: Iterable[Record]) -> Iterator[Row]:
    for one in transactions:
        kind = text(one.get("followup")) or text(one.get("kind"))
        if kind not in FLOW_KINDS:
            continue
        failed, operation = failure(one.get("failure")), text(one.get("failed_operation"))
        by_quic = "quic_handshake" in {operation, *texts(one.get("steps"))}
        passed = failed is None or (kind_of(failed) not in CUT_OFF and operation not in {"connect", ""})
        if passed or kind_of(failed) in CUT_OFF:
            yield kind, "quic" if by_quic else "stream", text(one.get("endpoint")), passed


def endpoint_rows(records: Iterable[Record]) -> Iterator[Row]:
    """Yield the rows of the table `run_endpoint` without the number of the run. Invalid records are left out."""
    for record in records:
        if record.get("valid", True):
            yield from (_endpoint_row(record, table(part)) for part in record.get("endpoints") or ())


def _endpoint_row(record: Record, part: Record) -> Row:
    url = text(part.get("endpoint"))
    endpoint = endpoint_of(url)
    facts = endpoint.facts if endpoint else None
    carrier = "stream"
    if facts is not None and facts.carrier == "udp":
        carrier = "quic" if "quic" in facts.layers else "datagram"
    names = "" if facts is None or not facts.is_resolver else "encrypted" if facts.authenticates_server else "plain"
    return (
        text(record.get("target")),
        text(record.get("service")),
        url,
        carrier,
        endpoint.port if endpoint else 0,
        facts is not None and facts.authenticates_server,
        names,
        text(part.get("state")),
        rule.key if (rule := rule_of(part)) else text(part.get("rule_id")),
        text(record.get("state")),
        bool(record.get("anomalies")),
        any(name.startswith("dns.injection") for name in texts(part.get("mechanisms"))),
        int(record.get("measurement_line") or 0),
    )
