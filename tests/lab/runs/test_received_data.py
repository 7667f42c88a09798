"""Test that a full run is cheap on a metered line: the lab's pages have the size of real ones."""

import pytest

from tests.lab.runs.test_scenarios import lines_below
from tests.support.lab.side_by_side import LabOutcome

MOST = 3_000_000  # bytes that a clean run of all targets receives

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]


@pytest.mark.lab_run("clean")
def test_clean_run_receives_at_most_three_megabytes(outcome: LabOutcome) -> None:
    received = max(line["test_keys"]["x_run"]["bytes_received"] for line in lines_below(outcome.folder / "lab"))
    pages = [
        request["response"]
        for line in lines_below(outcome.folder / "lab")
        for request in line["test_keys"].get("requests") or ()
        if request["response"]["code"] == 200
    ]
    assert 1_000_000 < received <= MOST
    assert len(pages) > 40 and all(page["body_is_truncated"] for page in pages)  # each was longer than what was read
