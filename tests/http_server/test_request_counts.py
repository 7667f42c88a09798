"""Test that requests are counted by client and network, and that old ones are forgotten."""

import time

import pytest

from probe.http_server import request_counts
from probe.http_server.peers import client_at
from probe.http_server.request_counts import RequestCounts


def test_requests_are_counted_in_the_minute_of_each_client() -> None:
    now = [0.0]
    counts = RequestCounts(3, "questions", lambda: now[0])
    assert [counts.refusal((b"a",)) for _ in range(3)] == [None] * 3
    assert counts.refusal((b"a",)) == "more than 3 questions in a minute came from here, send fewer"
    assert counts.refusal((b"b",)) is None
    now[0] = 59.9
    assert counts.refusal((b"a",)) is not None
    now[0] = 60.0
    assert counts.refusal((b"a",)) is None


def test_clients_are_forgotten_after_their_minute() -> None:
    now = [0.0]
    counts = RequestCounts(10, "questions", lambda: now[0])
    for number in range(1000):
        counts.refusal((number.to_bytes(4),))
    now[0] = 61.0
    for number in range(1000, 1999):
        counts.refusal((number.to_bytes(4),))
    assert len(counts) == 999


def test_least_recently_seen_client_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_counts, "MOST_COUNTED", 3)
    counts = RequestCounts(2, "questions", lambda: 0.0)
    refused = [client for client in (b"a", b"a", b"b", b"c", b"a", b"d") if counts.refusal((client,))]
    assert refused == [b"a"]
    assert counts.refusal((b"a",)) is not None  # seen again after b, so b was forgotten
    assert len(counts) == 3


def test_counting_takes_as_long_with_many_clients_as_with_few() -> None:
    def seconds(clients: int) -> float:
        counts = RequestCounts(10, "questions", lambda: 0.0)
        for number in range(clients):
            counts.refusal((number.to_bytes(4),))
        began = time.process_time()
        for number in range(2000):
            counts.refusal((number.to_bytes(4) + b"new",))
        return time.process_time() - began

    assert min(seconds(60_000) for _ in range(3)) < 20 * min(seconds(100) for _ in range(3))


def test_networks_have_more_requests_than_a_client() -> None:
    counts = RequestCounts(10, "questions", lambda: 0.0)
    addresses = [f"2001:db8:1:{number:x}::1" for number in range(40)]
    admitted = sum(counts.refusal(client_at(address)) is None for address in addresses * 10)
    assert admitted == 40, "the limit of the /56"
    assert counts.refusal(client_at("2001:db8:1:100::1")) is None
