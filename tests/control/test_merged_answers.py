"""Test that the second answer of a helper is added to the first, whatever it contains."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.control.merged_answers import WORSE, add_attempts, tables

WORKS = {"ipv4": True, "ipv6": False, "udp": True}


def answer(*numbers: int, **more: Any) -> dict[str, Any]:
    keys = {
        "x_transactions": [{"transaction_id": number, "began": float(number)} for number in numbers],
        "tcp_connect": [{"transaction_id": number, "ip": f"192.0.2.{number}"} for number in numbers[:1]],
        "x_endpoints": {"tls_handshakes": [{"transaction_id": number} for number in numbers[1:]]},
    }
    return {"failure": None, "preflight": dict(WORKS), "test_keys": keys} | more


def test_transactions_and_entries_get_new_numbers() -> None:
    first = answer(1, 2, 5)
    assert add_attempts(first, answer(1, 2)) is None
    keys = first["test_keys"]
    assert [each["transaction_id"] for each in keys["x_transactions"]] == [1, 2, 5, 6, 7]
    assert [each["began"] for each in keys["x_transactions"]] == [1.0, 2.0, 5.0, 1.0, 2.0]
    assert keys["tcp_connect"] == [{"transaction_id": 1, "ip": "192.0.2.1"}]
    assert keys["x_endpoints"]["tcp_connect"] == [{"transaction_id": 6, "ip": "192.0.2.1"}]
    assert [each["transaction_id"] for each in keys["x_endpoints"]["tls_handshakes"]] == [2, 5, 7]


@pytest.mark.parametrize("lost", ["ipv4", "udp"])
def test_helper_whose_own_network_failed_meanwhile_is_not_used(lost: str) -> None:
    first, before = answer(1), json.dumps(answer(1))
    assert add_attempts(first, answer(1, preflight=WORKS | {lost: False})) == WORSE
    assert json.dumps(first) == before
    assert add_attempts(first, answer(1, preflight=WORKS | {"ipv6": True})) is None


def test_failure_of_the_second_answer_leaves_the_first() -> None:
    first, before = answer(1), json.dumps(answer(1))
    assert add_attempts(first, {"failure": "connection_reset"}) == "connection_reset"
    assert json.dumps(first) == before


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["x_transactions", "x_endpoints", "tcp_connect", "transaction_id", "lookups"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(ANYTHING.filter(lambda value: isinstance(value, dict)), ANYTHING)
def test_answers_may_contain_anything(keys: Any, more: Any) -> None:
    first = {"failure": None, "preflight": {}, "test_keys": keys}
    before = len(tables(keys.get("x_transactions")))
    assert add_attempts(first, {"failure": None, "preflight": {}, "test_keys": more}) is None
    assert all(isinstance(each["transaction_id"], int) for each in keys["x_transactions"][before:])
