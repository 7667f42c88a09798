"""Test OONI's rules on measurements of a list of web addresses in the lab."""

import json
from typing import Any

import pytest

from tests.support.lab_runs.side_by_side import LabOutcome
from tests.support.ooni.web_scores import score

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

FINE, ANOMALY = (0.0, 1.0), (1.0, 1.0)
# To OONI's rules a block page with the length and a common header of the real page is the real page.
SCORES = {
    "https://www.fine.example/": (FINE, False),
    "http://www.moved.example/": (FINE, False),
    "http://bücher.example/": (FINE, False),
    "http://www.banned.example/": (FINE, False),
    "http://www.sent-away.example/": (FINE, False),
    "http://www.cut.example/": (ANOMALY, "http-failure"),
    "https://www.named.example/": (ANOMALY, "http-failure"),
    "http://www.behind.example/": (ANOMALY, "http-failure"),
    "https://www.lied.example/": (ANOMALY, "dns"),
}


@pytest.mark.lab_run("web")
def test_ooni_rules_give_the_blocking_of_ooni(outcome: LabOutcome) -> None:
    assert not outcome.finished.differences
    (path,) = outcome.folder.rglob("*.jsonl")
    lines: dict[str, Any] = {
        line["input"]: line["test_keys"] for line in map(json.loads, path.read_text().splitlines())
    }
    assert {url: (score(keys), keys["blocking"]) for url, keys in lines.items()} == SCORES
    assert all(keys["control"] is not None and keys["control_failure"] is None for keys in lines.values())
    chain = lines["http://www.moved.example/"]["requests"]
    assert [entry["request"]["url"] for entry in chain] == [
        "https://www.moved.example/start?[scrubbed]",
        "http://www.moved.example/",
    ]
    assert chain[0]["response"]["code"] == 200  # the cookie was sent
