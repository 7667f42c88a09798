"""Test the sentences about test calls: each result has one, and strange measurements give none or a short one."""

import gzip
import json
from typing import Any, get_args

import pytest

from probe.analysis.run_result.figure_sentences import MADE, NAMES, WHY_NOT, call_sentences, calls_of
from probe.formats.flow_results import CallResult, CallResults
from probe.lab.recordings import RECORDED


def measured(calls: Any, **lists: Any) -> dict[str, Any]:
    return {"test_keys": {"x_run": {"calls": calls}, "x_followups": lists}}


def said(measurement: dict[str, Any]) -> list[str]:
    return call_sentences(calls_of(measurement))


def test_figures_of_a_call_over_sip_are_said() -> None:
    entry = {"failure": None, "answered": 0.14, "sent": 150, "returned": 148}
    assert said(measured({"sip": "measured"}, sip_calls=[entry])) == [
        "A test call over SIP to the test helper: answered after 0.1 s, 3.0 s of voice, 2 of 150 packets lost."
    ]


def test_call_over_webrtc_is_answered_when_its_keys_are_exchanged() -> None:
    entry = {"failure": None, "signalled": 0.1, "connected": 0.2, "secured": 0.3, "sent": 100, "returned": 100}
    assert said(measured({"webrtc": "measured"}, webrtc_calls=[entry])) == [
        "A test call over WebRTC to the test helper: answered after 0.6 s, 2.0 s of voice, 0 of 100 packets lost."
    ]


def test_failed_call_is_a_fact_and_no_accusation() -> None:
    (sentence,) = said(measured({"sip": "failed"}, sip_calls=[{"failure": "generic_timeout_error"}]))
    assert sentence == (
        "A test call over SIP to the test helper failed: generic_timeout_error. This accuses no service, because a "
        "helper can be down."
    )


def test_every_result_has_a_sentence() -> None:
    assert MADE | WHY_NOT.keys() == set(get_args(CallResult)) and NAMES.keys() == CallResults.model_fields.keys()
    for result in WHY_NOT:
        both = said(measured({"sip": result, "webrtc": result}))
        assert [sentence.replace("WebRTC", "SIP") for sentence in both] == [both[0]] * 2 and "SIP" in both[0]


@pytest.mark.parametrize("calls", [None, [], "sip", {}, {"sip": None}, {"sip": "strange"}, {"h323": "measured"}])
def test_measurement_without_calls_says_nothing(calls: Any) -> None:
    assert said(measured(calls)) == [] and calls_of({}) == {} and said({"test_keys": {"x_run": 7}}) == []


@pytest.mark.parametrize("entry", [None, 7, {}, {"sent": "many", "answered": []}, {"sent": -5, "returned": 10**400}])
def test_strange_entries_give_short_sentences(entry: Any) -> None:
    (sentence,) = said(measured({"sip": "measured"}, sip_calls=[entry]))
    assert len(sentence) < 200 and "-5 of" not in sentence


def test_recorded_calls_are_said() -> None:
    with gzip.open(RECORDED / "call-clean.jsonl.gz", "rt", encoding="utf-8") as lines:
        sentences = [sentence for line in lines for sentence in said(json.loads(line))]
    assert len(sentences) == 2 and all("3.0 s of voice, 0 of 150 packets lost." in sentence for sentence in sentences)
