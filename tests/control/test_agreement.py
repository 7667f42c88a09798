"""Test that attempts on which two public helpers contradict each other count for neither."""

import asyncio
from copy import deepcopy
from typing import Any

import pytest

from probe.control import agreement
from probe.control.agreement import CONTRADICTED, agreed, in_time

URL, OTHER = "tcp://192.0.2.1:443", "tcp://192.0.2.2:443"
FAILED = "generic_timeout_error"


def answer(*attempts: tuple[str, str, str | None], lookup: str | None = "none") -> dict[str, Any]:
    """Return an answer with attempts (endpoint, address, failure), and a lookup that failed so if it was made."""
    made: list[dict[str, Any]] = [
        {"endpoint": url, "address": ip, "failure": failed, "kind": "first"} for url, ip, failed in attempts
    ]
    made += [{"hostname": "x.example", "kind": "lookup", "failure": lookup}] if lookup != "none" else []
    rows = [each | {"transaction_id": number} for number, each in enumerate(made, 1)]
    entries = {"tcp_connect": [{"transaction_id": row["transaction_id"]} for row in rows]}
    return {"failure": None, "test_keys": {"x_transactions": rows, "x_endpoints": entries}}


def left(given: dict[str, Any]) -> tuple[list[str], list[int]]:
    keys = given["test_keys"]
    rows = [row.get("endpoint") or row["hostname"] for row in keys["x_transactions"]]
    return rows, [entry["transaction_id"] for entry in keys["x_endpoints"]["tcp_connect"]]


def test_contradicted_attempt_is_removed_with_its_entries_and_named() -> None:
    first = answer((URL, "192.0.2.1", None), (OTHER, "192.0.2.2", None))
    found = agreed([first, answer((URL, "192.0.2.1", FAILED), (OTHER, "192.0.2.2", None))])
    assert left(found) == ([OTHER], [2])
    assert found[CONTRADICTED] == [URL]


@pytest.mark.parametrize(("one", "other"), [(None, "dns_nxdomain_error"), ("dns_nxdomain_error", None)])
def test_contradicted_lookup_is_removed(one: str | None, other: str | None) -> None:
    found = agreed([answer(lookup=one), answer(lookup=other)])
    assert left(found) == ([], []) and found[CONTRADICTED] == ["x.example"]


@pytest.mark.parametrize(
    "second",
    [
        answer((URL, "192.0.2.1", None)),
        answer((URL, "192.0.2.9", FAILED)),  # another address says nothing about this one
        answer(),
        {"failure": "connection_reset"},
    ],
)
def test_answer_that_nothing_contradicts_stays(second: dict[str, Any]) -> None:
    first = answer((URL, "192.0.2.1", None))
    assert agreed([deepcopy(first), second]) == first


def test_second_answer_counts_if_the_first_failed() -> None:
    second = answer((URL, "192.0.2.1", None))
    assert agreed([{"failure": "connection_reset"}, deepcopy(second)]) == second
    assert agreed([{"failure": "connection_reset"}, {"failure": FAILED}]) == {"failure": FAILED}


@pytest.mark.parametrize("keys", [None, [], {}, {"x_transactions": 7}, {"x_transactions": [7, {}]}])
def test_answers_without_attempts_are_no_contradiction(keys: Any) -> None:
    strange = {"failure": None, "test_keys": keys}
    assert agreed([strange, answer((URL, "192.0.2.1", None))]) == strange


async def after(seconds: float, given: dict[str, Any]) -> dict[str, Any]:
    await asyncio.sleep(seconds)
    return given


async def test_slow_second_opinion_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "SECOND_OPINION", 0.05)
    usable, failed, late = answer(), {"failure": "connection_reset"}, {"failure": FAILED}
    assert await in_time([after(60, answer()), after(0, usable)]) == [{"failure": FAILED}, usable]
    assert await in_time([after(0, failed), after(0.2, usable)]) == [failed, usable]
    assert await in_time([after(0, failed), after(0.01, late)]) == [failed, late]
    assert await in_time([after(0.02, usable), after(0, usable)]) == [usable, usable]
