"""Order the tests so that several workers end at the same time.

Long files go first, then the short ones, and at last the tests that look at the lab's runs. A file of tests that wait
goes between each two others, or else all workers would wait at the same time, with nothing for the processors to do.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, groupby, zip_longest
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")

# Tests that mostly wait for timers and sockets, the longest first.
WAITING = (
    "tests/privacy/test_planted_addresses.py",
    "tests/followups/",
    "tests/steps/",
    "tests/run/",
    "tests/stores/",
    "tests/connectivity/",
    "tests/control/",
    "tests/helper/",
    "tests/resolution/",
    "tests/nettests/",
    "tests/dialogue/",
    "tests/ooni/",
    "tests/http_client/",
    "tests/cli/test_stores.py",
)
# Files that take five seconds and more, the longest first. `make test-fast` leaves them out.
LONG = (
    "tests/analysis/spark/",
    "tests/analysis/object_storage/",
    "tests/captures/test_flow_table.py",
    "tests/captures/test_lab_captures.py",
    "tests/faults/test_mishaps.py",
    "tests/faults/test_streams.py",
    "tests/helper/test_starvation.py",
    "tests/helper/test_no_trace.py",
    "tests/analysis/verdicts/test_ablation.py",
    "tests/analysis/verdicts/test_less_tested.py",
    "tests/analysis/store/",
    "tests/browser/",
    "tests/real/",
    "tests/lab/",
    "tests/platforms/test_simulated_systems.py",
    "tests/cli/test_hostile_files.py",
    "tests/privacy/test_encoded_addresses.py",
    "tests/cli/data/test_artificial.py",
    "tests/cli/data/test_compare.py",
    "tests/cli/data/test_cite.py",
    "tests/cli/test_hostile_settings.py",
    "tests/dialogue/test_quic.py",
    "tests/helper/test_fuzzed_requests.py",
    "tests/analysis/rules/test_tables.py",
    "tests/faults/",
    "tests/helper/test_contacts.py",
    "tests/analysis/report/test_notebook.py",
    "tests/analysis/ooni_import/test_measurements.py",
    "tests/analysis/compare/test_instrument_and_shutdowns.py",
    "tests/analysis/compare/test_events.py",
    "tests/analysis/rules/test_every_rule_fires.py",
    "tests/analysis/equality/",
    "tests/cli/results/test_why.py",
    "tests/test_packaging.py",
    "tests/texts/test_site.py",
)
# Scenarios whose runs take minutes, but little processor time. They start first.
LONG_RUNS = ("slow-line", "slower-line", "slow-line-censored")
# Where tests share no fixture and are long: each test goes to any worker.
SINGLY = ("tests/faults/test_streams.py", "tests/faults/test_mishaps.py", "tests/lab/runs/")
# What shares something that takes long to start or to compute: all of it goes to one worker.
TOGETHER = ("tests/analysis/spark/", "tests/analysis/object_storage/", "tests/real/", "tests/texts/")


def in_order(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return the tests in the order in which they run. Tests of one file stay together.

    In whatever order the files were collected, it is the same.
    """
    ordered = sorted(items, key=lambda item: (_rank(item), item.nodeid.partition("::")[0]))
    waiting, others = _files(filter(is_waiting, ordered)), _files(item for item in ordered if not is_waiting(item))
    return [item for pair in zip_longest(waiting, others, fillvalue=[]) for item in chain(*pair)]


def beginning_at(files: Sequence[T], number: int, count: int) -> list[T]:
    """Return the files from the `number`-th of `count` equal parts on, and then those before it."""
    first = len(files) * (number % count) // count
    return [*files[first:], *files[:first]]


def _files(items: Iterable[pytest.Item]) -> list[list[pytest.Item]]:
    """Return the tests of each file."""
    return [list(tests) for _, tests in groupby(items, lambda item: item.nodeid.partition("::")[0])]


def is_long(item: pytest.Item) -> bool:
    """Say whether the test is in a file that takes long."""
    return item.nodeid.startswith(LONG)


def is_waiting(item: pytest.Item) -> bool:
    """Say whether the test mostly waits, for no run of the lab, and needs little of a processor."""
    return item.nodeid.startswith(WAITING) and not (is_long(item) or item.get_closest_marker("lab_run"))


def is_in_long(path: Path, root: Path) -> bool:
    """Say whether a file or folder is one that takes long, or is in one."""
    return path.is_relative_to(root) and f"{path.relative_to(root).as_posix()}/".startswith(LONG)


def _rank(item: pytest.Item) -> int:
    if item.get_closest_marker("lab_run"):
        return len(LONG) + 1
    if is_waiting(item):
        return next(rank for rank, start in enumerate(WAITING) if item.nodeid.startswith(start))
    return next((rank for rank, start in enumerate(LONG) if item.nodeid.startswith(start)), len(LONG))


def scope_of(nodeid: str) -> str:
    """Return a name for the tests that go to one worker together: a folder, a file, or one test."""
    folder = next((folder for folder in TOGETHER if nodeid.startswith(folder)), None)
    return folder or (nodeid if nodeid.startswith(SINGLY) else nodeid.partition("::")[0])
