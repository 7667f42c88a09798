"""Test the sentences that the page begins with."""

import json
from typing import Any

import pytest

from probe.analysis.compare.axes import Question
from probe.analysis.compare.cells import compare
from probe.analysis.report.page.page_data import page_data
from probe.analysis.verdicts.verdict_row import VerdictRow
from tests.analysis.compare.test_events import bad, fine
from tests.support.measurements.verdict_rows import blocked, rows, table


def summary(*groups: list[VerdictRow], **question: Any) -> dict[str, Any]:
    source = table(*groups)
    return dict(page_data(source, compare(source, Question(**question)), [])["summary"])


def test_country_is_accused_only_by_enough_devices() -> None:
    """Let one device fail on one of three networks, as behind a filter of its own."""
    fails = blocked(8, probe_asn="AS1")
    found = summary(fails, *(rows(8, probe_asn=asn) for asn in ("AS2", "AS3")))
    assert found["problems"] == [] and found["unclear"] == []
    everywhere = summary(*(blocked(8, probe_asn=asn) for asn in ("AS1", "AS2")))
    assert everywhere["problems"] == [] and everywhere["nothing"] == ""
    assert everywhere["unclear"][0].startswith("telegram/web in Iran (IR): BLOCKED 16/16, on 2 of 2 networks")
    assert everywhere["worst"] == ["telegram/web", "IR"]  # a true block does not disappear


@pytest.mark.usefixtures("one_contributor_is_enough")
def test_worst_is_first() -> None:
    networks = ("AS1", "AS2")
    found = summary(
        *(rows(9, "degraded", "flow.throttle.sni", probe_asn=asn, service="a/badly") for asn in networks),
        *(blocked(9, probe_asn=asn, service="z/blocked") for asn in networks),
    )
    assert [sentence.partition(":")[0] for sentence in found["problems"]] == [
        "In Iran (IR), z/blocked is blocked",
        "In Iran (IR), a/badly works badly",
    ]
    assert found["worst"] == ["z/blocked", "IR"]


def test_few_runs_are_no_statement() -> None:
    found = summary(blocked(2))
    assert found["problems"] == []
    assert found["unclear"][0].startswith("telegram/web in Iran (IR): BLOCKED 2/2, on the only measured network")
    assert summary(rows(2))["nothing"] == "No service has enough runs in a country for a statement."


def test_gap_is_not_counted_as_working() -> None:
    found = summary(rows(9, service="a/ok"), rows(9, service="b/ok", probe_cc="DE"))
    assert found["nothing"].startswith("No service fails clearly. 2 of 4 services by country work.")


@pytest.mark.usefixtures("one_contributor_is_enough")
def test_recovery_is_a_change() -> None:
    here = [fine(6, range(8)) + bad(6, range(8, 14)) + fine(6, range(14, 20))]
    assert summary(*here)["changes"] == ["2026-10-15: telegram/web works again in Iran (IR) (OK 36/36)."]


@pytest.mark.usefixtures("one_contributor_is_enough")
def test_figures_of_calls_are_in_the_sentence() -> None:
    media = json.dumps(
        {"rate": 27_400, "loss": [0.1, 0, 1], "late": [0.25, 0, 1], "delay_change": [0.8, 0, 1], "mos": 2}
    )
    (sentence,) = summary(rows(9, "degraded", "media.throttle", media=media))["problems"]
    assert "27 kbit/s, 10 % of the packets lost, 25 % of the packets late, 0.8 s more delay, MOS 2.0" in sentence


def test_calls_that_work_have_no_figures() -> None:
    media = json.dumps({"rate": None, "loss": [0.0, 0, 0], "late": None, "delay_change": None, "mos": 4.4})
    source = table(rows(9, media=media))
    (cell,) = page_data(source, compare(source, Question()), [])["cells"]
    assert cell["calls"] is None and "MOS" not in cell["text"]


def test_figures_are_those_of_failing_runs() -> None:
    """Let one network of three be throttled. Figures of the others must not hide how bad it is there."""
    bad_call, fine_call = (
        json.dumps({"rate": rate, "loss": None, "late": None, "delay_change": None, "mos": mos})
        for rate, mos in ((20_000, 1.5), (None, 4.4))
    )
    slow = rows(6, "degraded", "media.throttle", media=bad_call, probe_asn="AS1")
    source = table(slow, *(rows(6, media=fine_call, probe_asn=asn) for asn in ("AS2", "AS3")))
    (cell,) = page_data(source, compare(source, Question(by=("cc",))), [])["cells"]
    assert (cell["calls"]["runs"], cell["calls"]["rate"], cell["calls"]["mos"]) == (6, 20_000, 1.5)
