"""Test which tests the suites contain, that the parts of `make test-all` are whole, and that promises are kept."""

from pathlib import Path
from typing import Any

import pytest

from tests.real.packages import BROWSER, FILES
from tests.support import suites
from tests.support.changes import Changes
from tests.support.order import LONG, SINGLY, TOGETHER, WAITING, beginning_at, in_order
from tests.support.suites import (
    ALL,
    BY_RECORDING,
    DECIDING,
    PACKAGES,
    PROMISED,
    PROMISES,
    REST,
    SCENARIOS,
    TENTH,
    USUAL,
    Part,
    Rest,
    Run,
    Usual,
    in_part,
    is_fast,
    packages_of,
)

ROOT = Path(__file__).parents[1]


class Item:
    """Stand for a collected test, with its marks by name."""

    def __init__(self, nodeid: str, **marks: Any) -> None:
        self.nodeid, self._marks = nodeid, marks

    def get_closest_marker(self, name: str) -> Any:
        return self._marks.get(name)


def items(*nodeids: str) -> list[Any]:
    return [Item(nodeid) for nodeid in nodeids]


def scenario(name: str, function: str = "test_verdicts", file: str = SCENARIOS, **how: Any) -> Any:
    return Item(f"{file}::{function}[{name}]", lab=True, lab_run=pytest.mark.lab_run(name, **how).mark)


def kept(usual: Usual, of: list[Any]) -> list[str]:
    return [item.nodeid for item in of if item not in usual.left_out]


@pytest.mark.parametrize(
    "place", [*LONG, *WAITING, *SINGLY, *TOGETHER, *PROMISED, *PACKAGES, *(rest.tests for rest in REST)]
)
def test_named_tests_exist(place: str) -> None:
    file, _, test = place.partition("::")
    found = list(ROOT.glob(file if test else f"{file}*"))
    assert found and f"def {test}" in found[0].read_text() if test else found


@pytest.mark.parametrize("place", [place for rest in REST for place in rest.about])
def test_what_tests_are_about_exists(place: str) -> None:
    assert (ROOT / place).exists()


@pytest.mark.parametrize("function", BY_RECORDING)
def test_test_of_recordings_exists(function: str) -> None:
    file, _, name = function.partition("::")
    assert f"def {name}(" in (ROOT / file).read_text()


def test_rest_is_left_out_until_its_files_change() -> None:
    rest = REST[0]
    collected = items(f"{rest.tests}::test_a", "tests/wire/test_http1.py::test_b")
    usual = Usual(collected, Changes())
    assert kept(usual, collected) == ["tests/wire/test_http1.py::test_b"]
    assert next(usual.sentences()) == f"LEFT TO make test-all: {rest.tests} (1 test)."
    for place in (rest.tests, *rest.about):
        assert kept(Usual(collected, Changes("base", (f"{place}x",))), collected) == [each.nodeid for each in collected]


@pytest.mark.parametrize("count", [1, 3, 25])
def test_ten_tenths_of_a_file_are_all_of_its_tests(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    place = next(rest.tests for rest in REST if rest.tenth)
    collected = items(*(f"{place}::test_{'ab'[case % 2]}[{case}]" for case in range(count)))
    ran: set[str] = set()
    for number in range(10):
        monkeypatch.setenv(TENTH, str(number))
        usual = Usual(collected, Changes("abc", ()))
        some = kept(usual, collected)
        assert some and len(some) <= count / 10 + 1
        assert list(usual.sentences())[-1] == (
            f"To choose the same tests again: {TENTH}={number} PROBE_TEST_BASE=abc make test."
        )
        ran.update(some)
    assert ran == {item.nodeid for item in collected}


def test_one_recording_for_each_rule_is_kept() -> None:
    collected = items(*(f"{BY_RECORDING[0]}[{name}]" for name in (DECIDING[0], "other", "changed")))
    changed = Changes("base", ("probe/lab/recorded/changed.jsonl.gz",))
    usual = Usual(collected, changed)
    assert [item.nodeid for item in usual.left_out] == [f"{BY_RECORDING[0]}[other]"]


@pytest.mark.parametrize("promise", PROMISES)
def test_promise_is_never_left_to_test_all_alone(promise: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = PROMISES[promise][0]
    collected = items(f"{place}::test_a[1]", f"{place}::test_a[2]", f"{place}::test_b", "tests/real/x.py::test_c")
    monkeypatch.setattr(suites, "REST", (Rest("tests/", ()),))
    assert kept(Usual(collected, Changes()), collected) == [f"{place}::test_a[1]", f"{place}::test_b"]
    monkeypatch.setattr(suites, "REST", (Rest(f"{place}::test_a[1]", ()),))
    assert kept(Usual(collected, Changes()), collected) == [item.nodeid for item in collected[1:]]


def test_run_that_another_test_looks_at_is_made_and_each_has_its_reason() -> None:
    collected = [
        *map(scenario, ("clean", "sni-reset", "dns-silence", "web")),
        scenario("web", "test_pages", "tests/lab/runs/test_web_measurements.py"),
        scenario("clean", "test_seed", seed=3),
    ]
    usual = Usual(collected, Changes())
    assert {f"{SCENARIOS}::test_verdicts[web]", f"{SCENARIOS}::test_seed[clean]"} <= set(kept(usual, collected))
    assert any(sentence.startswith("SCENARIOS: ") for sentence in usual.sentences())


ALIKE = [f"{folder}{name}.py" for folder in ("tests/steps/", "tests/wire/") for name in "cab"]


@pytest.mark.parametrize("number", range(4))
def test_order_is_the_same_whichever_file_is_collected_first(number: int) -> None:
    files = [items(f"{file}::test_b", f"{file}::test_a") for file in (LONG[2], *ALIKE)]
    collected = [item for file in beginning_at(files, number, 4) for item in file]
    ordered = [item.nodeid for item in in_order([item for file in files for item in file])]
    assert [item.nodeid for item in in_order(collected)] == ordered
    assert sorted(ordered) == sorted(item.nodeid for item in collected)


def test_each_worker_begins_with_other_files() -> None:
    parts = [beginning_at(range(10), number, 4) for number in range(5)]
    assert [part[0] for part in parts] == [0, 2, 5, 7, 0]
    assert all(sorted(part) == list(range(10)) for part in parts)
    assert beginning_at([], 1, 4) == []


def test_run_of_a_file_that_is_left_out_begins_no_cover() -> None:
    place = next(rest.tests for rest in REST if rest.tests.startswith("tests/lab/runs/") and rest.tenth)
    collected = [scenario("media-clean"), *(scenario("media-clean", f"test_{case}", place) for case in range(20))]
    usual = Usual(collected, Changes())
    assert sum(item.nodeid.startswith(place) for item in collected if item not in usual.left_out) == 2


def test_fast_tests_need_no_lab_and_no_long_file() -> None:
    assert is_fast(items("tests/wire/test_http1.py::test_a")[0])
    assert not is_fast(items(f"{LONG[0]}test_a")[0])
    assert not is_fast(scenario("clean", file="tests/wire/test_http1.py"))


@pytest.mark.parametrize("count", [1, 3, 4])
def test_each_test_is_in_one_part_beside_what_shares_its_run_or_file(count: int) -> None:
    collected = [Item(f"tests/wire/test_{file}.py::test_{number}") for file in range(9) for number in range(3)]
    collected += [scenario(name, function) for name in "abcdefg" for function in ("test_a", "test_b")]
    parts = [list(in_part(collected, Part(number, count))) for number in range(1, count + 1)]
    assert sorted(item.nodeid for part in parts for item in part) == sorted(item.nodeid for item in collected)
    places = [{item.nodeid.partition("::")[0] for item in part} - {SCENARIOS} for part in parts]
    runs = [{item.nodeid.partition("[")[2] for item in part} - {""} for part in parts]
    for sets, number in ((places, 9), (runs, 7)):
        assert sum(map(len, sets)) == number and max(map(len, sets)) - min(map(len, sets)) <= 2


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "a/b", "-1/4"])
def test_part_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Part.parse(text)


def test_packages_are_those_of_the_suite() -> None:
    assert packages_of(ALL, Changes()) == set(FILES)
    usual = packages_of(USUAL, Changes())
    assert BROWSER in usual and "nginx" not in usual
    assert "nginx" in packages_of(USUAL, Changes("base", ("tests/real/visit.py",)))


def test_run_with_default_seed_is_plain() -> None:
    assert Run("clean").is_plain and not Run("clean", seed=3).is_plain and not Run("clean", bare=True).is_plain
