"""Compute one verdict per app and run, from the verdict records of its services (docs/contract.md, 7.6)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypedDict

from probe.analysis.engines.engine import SQLiteEngine
from probe.analysis.observations.lenient_json import number, table, text
from probe.analysis.pipeline.conclusions.apps import APP_NEED, APP_SERVICE, APP_STATEMENTS
from probe.analysis.pipeline.statement import InputTable, Statement
from probe.analysis.rules.mechanisms import deepest
from probe.analysis.rules.tables import RULES, RULESET
from probe.analysis.verdicts.app_sentences import app_sentence
from probe.analysis.verdicts.plain_sentences import plain_sentence
from probe.analysis.verdicts.service_needs import needs_of, role_of
from probe.targets.needs import NEEDS, essential_of

Record = Mapping[str, Any]
CERTAIN_PAIRS = 3  # of media flows, which use other ports each. One pair can be on a faulty link of several.
Certainty = Literal["certain", "likely", "unclear"]


class AppEngine(Protocol):
    """Hold tables that Python fills and SQL makes. SQLiteEngine and DuckDBEngine do."""

    def put(self, table: InputTable, rows: Sequence[tuple[Any, ...]]) -> None:
        """Replace the rows of a table."""
        ...

    def run(self, statement: Statement) -> None:
        """Fill the table of a statement."""
        ...

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        ...


class AppService(TypedDict):
    """Hold what an app verdict says about one service."""

    service: str
    state: str | None
    rule_id: str


class AppVerdict(TypedDict):
    """Hold the verdict on one app in one run, with the keys of docs/contract.md in their order."""

    measurement_start_time: str
    run_id: str
    probe_cc: str
    probe_asn: str
    app: str
    title: str
    round: int
    state: str | None
    certainty: Certainty
    needs: dict[str, str]
    mechanisms: list[str]
    valid: bool
    invalid_reason: str | None
    rule_id: str
    ruleset: str
    because: str
    sentence: str
    services: list[AppService]
    measurement_file: str


class AppRecords(TypedDict):
    """Hold the verdict records of one app in one round of a run, and what its measurements say about it."""

    title: str
    round: int
    records: list[Record]
    needs: dict[str, list[str]]


def judge_apps(
    records: Iterable[Record], targets: Mapping[str, Record], engine: AppEngine | None = None
) -> list[AppVerdict]:
    """Compute the verdicts on the apps of these records, in the order in which the apps occur.

    `targets` has the measurement's `x_target` by the name of the target, with the services of all its measurements.
    """
    apps = list(_grouped(records, targets))
    if engine is not None:
        return _judged(apps, engine)
    with SQLiteEngine() as made:
        return _judged(apps, made)


def _grouped(records: Iterable[Record], targets: Mapping[str, Record]) -> Iterable[AppRecords]:
    """Return the records of each app and round. A service that occurs again in a run begins its next round.

    OONI's measurements have no run. Each of them is a run of its own.
    """
    groups: dict[tuple[str, ...], AppRecords] = {}
    rounds: Counter[tuple[str, ...]] = Counter()
    for record in records:
        file, line = text(record.get("measurement_file")), str(record.get("measurement_line"))
        where = (run,) if (run := text(record.get("run_id"))) else (file, line)
        rounds[(*where, text(record.get("service")))] += 1
        number, name = rounds[(*where, text(record.get("service")))], text(record.get("target"))
        facts = table(targets.get(name))
        made = AppRecords(title=text(facts.get("title")) or name, round=number, records=[], needs={})
        group = groups.setdefault((*where, name, str(number)), made)
        group["records"].append(record)
        group["needs"][role_of(record)] = needs_of(record, facts)
    return groups.values()


def _judged(apps: Sequence[AppRecords], engine: AppEngine) -> list[AppVerdict]:
    _fill(engine, apps)
    for statement in APP_STATEMENTS:
        engine.run(statement)
    rules = {m: text(rule) for m, rule in engine.rows("SELECT m, rule_id FROM app_verdict")}
    needs: dict[int, dict[str, str]] = {}
    for m, need, state in engine.rows("SELECT m, need, state FROM need_verdict"):
        needs.setdefault(m, {})[need] = state
    return [_verdict(app, rules.get(m), needs.get(m, {})) for m, app in enumerate(apps)]


def _fill(engine: AppEngine, apps: Sequence[AppRecords]) -> None:
    """Fill the tables about services and needs. Invalid records have no state and are left out."""
    services, needs = list[tuple[Any, ...]](), list[tuple[Any, ...]]()
    for m, app in enumerate(apps):
        essential = essential_of(frozenset(need for each in app["needs"].values() for need in each))
        for record in filter(_is_valid, app["records"]):
            role = role_of(record)
            services.append((m, role, text(record.get("state"))))
            needs += [(m, need, role, need in essential) for need in app["needs"][role]]
    engine.put(APP_SERVICE, services)
    engine.put(APP_NEED, needs)


def _is_valid(record: Record) -> bool:
    return bool(record.get("valid", True))


def _verdict(app: AppRecords, rule_id: str | None, states: Mapping[str, str]) -> AppVerdict:
    first, records = app["records"][0], app["records"]
    needs: dict[str, str] = {need: states[need] for need in NEEDS if need in states}
    rule = RULES[rule_id] if rule_id is not None else None
    deciding = _deciding(app, str(rule.state) if rule else "", needs)
    return AppVerdict(
        measurement_start_time=min(text(record.get("measurement_start_time")) for record in records),
        run_id=text(first.get("run_id")),
        probe_cc=text(first.get("probe_cc")),
        probe_asn=text(first.get("probe_asn")),
        app=text(first.get("target")),
        title=app["title"],
        round=app["round"],
        state=str(rule.state) if rule else None,
        certainty=_certainty(str(rule.state), deciding) if rule else "unclear",
        needs=needs,
        mechanisms=deepest({name for record in records for name in record.get("mechanisms") or ()}),
        valid=rule is not None,
        invalid_reason=None if rule else text(first.get("invalid_reason")),
        rule_id=rule.rule_id if rule else text(first.get("rule_id")),
        ruleset=RULESET,
        because=rule.because if rule else text(first.get("because")),
        sentence=_sentence(app, rule_id, needs, deciding),
        services=[_service(record) for record in records],
        measurement_file=text(first.get("measurement_file")),
    )


def _service(record: Record) -> AppService:
    return {
        "service": text(record.get("service")),
        "state": record.get("state"),
        "rule_id": text(record.get("rule_id")),
    }


def _deciding(app: AppRecords, state: str, needs: Mapping[str, str]) -> list[Record]:
    """Return the records of the services that decide: those of the needs with the app's state, the essential first.

    Of these the ones with that state come first. For an app that works they are all of its essential services.
    """
    essential = essential_of(frozenset(needs))
    having = [need for need in needs if needs[need] == state]
    chosen = [need for need in having if need in essential] or having or list(needs)
    serving = [
        record
        for record in filter(_is_valid, app["records"])
        if any(need in chosen for need in app["needs"][role_of(record)])
    ]
    return sorted(serving, key=lambda record: record.get("state") != state)


def _sentence(app: AppRecords, rule_id: str | None, needs: Mapping[str, str], deciding: list[Record]) -> str:
    if rule_id is None:
        return plain_sentence(app["records"][0])
    essential = sorted(essential_of(frozenset(needs)), key=NEEDS.index)
    return app_sentence(rule_id, needs, essential, deciding, list(filter(_is_valid, app["records"])))


def _certainty(state: str, deciding: Sequence[Record]) -> Certainty:
    """Return how sure the state is: by an artefact or a proof, by repeated failures only, or neither."""
    if state in {"impaired", "insufficient"}:
        return "unclear"
    if state == "ok":
        return "likely" if all(record.get("proof") == "tcp" for record in deciding) else "certain"
    return "certain" if any(_has_artefact(record) or _repeats_with_calls(record) for record in deciding) else "likely"


def _repeats_with_calls(record: Record) -> bool:
    """Return whether each of three pairs or more shows the same about the packets of the service's calls."""
    media = table(record.get("media"))
    affected = number(media.get("pairs_affected"))
    return affected >= CERTAIN_PAIRS and affected == media.get("pairs")


def _has_artefact(record: Record) -> bool:
    """Return whether the service, or an endpoint of it, is blocked. This state needs a decisive artefact."""
    parts = [table(part).get("state") for part in record.get("endpoints") or ()]
    return "blocked" in {record.get("state"), *parts}
