"""Test that `make test` runs a scenario for every censor, fault and flow, and which scenarios a change adds."""

from typing import get_args

import pytest

from probe.formats.transactions import FollowUp, Kind
from probe.lab.censors import CLASSES
from probe.lab.scenario.faults import KINDS
from probe.lab.scenario.scenario import load_scenario as load_scenario  # registers all kinds of faults
from probe.lab.scenario.scenario_keys import HelperKeys, Page, RunKeys
from probe.targets.dialects import DIALECTS
from tests.lab.runs.test_scenarios import ABLATED, SCENARIOS
from tests.support.changes import Changes
from tests.support.lab_runs.choice import MOST_CHANGED, Choice, bare_features, choose
from tests.support.lab_runs.cover import SHARE, Feature, _named, features, smallest_cover
from tests.support.suites import Run

FOUND = features()
ALL = [*map(Run, SCENARIOS), *(Run(name, bare=True) for name in ABLATED)]


def chosen(*files: str, number: int = 0) -> Choice:
    return choose(ALL, [Run("clean")], Changes("base", files), number)


def shown() -> set[Feature]:
    """Return the features of the scenarios that `make test` runs for them."""
    return set[Feature]().union(*(FOUND[name] for name in chosen().cover))


def test_most_features_have_a_run() -> None:
    every = set[Feature]().union(*FOUND.values())
    assert len(shown()) >= SHARE * len(every)
    assert {_named(each) for each in every} == {_named(each) for each in shown()}


def test_every_kind_of_flow_has_a_run() -> None:
    flows = [feature for feature in shown() if feature[0] == "flow"]
    assert {kind for _, kind, *_ in flows} == set(get_args(Kind))
    assert {followup for _, _, followup, *_ in flows} == set(get_args(FollowUp))
    dialects = {dialect for _, _, _, dialect, *_ in flows}
    assert {name.partition("/")[0] for name in DIALECTS} - dialects == {"dns+tcp"}  # of neutral hosts alone


def test_every_censor_fault_and_key_has_a_run() -> None:
    named = {feature[:2] for feature in shown()}
    assert {name for table, name in named if table == "censor"} == set(CLASSES)
    assert {name for table, name in named if table == "fault"} == set(KINDS)
    for table, model in (("helper", HelperKeys), ("page", Page), ("run", RunKeys)):
        assert {key for place, key in named if place == table} == set(model.model_fields)


def test_cover_begins_with_what_is_given_and_has_no_superfluous_end() -> None:
    found = {"a": {1}, "b": {1, 2, 3}, "c": {3, 4}, "d": {4}}
    assert smallest_cover({name: frozenset(has) for name, has in found.items()}) == ["b", "c"]
    assert smallest_cover({name: frozenset(has) for name, has in found.items()}, ["d"]) == ["d", "b"]
    assert smallest_cover({name: frozenset(has) for name, has in found.items()}, share=0.75) == ["b"]


def test_runs_without_interference_show_all_targets_and_helpers() -> None:
    bare = set[Feature]().union(*map(bare_features, ABLATED))
    assert set[Feature]().union(*map(bare_features, chosen().bare)) == bare
    assert len(chosen().bare) < len(ABLATED)


def test_twenty_twentieths_are_all() -> None:
    choices = [chosen(number=number) for number in range(20)]
    parts = [name for choice in choices for name in choice.twentieth]
    assert sorted(parts) == sorted(set(SCENARIOS).difference(choices[0].cover))
    assert f"{len(choices[0].twentieth)} are a twentieth of the rest" in choices[0].sentence()


@pytest.mark.parametrize("file", ["probe/lab/scenarios/{}.toml", "probe/lab/recorded/{}.jsonl.gz"])
def test_changed_scenario_runs(file: str) -> None:
    name = sorted(set(SCENARIOS).difference(chosen().cover))[1]  # the first one is in the twentieth
    changed = chosen(file.format(name))
    assert changed.changed == (name,)
    assert changed.has(Run(name)) and changed.has(Run(name, bare=True)) and not chosen().has(Run(name, bare=True))


@pytest.mark.parametrize(
    ("file", "feature"),
    [
        ("probe/lab/censors/http_censors.py", ("censor", "HTTPReset")),
        ("probe/steps/calls/sip.py", ("end", "sip_options")),
    ],
)
def test_change_of_a_censor_or_step_runs_all_of_it(file: str, feature: tuple[str, str]) -> None:
    about = {name for name, has in FOUND.items() if any({*feature} <= {*each} for each in has)}
    choice = chosen(file)
    assert about and all(choice.has(Run(name)) for name in about)


def test_change_of_much_adds_a_limited_number() -> None:
    choice = chosen("probe/steps/tls/tls.py", "probe/steps/dns/dns.py", "probe/lab/censors/tls_censors.py")
    assert len(choice.changed) == MOST_CHANGED
    assert chosen("README.md").changed == ()
