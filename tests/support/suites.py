"""Say which tests `make test-fast`, `make test` and `make test-all` run. tests/README.md has this as a table.

`make test` runs everything but what stands here, and that too when a file changed that it is about.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.real.packages import BROWSER, FILES, JAVA, NO_SERVERS, OBJECT_STORAGE
from tests.support.changes import Changes, number_of_the_commit
from tests.support.order import is_long, scope_of

if TYPE_CHECKING:
    from tests.support.lab_runs.choice import Choice

FAST, USUAL, ALL = SUITES = ("fast", "usual", "all")
TENTH = "PROBE_TEST_TENTH"


@dataclass(frozen=True)
class Rest:
    """Name tests that `make test` leaves to `make test-all`, and the folders and files that they are about.

    Of tests with `tenth` it runs a tenth of each file, at least one test.
    """

    tests: str
    about: tuple[str, ...]
    tenth: bool = False


READING = ("probe/results/", "probe/files/", "probe/cli/results/")
EXCHANGES = ("probe/steps/", "probe/dialogue/", "tests/support/faults/")
CALLS = ("probe/steps/calls/", "probe/wire/media/", "probe/helper/media/", "probe/analysis/statistics/media_flow.py")
JUDGING = ("probe/analysis/", "probe/lab/recorded/", "probe/formats/", "probe/signatures/", "tests/analysis/rules/")
PAGES = ("probe/analysis/report/", "probe/explore/", "probe/local_server/", "probe/run_page/", "probe/ui/")
REST = (
    Rest("tests/analysis/spark/", ("probe/analysis/spark/", "tests/support/spark/")),
    Rest("tests/analysis/object_storage/", ("probe/analysis/object_storage/",)),
    Rest("tests/analysis/report/test_notebook.py", ("docs/analysis.ipynb",)),
    Rest("tests/real/test_real_", ("tests/real/", "probe/dialogue/", "probe/steps/calls/", "probe/steps/mail/")),
    Rest("tests/analysis/store/test_memory.py", ("probe/analysis/store/",)),
    Rest("tests/lab/runs/test_media_flows.py", CALLS, tenth=True),
    Rest("tests/lab/runs/test_app_media_flows.py", CALLS, tenth=True),
    Rest("tests/lab/runs/test_other_libraries.py", ("probe/steps/http/", "probe/steps/tls/"), tenth=True),
    Rest("tests/analysis/verdicts/test_each_removal.py", ("probe/analysis/rules/apps.py",)),
    Rest("tests/analysis/verdicts/test_each_ablation.py", ("tests/analysis/verdicts/test_ablation.py",)),
    Rest("tests/lab/synth/test_memory.py", ("probe/lab/synth/",)),
    Rest("tests/lab/synth/", ("probe/lab/synth/",), tenth=True),
    Rest("tests/helper/test_starvation.py", ("probe/helper/",)),
    Rest("tests/cli/results/test_why.py", ("probe/cli/results/", "probe/analysis/verdicts/"), tenth=True),
    Rest(
        "tests/analysis/store/test_query_process.py", ("probe/analysis/store/", "probe/analysis/engines/"), tenth=True
    ),
    Rest("tests/analysis/store/", ("probe/analysis/store/",), tenth=True),
    Rest("tests/analysis/pipeline/test_recorded_tables.py", JUDGING),
    Rest("tests/analysis/pipeline/test_engines_tables.py", JUDGING, tenth=True),
    Rest("tests/analysis/rules/test_every_rule_fires.py", JUDGING, tenth=True),
    Rest("tests/cli/test_full_disk.py", (*READING, "probe/cli/data/", "probe/analysis/store/"), tenth=True),
    Rest("tests/cli/test_hostile_files.py", (*READING, "tests/support/hostile/"), tenth=True),
    Rest("tests/cli/test_hostile_settings.py", ("probe/cli/config.py", "probe/files/"), tenth=True),
    Rest("tests/faults/test_streams.py", EXCHANGES, tenth=True),
    Rest("tests/faults/test_datagrams.py", EXCHANGES, tenth=True),
    Rest("tests/faults/test_many.py", ("probe/run/", "probe/session/", "probe/connectivity/")),
    Rest("tests/explore/", ("probe/explore/", "probe/local_server/"), tenth=True),
    Rest("tests/browser/", (*PAGES, "tests/support/browser.py"), tenth=True),
    Rest("tests/analysis/equality/", ("probe/analysis/engines/", "probe/analysis/sql/"), tenth=True),
    Rest("tests/analysis/compare/", ("probe/analysis/compare/", "probe/analysis/statistics/"), tenth=True),
    Rest("tests/analysis/statistics/", ("probe/analysis/statistics/",), tenth=True),
    Rest("tests/worlds/", ("probe/analysis/compare/", "probe/analysis/statistics/"), tenth=True),
    Rest("tests/cli/data/", ("probe/cli/data/", "probe/analysis/store/"), tenth=True),
    Rest("tests/texts/test_examples.py::test_commands_", ("docs/examples/", "probe/cli/data/", "probe/lab/synth/")),
    Rest("tests/platforms/test_simulated_systems.py", ("probe/platforms/", "tests/support/systems/"), tenth=True),
)

RECORDINGS = Path(__file__).parents[1] / "analysis" / "rules" / "deciding_recordings.txt"
DECIDING = tuple(RECORDINGS.read_text(encoding="utf-8").split())
BY_RECORDING = (
    "tests/analysis/store/test_same_verdicts.py::test_recording_gets_same_bytes_in_every_way",
    "tests/analysis/verdicts/test_ablation.py::test_less_evidence_never_gives_accusation",
    "tests/analysis/verdicts/test_less_tested.py::test_drawn_removal_makes_no_app_better_or_surer",
)
"""Tests with the name of a recording as their id. `make test` runs them for one recording per deciding rule."""

SCENARIOS = "tests/lab/runs/test_scenarios.py"
"""The tests of every scenario. Other files name the few scenarios whose runs they look at, and run in `make test`."""

PROMISES = {
    "privacy": (
        "tests/privacy/",
        "tests/helper/test_no_trace.py",
        "tests/analysis/object_storage/test_no_metadata_service.py",
        "tests/lab/runs/test_packets_seen.py",
        "tests/lab/runs/test_received_data.py",
        "tests/sharing/",
        "tests/steps/calls/test_reflector.py::test_our_address_and_our_tag_are_not_kept",
        "tests/steps/calls/test_stun.py::test_entry_has_no_own_address",
        "tests/steps/mail/test_mail.py::test_entries_have_no_own_address",
        "tests/steps/test_first_bytes.py",
        "tests/steps/tls/test_tls_failures.py::test_first_bytes_have_no_address",
    ),
    "consent and limits": (
        "tests/cli/run/test_consent.py",
        "tests/helper/test_contacts.py",
        "tests/lab/runs/test_unfit_networks.py",
        "tests/session/test_pacing.py",
        "tests/targets/test_address_guard.py",
    ),
    "no false accusation": (
        "tests/analysis/outcomes/",
        "tests/analysis/verdicts/test_ablation.py",
        "tests/lab/runs/test_scenarios.py",
        "tests/lab/scenario/test_look_alikes.py",
        "tests/worlds/",
    ),
    "nothing is lost": (
        "tests/analysis/object_storage/test_copies.py",
        "tests/analysis/spark/test_killed.py",
        "tests/analysis/store/maintenance/",
        "tests/analysis/store/test_bad_input.py",
        "tests/analysis/store/test_full_disk.py",
        "tests/analysis/store/test_ingest.py",
        "tests/analysis/store/test_merge.py",
        "tests/cli/run/test_unwritable.py",
        "tests/cli/test_hostile_files.py",
        "tests/cli/test_full_disk.py",
        "tests/faults/test_mishaps.py",
        "tests/ooni/submission/test_killed.py",
        "tests/results/",
    ),
    "no script of a measurement runs in a page": (
        "tests/browser/test_download.py::test_hostile_names_stay_text_in_every_format",
        "tests/browser/test_fragment.py::test_hostile_fragment_changes_nothing",
        "tests/browser/test_page.py::test_script_in_any_field_stays_text",
        "tests/browser/test_run_page.py::test_hostile_texts_do_nothing",
        "tests/browser/test_ui.py::test_inline_script_is_blocked",
    ),
}
"""Tests of what a release promises. `make test` runs at least one case of each function, whatever REST says."""
PROMISED = tuple(place for places in PROMISES.values() for place in places)
IN_REAL_TIME = ("lab", "timed")  # marks of tests that a busy computer can disturb

PACKAGES = {
    "tests/analysis/spark/": {JAVA},
    "tests/analysis/object_storage/": {OBJECT_STORAGE},
    "tests/browser/": {BROWSER},
    "tests/real/test_real_": set(FILES) - NO_SERVERS,
}
"""Debian packages that tests need."""


class Run(NamedTuple):
    """Hold what one run in the lab consists of: the arguments of the mark `lab_run`."""

    name: str
    seed: int = 0
    bare: bool = False
    options: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Return whether the scenario runs as `probe lab run` runs it."""
        return self == Run(self.name)


@dataclass(frozen=True)
class Part:
    """Hold a part of `make test-all`: the `number`-th of `count`."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> "Part":
        """Read "2/4". Raises ValueError."""
        number, _, count = text.partition("/")
        part = cls(int(number), int(count))
        if not 1 <= part.number <= part.count:
            raise ValueError(text)
        return part


def run_of(item: pytest.Item) -> Run | None:
    """Return the lab's run that a test looks at."""
    mark = item.get_closest_marker("lab_run")
    return Run(*mark.args, **mark.kwargs) if mark else None


def function_of(item: pytest.Item) -> str:
    """Return the node id without the parameters."""
    return item.nodeid.partition("[")[0]


def file_of(item: pytest.Item) -> str:
    """Return the path of the test's file, from the project's root."""
    return item.nodeid.partition("::")[0]


def is_fast(item: pytest.Item) -> bool:
    """Return whether the test needs no lab, and its file takes no long time."""
    return not (item.get_closest_marker("lab") or is_long(item))


def is_promise(item: pytest.Item) -> bool:
    """Return whether the test is about a promise and does not depend on time. Its failure counts at once."""
    return item.nodeid.startswith(PROMISED) and not any(item.get_closest_marker(mark) for mark in IN_REAL_TIME)


class Usual:
    """Divide the tests into those of `make test` and those that it leaves to `make test-all`."""

    def __init__(self, items: Sequence[pytest.Item], changed: Changes) -> None:
        self._changed = changed
        self._number = int(os.environ.get(TENTH) or number_of_the_commit()) % 20
        self._places = _places(items)
        self._left = {item: what for item in items if (what := self._left_by_place(item))}
        looked_at = [item for item in items if item not in self._left]
        runs = {run: item.nodeid.startswith(SCENARIOS) for item in looked_at if (run := run_of(item))}
        wanted, others = [run for run in runs if runs[run]], [run for run in runs if not runs[run]]
        self._choice: Choice | None = None
        if wanted:
            from tests.support.lab_runs.choice import choose  # which reads all recordings

            self._choice = choose(wanted, others, changed, self._number)
        self._left |= {item: what for item in looked_at if (what := self._left_by_run(item))}
        kept = {function_of(item) for item in items if item not in self._left}
        for item in list(self._left):
            if item.nodeid.startswith(PROMISED) and function_of(item) not in kept:
                kept.add(function_of(item))
                del self._left[item]

    @property
    def left_out(self) -> list[pytest.Item]:
        """Return the tests that `make test` leaves out."""
        return list(self._left)

    def sentences(self) -> Iterator[str]:
        """Yield what `make test` leaves out, and how to choose the same again."""
        for what, number in Counter(self._left.values()).items():
            yield f"LEFT TO make test-all: {what} ({number} {'test' if number == 1 else 'tests'})."
        if self._choice:
            yield self._choice.sentence()
        if self._changed.too_many:
            differ = f"{self._changed.too_many} files differ from {self._changed.base}"
            yield f"CHANGES: {differ}, too many to choose tests by them. Run make test-all."
        base = f" PROBE_TEST_BASE={self._changed.base}" if self._changed.base else ""
        yield f"To choose the same tests again: {TENTH}={self._number}{base} make test."

    def _left_by_place(self, item: pytest.Item) -> str | None:
        """Return the words for what is left out together with this test, None if `make test` may run it."""
        if function_of(item) in BY_RECORDING:
            name = item.nodeid.partition("[")[2].removesuffix("]")
            looked_at = name in DECIDING or self._changed.touch(f"probe/lab/recorded/{name}.")
            return None if looked_at else f"recordings in {function_of(item)}"
        for rest in REST:
            if item.nodeid.startswith(rest.tests) and not self._changed.touch(rest.tests, *rest.about):
                return None if rest.tenth and self._is_in_tenth(item) else rest.tests
        return None

    def _left_by_run(self, item: pytest.Item) -> str | None:
        """Return the words for the runs of the lab that are left out together with this test's, None if it is made."""
        run = run_of(item)
        if run is None or self._choice is None or not item.nodeid.startswith(SCENARIOS) or self._choice.has(run):
            return None
        return "scenarios without interference" if run.bare else "scenarios"

    def _is_in_tenth(self, item: pytest.Item) -> bool:
        place, count = self._places[item]
        step = min(10, count)
        return place % step == self._number % step


def _places(items: Iterable[pytest.Item]) -> dict[pytest.Item, tuple[int, int]]:
    """Return each test's number among those of its file, and their count."""
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(file_of(item), []).append(item)
    return {item: (number, len(tests)) for tests in files.values() for number, item in enumerate(tests)}


def in_part(items: Iterable[pytest.Item], part: Part) -> Iterator[pytest.Item]:
    """Yield the tests of a part. What shares a run, a file or a server stays together.

    The items are in the order of `order.py`, long files first. So the parts get them in turn, and then in reverse.
    """
    there_and_back = [*range(1, part.count + 1), *range(part.count, 0, -1)]
    turns = {True: cycle(there_and_back), False: cycle(there_and_back)}
    numbers: dict[Run | str, int] = {}
    for item in items:
        run = run_of(item)
        group = run or scope_of(item.nodeid)
        if group not in numbers:
            numbers[group] = next(turns[run is not None])
        if numbers[group] == part.number:
            yield item


def packages_of(suite: str, changed: Changes) -> set[str]:
    """Return the Debian packages that the tests of a suite need."""
    needed: set[str] = set()
    for tests, packages in PACKAGES.items():
        rest = [rest for rest in REST if rest.tests.startswith(tests)]
        promised = any(place.startswith(tests) for place in PROMISED)
        always = not rest or promised or any(each.tenth for each in rest)
        if suite == ALL or always or any(changed.touch(each.tests, *each.about) for each in rest):
            needed |= packages
    return needed
