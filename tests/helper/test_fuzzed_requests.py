"""Test that no request, however broken, gets an error 500 or is left without an answer."""

import asyncio
import gzip
import json
import random
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probe.helper import helper_server, listening
from probe.helper.ooni_request import HEADERS
from probe.helper.query import FIELDS
from tests.attack.malformed import KINDS, malformed
from tests.helper.test_helper_server import new_state

TEXTS = st.sampled_from(["chat", "web", "chat.example", "8.8.8.8", "10.0.0.1", "https://page.example/", "[::1]:443"])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | TEXTS
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS | st.text(max_size=5), inner, max_size=4)
)
NAMES = (*FIELDS, "http_request", "http_request_headers", "tcp_connect", "x_quic_enabled", *HEADERS)
QUESTIONS = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), VALUES, max_size=5)


@pytest.fixture
def nothing_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    async def measure(*_: Any) -> dict[str, Any]:
        return {"test_keys": {"x_transactions": []}, "began": 0.0}

    monkeypatch.setattr(helper_server, "measure_target", measure)
    monkeypatch.setattr(helper_server, "measure_url", measure)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(questions=st.lists(QUESTIONS, min_size=1, max_size=10))
def test_no_field_of_a_question_causes_an_error(nothing_measured: None, questions: list[dict[str, Any]]) -> None:
    statuses = asyncio.run(_statuses([json.dumps(question).encode() for question in questions]))
    assert set(statuses) <= {200, 400, 404, 422}


async def _statuses(bodies: list[bytes], **headers: str) -> list[int]:
    """Post each body to both routes, and return the statuses."""
    found = []
    async with listening(new_state(), "127.0.0.1", 0) as port, aiohttp.ClientSession() as client:
        for body in bodies:
            for path in ("/", "/v1/measure"):
                async with client.post(f"http://127.0.0.1:{port}{path}", data=body, headers=headers) as response:
                    assert response.status == 200 or list(await response.json()) == ["error"]
                    found.append(response.status)
    return found


@pytest.mark.parametrize(
    "broken", [b"", b"x" * 100, b"\x1f\x8b", gzip.compress(b"{}", mtime=0)[:-9], gzip.compress(b"{}", mtime=0)[:-1]]
)
async def test_broken_gzip_body_is_a_bad_request(broken: bytes) -> None:
    assert set(await _statuses([broken], **{"Content-Encoding": "gzip"})) == {400}


async def test_compressed_question_that_grows_too_long_is_refused() -> None:
    assert set(await _statuses([gzip.compress(b"[" * 10_000_000)], **{"Content-Encoding": "gzip"})) == {413}


def test_every_seed_gives_the_same_requests() -> None:
    one, same, other = ([malformed(random.Random(f"{seed}/{n}")) for n in range(200)] for seed in (1, 1, 2))
    assert one == same != other and len(set(one)) > 150


def test_every_kind_of_malformed_request_is_different() -> None:
    assert len({kind(random.Random(1)) for kind in KINDS}) == len(KINDS)
