"""Compute one verdict per app and run, from the verdict records of its services (docs/contract.md, 7.6)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any, Literal, TypedDict
from urllib.parse import urlsplit

from probe.analysis.engines.sql_engine import SQLiteEngine, TableEngine
from probe.analysis.observations.lenient_json import network_number, number, table, text, texts
from probe.analysis.phenomena.speeds_not_compared import SPEED_UNTESTED
from probe.analysis.pipeline.app_tables import APP_NEED, APP_SERVICE, APP_STATEMENTS
from probe.analysis.rules.rule import State
from probe.analysis.rules.services import NOT_TRIED
from probe.analysis.ruleset.mechanisms import deepest
from probe.analysis.ruleset.tables import RULES, RULESET, rule_of
from probe.analysis.verdicts.app_sentences import app_sentence
from probe.analysis.verdicts.plain_sentences import plain_sentence
from probe.targets.dialects import DIALECTS
from probe.targets.needs import NEEDS, essential_of

_BY_SCHEME = {dialect.scheme: dialect.usual_need for dialect in DIALECTS.values() if dialect.usual_need}
_BY_ROLE = {
    **dict.fromkeys(("chat", "dc_pool", "long_link", "short_link"), "messages"),
    **dict.fromkeys(("media", "cdn"), "media"),
    **dict.fromkeys(("calls", "group_calls", "fcm", "apns"), "calls"),
    **dict.fromkeys(("registration", "signin", "storage", "directory", "host_list"), "sign_in"),
}
_WITH_WEB_CLIENT = frozenset({"skype", "snapchat", "teams", "telegram", "wechat", "whatsapp"})
# Measurements from before 2026-11-27 and OONI's have no `needs`. A test compares this table with the target files.


def needs_of(record: Mapping[str, Any], target: Mapping[str, Any]) -> list[str]:
    """Return the needs that the service of a verdict record serves. `target` is the measurement's `x_target`."""
    role = role_of(record)
    declared = texts(table(table(target.get("services")).get(role)).get("needs"))
    return [need for need in NEEDS if need in declared] or _by_role(record, role)


def role_of(record: Mapping[str, Any]) -> str:
    """Return the role of the service that a verdict record is about."""
    return text(record.get("service")).removeprefix(f"{text(record.get('target'))}/")


def _by_role(record: Mapping[str, Any], role: str) -> list[str]:
    name = text(record.get("target"))
    if name == "gmail" and role == "web":
        return ["messages", "pages"]
    if role == "web":
        return ["browser" if name in _WITH_WEB_CLIENT else "pages"]
    schemes = [text(table(one).get("endpoint")).partition("://")[0] for one in record.get("endpoints") or ()]
    return [_BY_ROLE.get(role) or next((_BY_SCHEME[each] for each in schemes if each in _BY_SCHEME), "pages")]


Record = Mapping[str, Any]
_ABSENT = frozenset({"service_retired", "service_datagrams_absent", "service_family_absent", "service_empty"})
"""The rules about services that cannot be tested on this network, so that no test is missing."""
CERTAIN_PAIRS = 3  # of media flows, which use other ports each. One pair can be on a faulty link of several.
Certainty = Literal["certain", "likely", "unclear"]


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
    records: Iterable[Record], targets: Mapping[str, Record], engine: TableEngine | None = None
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


def _judged(apps: Sequence[AppRecords], engine: TableEngine) -> list[AppVerdict]:
    _fill(engine, apps)
    for statement in APP_STATEMENTS:
        engine.run(statement)
    rules = {m: text(rule) for m, rule in engine.rows("SELECT m, rule_id FROM app_verdict")}
    needs: dict[int, dict[str, str]] = {}
    for m, need, state in engine.rows("SELECT m, need, state FROM need_verdict"):
        needs.setdefault(m, {})[need] = state
    return [_verdict(app, rules.get(m), needs.get(m, {})) for m, app in enumerate(apps)]


def _fill(engine: TableEngine, apps: Sequence[AppRecords]) -> None:
    """Fill the tables about services and needs. Invalid records have no state and are left out."""
    services, needs = list[tuple[Any, ...]](), list[tuple[Any, ...]]()
    for m, app in enumerate(apps):
        essential = essential_of(frozenset(need for each in app["needs"].values() for need in each))
        for record in filter(_is_valid, app["records"]):
            role = role_of(record)
            services.append((m, role, text(record.get("state")), _is_untested(record), _is_unfinished(record)))
            needs += [(m, need, role, need in essential) for need in app["needs"][role]]
    engine.put(APP_SERVICE, services)
    engine.put(APP_NEED, needs)


def _is_valid(record: Record) -> bool:
    return bool(record.get("valid", True))


def _is_untested(record: Record) -> bool:
    return record.get("state") == State.INSUFFICIENT and text(record.get("rule_id")) not in _ABSENT


def _is_unfinished(record: Record) -> bool:
    """Return whether a service works, and the run ended before the test of one of its endpoints did."""
    if record.get("state") != State.OK:
        return False
    parts = [
        (_family_of(text(table(part).get("endpoint"))), rule_of(table(part))) for part in record.get("endpoints") or ()
    ]
    tried = {family for family, rule in parts if rule is not None and rule.rule_id != NOT_TRIED}
    return any(rule.untested and (family is None or family in tried) for family, rule in parts if rule is not None)


def _family_of(url: str) -> int | None:
    """Return 4 or 6 for an endpoint that is an address. Where no such endpoint was tried, the family does not work."""
    try:
        return ip_address(urlsplit(url).hostname or "").version
    except ValueError:
        return None


def _verdict(app: AppRecords, rule_id: str | None, states: Mapping[str, str]) -> AppVerdict:
    first, records = app["records"][0], app["records"]
    needs: dict[str, str] = {need: states[need] for need in NEEDS if need in states}
    rule = RULES[rule_id] if rule_id is not None else None
    deciding = _deciding(app, str(rule.state) if rule else "", needs)
    return AppVerdict(
        measurement_start_time=min(text(record.get("measurement_start_time")) for record in records),
        run_id=text(first.get("run_id")),
        probe_cc=text(first.get("probe_cc")),
        probe_asn=network_number(first.get("probe_asn")),
        app=text(first.get("target")),
        title=app["title"],
        round=app["round"],
        state=str(rule.state) if rule else None,
        certainty=_certainty(app, rule.rule_id, rule.state, needs, deciding) if rule else "unclear",
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


def _certainty(
    app: AppRecords, rule_id: str, state: str, needs: Mapping[str, str], deciding: Sequence[Record]
) -> Certainty:
    """Return how sure the state is. It is as sure as that of the essential need about which least is known."""
    if state in {State.IMPAIRED, State.INSUFFICIENT}:
        return "unclear"
    certain = all(_is_certain(app, need, needs[need]) for need in essential_of(frozenset(needs)))
    if rule_id in _ABOUT_OTHER_NEEDS:
        certain = certain and any(map(_is_shown, deciding))
    if state == State.OK:
        certain = certain and State.INSUFFICIENT not in needs.values() and not _is_speed_unknown(app)
    return "certain" if certain else "likely"


_ABOUT_OTHER_NEEDS = frozenset({"app_other_need_blocked", "app_other_need_filtered_locally"})


def _is_certain(app: AppRecords, need: str, state: str) -> bool:
    """Return whether a service that serves the need proved its identity, or an artefact shows why none does."""
    serving = [record for record in filter(_is_valid, app["records"]) if need in app["needs"][role_of(record)]]
    if state == State.OK:
        return any(record.get("state") == State.OK and record.get("proof") != "tcp" for record in serving)
    return any(map(_is_shown, serving))


def _is_shown(record: Record) -> bool:
    return _has_artefact(record) or _repeats_with_calls(record)


def _is_speed_unknown(app: AppRecords) -> bool:
    return any(text(record.get("rule_id")) == SPEED_UNTESTED for record in app["records"])


def _repeats_with_calls(record: Record) -> bool:
    """Return whether each of three pairs or more shows the same about the packets of the service's calls."""
    media = table(record.get("media"))
    affected = number(media.get("pairs_affected"))
    return affected >= CERTAIN_PAIRS and affected == media.get("pairs")


def _has_artefact(record: Record) -> bool:
    """Return whether the service, or an endpoint of it, is blocked. This state needs a decisive artefact."""
    parts = [table(part).get("state") for part in record.get("endpoints") or ()]
    return "blocked" in {record.get("state"), *parts}
