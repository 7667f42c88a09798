"""Write the requests of both submission protocols, and read the server's answers. No socket and no clock.

The older protocol is read from
https://github.com/ooni/backend/blob/32d8349dc5440e75264c84c0ffe97495c7488e84/ooniapi/services/ooniprobe/src/ooniprobe/routers/reports.py,
the newer one from
https://github.com/ooni/backend/blob/32d8349dc5440e75264c84c0ffe97495c7488e84/ooniapi/services/ooniprobe/src/ooniprobe/routers/v1/probe_services.py,
both opened 2026-11-28.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from probe.ooni.submission.outcomes import SubmissionOutcome, SubmissionState

SERVER = "https://api.ooni.io"
"""https://github.com/ooni/probe-cli/blob/7cb22410c98db6dbc801887d93b65c8a5318ad07/internal/probeservices/benchselect.go,
opened 2026-11-28."""

SUBMIT_PATH, REPORT_PATH = "/api/v1/submit_measurement", "/report"
LONGEST_PAUSE = 3600.0  # seconds of a Retry-After that is believed
_REJECTED = frozenset({400, 413, 422})  # the server read the request and does not want it
_FROM_A_GATEWAY = frozenset({502, 504})  # the server behind the gateway may have stored the measurement
_NOT_DELIVERED = "submission_delivery_failed"
"""The error of an answer with status 200 and an id, if no store of the server took the measurement."""
_ID = re.compile(r"[\w.+/=-]{1,120}", re.ASCII)
_REPORT = re.compile(r"[^_/]{1,20}_([a-z0-9]{2,29})_([A-Z]{2})_(\d{1,10})_n[^_/]{0,20}_[^_/]{1,40}", re.ASCII)
_OPENING = (
    *("data_format_version", "probe_asn", "probe_cc", "software_name", "software_version"),
    *("test_name", "test_start_time", "test_version"),
)


@dataclass(frozen=True)
class ServerAnswer:
    """Hold the status, the body and the Retry-After header of an HTTP response."""

    status: int
    body: bytes
    retry_after: str = ""


def submit_body(line: bytes) -> bytes:
    """Return the body of `submit_measurement`: the measurement as a string, all fields for credentials null."""
    anonymous = dict.fromkeys(("nym", "zkp_request", "manifest_version", "protocol_version"))
    return json.dumps({"format": "json", "content": line.decode(), **anonymous}).encode()


def opening_body(measurement: Mapping[str, Any]) -> bytes:
    """Return the body that opens a report for measurements of one test (`OpenReportRequest`)."""
    return json.dumps({"format": "json", **{key: str(measurement.get(key, "")) for key in _OPENING}}).encode()


def report_key(measurement: Mapping[str, Any]) -> str:
    """Return a text that is equal for measurements of one report."""
    return json.dumps([measurement.get(key) for key in _OPENING])


def update_body(line: bytes, report_id: str) -> bytes:
    """Return the body that adds a measurement to a report. The copy that leaves names the report, the line does not."""
    return json.dumps({"format": "json", "content": {**json.loads(line), "report_id": report_id}}).encode()


def opened_report(answer: ServerAnswer, measurement: Mapping[str, Any]) -> str | SubmissionOutcome:
    """Return the id of the opened report, or the outcome for the measurement that needs one.

    The server opens a report for AS0 or ZZ if it does not understand the network. Such a report discards everything.
    """
    if not 200 <= answer.status < 300:
        return _failed(answer)
    report_id = str(_object(answer.body).get("report_id"))
    wanted = (
        str(measurement.get("test_name")).replace("_", ""),
        measurement.get("probe_cc"),
        str(measurement.get("probe_asn")).removeprefix("AS"),
    )
    found = _REPORT.fullmatch(report_id)
    if found is None or found.groups() != wanted:
        return SubmissionOutcome(SubmissionState.WAITING, "the server opened no report for this test and network")
    return report_id


def submitted(answer: ServerAnswer) -> SubmissionOutcome:
    """Return the outcome of `submit_measurement`.

    Its documentation says that a status of 2xx means a stored measurement. By its source this is not so if the error is
    `submission_delivery_failed`. The measurement may then be in a store for later. It is sent again nevertheless,
    because a copy is better than a loss.
    """
    if not 200 <= answer.status < 300:
        return _failed(answer)
    return _stored(_object(answer.body), None)


def updated(answer: ServerAnswer, report_id: str) -> SubmissionOutcome:
    """Return the outcome of an update.

    `{}` stands for a measurement that was discarded, kept for later or lost. The answer does not say which.
    """
    if not 200 <= answer.status < 300:
        return _failed(answer)
    return _stored(_object(answer.body), report_id)


def _stored(document: Mapping[str, Any], report_id: str | None) -> SubmissionOutcome:
    uid = document.get("measurement_uid")
    if not (isinstance(uid, str) and _ID.fullmatch(uid)):
        return SubmissionOutcome(
            SubmissionState.UNCERTAIN, "the server did not say that it stored the measurement", report_id
        )
    if document.get("error") == _NOT_DELIVERED:
        return SubmissionOutcome(SubmissionState.WAITING, _NOT_DELIVERED)
    given = document.get("report_id")
    report = given if isinstance(given, str) and _ID.fullmatch(given) else report_id
    return SubmissionOutcome(SubmissionState.SENT, _text(document.get("error")), report, uid)


def _failed(answer: ServerAnswer) -> SubmissionOutcome:
    """Return the outcome of an answer that is no success."""
    reason = f"http {answer.status} {_detail(_object(answer.body).get('detail'))}".rstrip()
    if answer.status in _REJECTED:
        return SubmissionOutcome(SubmissionState.REFUSED, reason)
    if answer.status in _FROM_A_GATEWAY:
        return SubmissionOutcome(SubmissionState.UNCERTAIN, reason)
    pause = float(answer.retry_after) if re.fullmatch(r"[0-9]{1,6}", answer.retry_after) else 0
    return SubmissionOutcome(SubmissionState.WAITING, reason, pause=min(pause, LONGEST_PAUSE))


def _detail(detail: Any) -> str:
    """Return the reason in an error of FastAPI: a text, an object with `error` and `message`, or a list of faults."""
    if isinstance(detail, dict):
        return ": ".join(filter(None, (_text(detail.get("error")), _text(detail.get("message")))))
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        place = detail[0].get("loc")
        return f"{'.'.join(map(str, place)) if isinstance(place, list) else ''} {_text(detail[0].get('msg'))}".strip()
    return _text(detail)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _object(body: bytes) -> Mapping[str, Any]:
    """Return the JSON object in a body, {} for anything else. The server may be a gateway that answers with a page."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
