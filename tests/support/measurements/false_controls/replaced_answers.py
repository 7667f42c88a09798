"""Give a measurement another answer of the test helper, through the code that reads answers and redacts records."""

import json
from collections.abc import Iterable
from typing import Any

from probe.analysis.engines.sql_engine import Engine
from probe.analysis.verdicts.verdicts import judge_measurement
from probe.control.attempt_times import AGE, BEGAN, since
from probe.control.http_client import TROUBLE, named
from probe.control.merged_answers import tables
from probe.control.own import KEPT, Answered, control_of, parse
from probe.formats.facts import Control
from probe.ooni.web_connectivity.ooni_control import helper_answer
from probe.privacy.redact import KnownIdentifiers, redact
from probe.resolution.lookup import control_addresses
from probe.run.fresh_control import control_attempts
from probe.run.learned_addresses import LearnedAddresses
from probe.targets.target import parse_endpoint

Line = dict[str, Any]
States = dict[tuple[str, str], str]
"""The state by service and endpoint. The endpoint "" stands for the service itself."""

ARRIVED = 1000.0  # when an answer arrives, in seconds after the begin of the measurement
ASKED = 0.5


def answer_of(line: Line, your_address: str | None = None) -> Line:
    """Return the answer that the helper sent, for a recorded measurement."""
    control = json.loads(json.dumps(line["test_keys"]["x_control"]))
    for record in tables(control["test_keys"]["x_transactions"]):
        began = record.pop(BEGAN, record["t0"])  # old recordings do not say when an attempt began
        record[AGE] = round(ARRIVED - began, 3)
    return {**{key: control[key] for key in KEPT}, "your_address": your_address}


def replaced(line: Line, answer: Any, public: Iterable[str] = ()) -> Line:
    """Return the record that the probe writes after such an answer. `public` are addresses that no user has."""
    learned = LearnedAddresses(public)
    control = _control(line, answer, learned)
    keys = {**line["test_keys"], "x_control": Control.model_validate(control).model_dump(mode="json")}
    ours = learned.ours(keys)
    learned.mark_false(keys)
    written = {**line, "test_keys": keys}
    return redact(written, KnownIdentifiers.of(ours)) if ours else written


def without_helper(line: Line) -> Line:
    """Return the record of a run without a helper."""
    return {**line, "test_keys": {**line["test_keys"], "x_control": None}}


def _control(line: Line, answer: Any, learned: LearnedAddresses) -> Line:
    try:
        read = parse(json.dumps(answer).encode())
    except TROUBLE as error:
        return {"failure": named(error)}
    found = since(0.0, control_of(read, Answered(b"", ASKED, ARRIVED), learned.add))
    control_addresses(found)
    list(control_attempts(found))
    for url in {record["endpoint"] for record in line["test_keys"]["x_transactions"]} - {""}:
        helper_answer(found, url, parse_endpoint(url).host)
    return found


def states(line: Line, engine: Engine) -> States:
    found: States = {}
    for record in judge_measurement(line, file="x.jsonl", number=1, engine=engine):
        found[record["service"], ""] = str(record["state"])
        for part in record["endpoints"]:
            found[record["service"], part["endpoint"]] = str(part["state"])
    return found
