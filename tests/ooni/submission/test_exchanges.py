"""Test the requests of both protocols, and what each answer of the server means."""

import json
from typing import Any

import pytest

from probe.ooni.submission.exchanges import (
    ServerAnswer,
    opened_report,
    opening_body,
    report_key,
    submit_body,
    submitted,
    update_body,
    updated,
)
from probe.ooni.submission.outcomes import LONGEST, SubmissionOutcome, SubmissionState
from tests.ooni.submission.runs import NETWORK, public_line
from tests.sharing.shared_runs import measurement

UID = "20261128020304.123456_IT_telegram_0123456789abcdef"
REPORT = "20261128T020304Z_telegram_IT_30722_n1_AbCdEfGh01234567"


def answer(status: int, document: Any, retry_after: str = "") -> ServerAnswer:
    return ServerAnswer(status, json.dumps(document).encode(), retry_after)


def test_measurement_is_a_string_beside_four_nulls() -> None:
    raw = public_line(test_keys={"title": 'a "word" Ünï'}).strip()
    body = json.loads(submit_body(raw))
    assert body["content"].encode() == raw
    assert {key: body[key] for key in body if key != "content"} == {
        "format": "json",
        "nym": None,
        "zkp_request": None,
        "manifest_version": None,
        "protocol_version": None,
    }


def test_copy_in_a_report_names_the_report_and_is_else_the_line() -> None:
    raw = public_line(test_keys={"t": 0.1234567890123}).strip()
    body = json.loads(update_body(raw, REPORT))
    assert body == {"format": "json", "content": {**json.loads(raw), "report_id": REPORT}}
    assert json.loads(raw)["report_id"] == ""


def test_report_is_opened_with_texts_of_the_measurement() -> None:
    whole = json.loads(public_line())
    assert json.loads(opening_body(whole)) == {
        "format": "json",
        **{key: whole[key] for key in whole.keys() & {"data_format_version", "probe_asn", "probe_cc", "test_name"}},
        **{key: whole[key] for key in ("software_name", "software_version", "test_start_time", "test_version")},
    }
    assert report_key(whole) == report_key({**whole, "test_keys": {"a": 1}})
    assert report_key(whole) != report_key({**whole, "test_name": "signal"})


@pytest.mark.parametrize(
    ("status", "document", "state", "reason"),
    [
        (200, {"measurement_uid": UID, "report_id": REPORT, "error": None}, SubmissionState.SENT, ""),
        (
            200,
            {"measurement_uid": UID, "report_id": REPORT, "error": "submission_delivery_failed"},
            SubmissionState.WAITING,
            "submission_delivery_failed",
        ),
        (
            200,
            {"measurement_uid": UID, "report_id": REPORT, "error": "manifest_not_found"},
            SubmissionState.SENT,
            "manifest_not_found",
        ),
        (200, {"measurement_uid": None, "report_id": REPORT}, SubmissionState.UNCERTAIN, "did not say"),
        (200, {"measurement_uid": "a b\n", "report_id": REPORT}, SubmissionState.UNCERTAIN, "did not say"),
        (200, {}, SubmissionState.UNCERTAIN, "did not say"),
        (200, [1], SubmissionState.UNCERTAIN, "did not say"),
        (
            400,
            {"detail": {"error": "asn_0", "message": "Measurement discarded"}},
            SubmissionState.REFUSED,
            "asn_0: Measurement",
        ),
        (400, {"detail": "Incorrect format"}, SubmissionState.REFUSED, "http 400 Incorrect format"),
        (
            422,
            {"detail": [{"loc": ["body", "content"], "msg": "Field required"}]},
            SubmissionState.REFUSED,
            "body.content Field",
        ),
        (422, {"detail": [{"loc": 3}]}, SubmissionState.REFUSED, "http 422"),
        (413, "too large", SubmissionState.REFUSED, "http 413"),
        (302, {}, SubmissionState.WAITING, "http 302"),
        (403, {}, SubmissionState.WAITING, "http 403"),
        (404, {"detail": "Not Found"}, SubmissionState.WAITING, "http 404 Not Found"),
        (429, {}, SubmissionState.WAITING, "http 429"),
        (500, {}, SubmissionState.WAITING, "http 500"),
        (503, {}, SubmissionState.WAITING, "http 503"),
        (502, {}, SubmissionState.UNCERTAIN, "http 502"),
        (504, {}, SubmissionState.UNCERTAIN, "http 504"),
    ],
)
def test_answer_has_one_meaning(status: int, document: Any, state: SubmissionState, reason: str) -> None:
    for outcome in (submitted(answer(status, document)), updated(answer(status, document), REPORT)):
        assert outcome.state is state and reason in outcome.reason
        assert (outcome.measurement_uid == UID) == (state is SubmissionState.SENT)


def test_ids_are_kept() -> None:
    assert submitted(answer(200, {"measurement_uid": UID, "report_id": REPORT})).report_id == REPORT
    assert updated(answer(200, {"measurement_uid": UID}), REPORT).report_id == REPORT
    assert updated(answer(200, {}), REPORT) == SubmissionOutcome(
        SubmissionState.UNCERTAIN, "the server did not say that it stored the measurement", REPORT
    )


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe", b"[" * 100_000, b"null"])
def test_body_that_is_no_object_is_no_success(body: bytes) -> None:
    assert submitted(ServerAnswer(200, body)).state is SubmissionState.UNCERTAIN
    assert submitted(ServerAnswer(500, body)).reason == "http 500"


def test_reason_of_the_server_is_cut() -> None:
    assert len(submitted(answer(400, {"detail": "x" * 10_000})).reason) == LONGEST


@pytest.mark.parametrize(("header", "pause"), [("7", 7), ("999999", 3600), ("9999999", 0), ("soon", 0), ("-1", 0)])
def test_server_may_ask_for_a_pause(header: str, pause: float) -> None:
    assert submitted(answer(503, {}, header)).pause == pause


@pytest.mark.parametrize(
    "report_id",
    [
        "20261128T020304Z_telegram_ZZ_30722_n1_AbCdEfGh01234567",
        "20261128T020304Z_telegram_IT_0_n1_AbCdEfGh01234567",
        "20261128T020304Z_signal_IT_30722_n1_AbCdEfGh01234567",
        "../../x",
        f"{REPORT}/close",
        None,
    ],
)
def test_report_for_another_test_or_network_is_not_used(report_id: str | None) -> None:
    found = opened_report(answer(200, {"report_id": report_id}), measurement(**NETWORK))
    assert isinstance(found, SubmissionOutcome) and found.state is SubmissionState.WAITING


def test_report_is_used_if_it_fits() -> None:
    assert opened_report(answer(200, {"report_id": REPORT}), measurement(**NETWORK)) == REPORT
    failed = opened_report(answer(422, {"detail": "x"}), measurement(**NETWORK))
    assert isinstance(failed, SubmissionOutcome) and failed.state is SubmissionState.REFUSED
