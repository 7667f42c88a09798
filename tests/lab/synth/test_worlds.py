"""Test that the unkind world has what real users have, that its truth file says so, and that bad worlds are refused."""

import json
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.compare.axes import Question
from probe.analysis.compare.over_time.event import INTERFERENCE
from probe.analysis.compare.over_time.events import events
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.verdicts.verdicts import judge_measurement
from probe.lab.synth.measurements import Drawn, Library, independent, of_users
from probe.lab.synth.plan import DAYS, FIRST_DAY, Plan, draw_plan
from probe.lab.synth.synthetic_conditions import WANTED
from probe.lab.synth.synthetic_world import FOLDER, World, WorldError, load_world
from probe.lab.synth.templates import ACCUSED, load_templates
from probe.lab.synth.truth import truth_of_plan, truth_of_users
from probe.lab.synth.users import MOST_WITHOUT_RUN, Population, population
from probe.lab.synth.write import synthesise
from tests.cli.results.test_judge import call
from tests.lab.synth.test_synth import lines_of
from tests.support.measurements.synthetic_world import is_of, rows_of_drawn

MEASUREMENTS, SEED = 30_000, 1
UNKIND = load_world("unkind")


class Made:
    """Hold what was drawn for a world, with the truth about it."""

    def __init__(self, world: World) -> None:
        assert world.keys.users is not None
        light = load_templates(WANTED, light=True)
        self.library = Library(light, load_templates(WANTED, light=True, helper=False))
        self.plan: Plan = draw_plan(SEED, world.keys)
        self.users: Population = population(MEASUREMENTS, SEED, self.plan, world.keys.users)
        self.drawn: list[Drawn] = list(of_users(self.users, self.plan, self.library, world.keys))
        self.told: dict[str, Any] = truth_of_plan(self.plan, light)
        self.told_users = [json.loads(line) for line in truth_of_users(self.users, light)]


@pytest.fixture(scope="module")
def made() -> Made:
    return Made(UNKIND)


def test_number_of_measurements_is_exact_and_days_are_in_order(made: Made) -> None:
    assert len(made.drawn) == MEASUREMENTS
    assert all(earlier.began.date() <= later.began.date() for earlier, later in pairwise(made.drawn))


def test_users_have_pareto_distributed_runs_and_several_a_day(made: Made) -> None:
    runs = sorted((len(user["runs"]) for user in made.told_users), reverse=True)
    assert runs[len(runs) // 2] <= 3 and runs[0] > 100
    assert sum(runs[: len(runs) // 20]) > 0.4 * sum(runs)  # one user in twenty has two fifths of all runs
    user_of = {run: user["user"] for user in made.told_users for run in user["runs"]}
    a_day = Counter((user_of[run], day) for run, day in {(one.run_id, one.began.date()) for one in made.drawn})
    assert max(a_day.values()) >= 5 and sum(count > 1 for count in a_day.values()) > 100
    assert {one.run_id for one in made.drawn} == user_of.keys() and len(user_of) == sum(runs)


def test_users_come_and_leave(made: Made) -> None:
    last = FIRST_DAY + timedelta(days=DAYS - 1)
    days: dict[str, set[str]] = defaultdict(set)
    for one in made.drawn:
        days[one.run_id].add(one.began.date().isoformat())
    came, left = Counter[bool](), Counter[bool]()
    for user in made.told_users:
        measured = set().union(*(days[run] for run in user["runs"]))
        assert user["came"] <= min(measured) and max(measured) <= (user["left"] or last.isoformat())
        came[user["came"] > FIRST_DAY.isoformat()] += 1
        left[user["left"] is not None] += 1
    assert all(count > 0.1 * len(made.told_users) for kinds in (came, left) for count in (kinds[True], kinds[False]))


def test_local_filter_blocks_services_of_its_user_alone(made: Made) -> None:
    filtered = [user for user in made.told_users if user["filtered"]]
    assert 0.03 < len(filtered) / len(made.told_users) < 0.09
    runs = {run: user for user in filtered for run in user["runs"]}
    blocked_by = {(one["service"], asn): one for one in made.told["events"] for asn in one["networks"]}
    alone = 0
    for one in made.drawn:
        for service, verdict in one.template.truth.items():
            accused = verdict.state in ACCUSED
            own = runs.get(one.run_id, {"filtered": {}})["filtered"]
            event = (service, one.network.asn) in blocked_by
            assert not accused or service in own or event  # nothing else blocks
            alone += accused and not event
    assert alone > 100


def test_events_of_truth_are_what_is_measured(made: Made) -> None:
    """Compare the evidence of users without filter with the events: same services, networks and days."""
    behind_filter = {run for user in made.told_users if user["filtered"] for run in user["runs"]}
    onsets = {
        (one["service"], asn): (one["onset"] or "", one["end"] or "9999")
        for one in made.told["events"]
        for asn in one["networks"]
    }
    seen = Counter[bool]()
    for one in made.drawn:
        day = one.began.date().isoformat()
        for service, verdict in one.template.truth.items() if one.run_id not in behind_filter else ():
            begins, ends = onsets.get((service, one.network.asn), ("9999", "9999"))
            inside = begins <= day < ends
            if verdict.state in ACCUSED:
                assert inside, (service, one.network.asn, day)
                seen[True] += 1
            elif inside and verdict.state == "ok":
                seen[False] += 1
    assert seen[True] > 20 * seen[False]


def test_local_filters_are_behind_every_false_event(made: Made) -> None:
    """Find events as users of the program do. Only evidence of users behind a filter of their own can be false.

    A block on all networks of a country that eight users measured on two days is found mostly.
    """
    period = Question(since=FIRST_DAY.isoformat(), until=(FIRST_DAY + timedelta(days=DAYS)).isoformat())
    found = [one for one in events(VerdictTable.of_rows(rows_of_drawn(made.drawn)), period) if one.kind == INTERFERENCE]
    true = [event for event in found if any(is_of(event, one) for one in made.told["events"])]
    filtered = {(service, user["asn"]) for user in made.told_users for service in user["filtered"]}
    false = [event for event in found if event not in true]
    assert all((event.service, asn) in filtered for event in false for asn in event.networks)
    full = [one for one in made.told["events"] if is_full(one, made) and len(twice(one, made)) >= 8]
    assert len(full) >= 7
    assert sum(any(is_of(event, one) for event in true) for one in full) >= 0.7 * len(full)


def is_full(told: dict[str, Any], made: Made) -> bool:
    countries = {network.country for network in made.plan.networks if network.asn in told["networks"]}
    return {*told["networks"]} == {network.asn for network in made.plan.networks if network.country in countries}


def twice(told: dict[str, Any], made: Made) -> set[int]:
    """Return the users who measured the service of an event on two days or more, while it was blocked."""
    user_of = {run.run_id: user.number for user in made.users for run in user.runs}
    days: dict[int, set[str]] = defaultdict(set)
    for one in made.drawn:
        day, verdict = one.start.date().isoformat(), one.verdicts().get(told["service"])
        inside = (told["onset"] or "") <= day < (told["end"] or "9999") and one.network.asn in told["networks"]
        if inside and verdict is not None and verdict.state is not None:
            days[user_of[one.run_id]].add(day)
    return {user for user, own in days.items() if len(own) > 1}


def test_some_blocks_are_in_one_network_of_several(made: Made) -> None:
    size = Counter(network.country for network in made.plan.networks)
    country = {network.asn: network.country for network in made.plan.networks}
    single = [one for one in made.plan.events if len(one.networks) == 1 and size[country[one.networks[0]]] > 2]
    assert len(single) >= 2 and any(one.onset > FIRST_DAY for one in single)


def test_nothing_is_measured_in_a_shutdown(made: Made) -> None:
    assert len(made.told["shutdowns"]) == 3
    for shutdown in made.told["shutdowns"]:
        days = {one.began.date().isoformat() for one in made.drawn if one.network.country == shutdown["cc"]}
        assert days and not [day for day in days if shutdown["onset"] <= day <= shutdown["last"]]


def test_helper_outage_is_in_the_record(made: Made) -> None:
    assert len(made.told["helper_outages"]) == 3
    inside = Counter[tuple[bool, bool]]()
    for one in made.drawn:
        day = one.began.date().isoformat()
        out = any(outage["onset"] <= day <= outage["last"] for outage in made.told["helper_outages"])
        inside[out, '"x_control":{"failure":"connection_refused"}' in one.line("w")] += 1
    assert inside.keys() == {(True, True), (False, False)} and min(inside.values()) > 100


def test_wrong_clock_is_in_the_record_as_the_probe_writes_it(made: Made) -> None:
    errors = {run: user["clock_error"] for user in made.told_users for run in user["runs"]}
    kinds = Counter[str]()
    wrong = [one for one in made.drawn if one.clock_error]
    with SQLiteEngine() as engine:
        for one in [*wrong[:: len(wrong) // 60], *made.drawn[:: len(made.drawn) // 30]]:
            line, error = json.loads(one.line("w")), errors[one.run_id]
            skew = line["test_keys"]["x_run"]["preflight"]["clock_skew"]
            assert skew == error or (skew is None and one.template.scenario == "no-network")
            recorded = datetime.fromisoformat(line["measurement_start_time"] + "+00:00")
            assert recorded == one.start - timedelta(seconds=error) and recorded.date() == one.recorded_day()
            assert line["test_start_time"] <= line["measurement_start_time"]
            kind = "right" if not error else "wrong" if abs(error) < 86400 else "very wrong"
            records = judge_measurement(line, file="a", number=1, engine=engine)
            assert {r["service"]: r["state"] for r in records} == {s: v.state for s, v in one.verdicts().items()}
            if one.template.scenario != "no-network":
                assert (records[0]["invalid_reason"] == "clock") == (kind == "very wrong")
            kinds[kind] += 1
    assert min(kinds[kind] for kind in ("right", "wrong", "very wrong")) > 5
    users = Counter(bool(user["clock_error"]) for user in made.told_users)
    assert 0.07 < users[True] / users.total() < 0.13


def test_run_without_network_has_no_other_condition(made: Made) -> None:
    scenarios: dict[str, set[str]] = defaultdict(set)
    for one in made.drawn:
        scenarios[one.run_id].add(one.template.scenario)
    without = [found for found in scenarios.values() if "no-network" in found]
    assert len(without) > 10 and all(found == {"no-network"} for found in without)


def test_truth_of_a_larger_world_contains_the_smaller(tmp_path: Path) -> None:
    """Compare the users of two sizes. All but the last user of the smaller world are in the larger one unchanged."""
    small, large = (tmp_path / str(count) for count in (200, 1500))
    for folder in (small, large):
        synthesise(int(folder.name), SEED, folder, light=True, world=UNKIND)
    first, second = ((folder / "users.jsonl").read_text().splitlines() for folder in (small, large))
    assert len(first) < len(second) and first[:-1] == second[: len(first) - 1]
    runs = {run for line in first for run in json.loads(line)["runs"]}
    assert {line["test_keys"]["x_run"]["run_id"] for line in lines_of(small)} == runs
    told = json.loads((small / "truth.json").read_text())
    assert told["world"] == f"unkind-{SEED}" and (told["events"], told["shutdowns"])
    periods = ("events", "shutdowns", "helper_outages", "service_outages", "silent_networks")
    assert all(told[key] == json.loads((large / "truth.json").read_text())[key] for key in periods)


def test_independent_measurements_are_in_order_of_time() -> None:
    keys = load_world("independent").keys
    light = Library(load_templates(WANTED, light=True), {})
    drawn = list(independent(5000, draw_plan(2, keys), light, keys, 2))
    assert [one.start for one in drawn] == sorted(one.start for one in drawn) and len(drawn) == 5000
    hours = Counter(one.start.hour for one in drawn)
    assert len(hours) == 24 and max(hours.values()) < 1.5 * min(hours.values())
    assert {one.start.date() for one in drawn} == {FIRST_DAY + timedelta(days=number) for number in range(DAYS)}
    assert len({one.run_id for one in drawn}) == 5000 and drawn[0].start.date() == date(2026, 6, 1)


BAD_WORLDS = {
    "unknown key": ("rain = 3", "the key rain is wrong"),
    "missing key": (None, "the key title is wrong: Field required"),
    "share above 1": ("share_of_look_alikes = 4.0", "the key share_of_look_alikes is wrong"),
    "unknown look-alike": ('look_alikes = ["rain"]', "look_alikes has the unknown name 'rain'"),
    "unknown filter": ('[users]\nfilters = ["rain"]', "users.filters has the unknown name 'rain'"),
    "no TOML": ("= = =", "is not valid TOML"),
}


@pytest.mark.parametrize(("text", "sentence"), BAD_WORLDS.values(), ids=BAD_WORLDS)
def test_bad_world_file_is_refused_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, sentence: str
) -> None:
    whole = (FOLDER / "unkind.toml").read_text().splitlines()
    changed = {line.split(" = ")[0] for line in (text or "title = ").splitlines() if " = " in line}
    kept = [line for line in whole if line.split(" = ")[0] not in changed and line not in (text or "")]
    file = tmp_path / "bad.toml"
    if text and text.startswith("[users]"):
        file.write_text("\n".join([*kept, text.removeprefix("[users]\n")]).replace("pareto", "[users]\npareto"))
    else:
        file.write_text("\n".join([text or "", *kept]))
    assert call("synth", "--measurements", "10", "--out", str(tmp_path / "out"), "--world", str(file)) == 2
    assert sentence in capsys.readouterr().err and not (tmp_path / "out" / "lines").exists()


def test_unknown_world_and_missing_file_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("synth", "--measurements", "10", "--out", str(tmp_path / "out"), "--world")
    assert call(*words, "kind") == 2
    assert "There is no world 'kind'. Use one of independent, unkind, or a file" in capsys.readouterr().err
    assert call(*words, str(tmp_path / "none.toml")) == 2
    assert "none.toml cannot be read" in capsys.readouterr().err


def test_world_without_runs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let shutdowns cover all days of all countries."""
    assert UNKIND.keys.users is not None and MOST_WITHOUT_RUN > 1000
    monkeypatch.setattr("probe.lab.synth.users.MOST_WITHOUT_RUN", 100)
    monkeypatch.setattr(Plan, "measures", lambda *_: False)
    with pytest.raises(WorldError, match="No user of this world ever measures"):
        population(10, SEED, draw_plan(SEED, UNKIND.keys), UNKIND.keys.users)


def test_world_of_ones_own_gives_its_name(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text((FOLDER / "independent.toml").read_text())
    assert (
        call("synth", "--measurements", "3", "--out", str(tmp_path / "out"), "--world", str(tmp_path / "mine.toml"))
        == 0
    )
    assert {line["annotations"]["synthetic"] for line in lines_of(tmp_path / "out")} == {"mine-0"}
