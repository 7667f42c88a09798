"""Test that a phone or a small board gives the same verdicts as any computer, only later.

`python -m tests.bench small` also runs `great-firewall` and `lossy`, which take three minutes more.
"""

from pathlib import Path

import pytest

from probe.lab.run import table
from probe.run.time_budget import STANDARD_SECONDS, WRITING
from tests.support.lab.small_runs import MEMORY, small_run

LONGEST_SILENCE = 20.0  # seconds. A line comes after five, if the machine of the test is not busy itself

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]


@pytest.mark.parametrize("name", ["clean", "stun-drop"])
def test_same_verdicts_with_a_sixth_of_a_processor(name: str, tmp_path: Path) -> None:
    done = small_run(name, tmp_path)
    if done.differences and all(each.key == "hop" and each.found == "null" for each in done.differences):
        done = small_run(name, tmp_path)  # a busy machine lets a run miss a hop, as it does in test_scenarios.py
    assert not done.differences, "\n" + "\n".join(table(done.differences))
    assert done.code == 0
    assert done.peak_mb < MEMORY
    assert done.silence < LONGEST_SILENCE
    assert done.seconds < STANDARD_SECONDS + WRITING
    assert done.cpu < 0.25 * done.seconds  # the share was kept
