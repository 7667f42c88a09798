"""Test the HTML page of the server: the question in its address, its form and links, and pages of one sentence."""

import asyncio
import html
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from probe.explore import explorer, handlers
from probe.explore.compare_page import with_form
from probe.explore.parameters import PageParameters
from tests.explore.served import serving
from tests.support.local_server import Answer
from tests.support.store.stores import some_lines, store_of


def data_of(answer: Answer) -> str:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', answer.text(), re.DOTALL)
    assert found is not None
    return found[1]


async def test_page_answers_the_question_of_its_address(store: Path) -> None:
    async with serving(store) as served:
        query = {"by": "cc", "only": "cc=IR", "since": "2026-01-02"}
        answer = await served.shown("/", query)
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert '"question":"service by cc; cc=IR; since 2026-01-02"' in data_of(answer)
        for name, value in query.items():
            assert f'name="{name}" value="{html.escape(value)}"' in answer.text()


async def test_only_the_form_is_allowed_to_send(store: Path) -> None:
    async with serving(store) as served:
        text = (await served.shown("/")).text()
        (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
        assert "form-action 'self'" in policy
        assert "connect-src" not in policy and "default-src 'none'" in policy


def test_page_without_a_place_for_the_form_is_noticed() -> None:
    with pytest.raises(ValueError, match="no main element"):
        with_form("<html></html>", PageParameters(), "token")


async def test_links_lead_to_the_same_question(store: Path) -> None:
    async with serving(store) as served:
        text = (await served.shown("/", [("by", "cc"), ("only", "cc=IR"), ("only", "cc=DE")])).text()
        links = [html.unescape(link) for link in re.findall(r'href="(/api/v1/cells[^"]*)"', text)]
        assert [link.rpartition("=")[2] for link in links] == ["csv", "json", "parquet"]
        for link in links:
            assert (await served.send("GET", link)).status == 200
        assert (await served.send("GET", links[0])).text().count("\n") == 5  # two services in two countries


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"by": "planet"}, 400, "&#39;planet&#39; is not known"),
        ({"since": "yesterday"}, 400, "is no day or time"),
        ({"top": "2001"}, 400, "less than or equal to 2000"),
        ({"only": "cc=ZZ"}, 404, "No measurement matches this question"),
    ],
)
async def test_question_without_answer_gets_one_sentence(
    store: Path, query: dict[str, str], status: int, words: str
) -> None:
    async with serving(store) as served:
        answer = await served.shown("/", query)
        assert answer.status == status
        assert words in answer.text()
        assert answer.text().count("<form ") == 1


async def test_texts_of_a_question_are_escaped(store: Path) -> None:
    hostile = '"><script>alert(1)</script>'
    async with serving(store) as served:
        for query in ({"by": hostile}, {"only": f"service={hostile}"}, {"baseline": f"cc={hostile}"}):
            assert "<script>alert" not in (await served.shown("/", query)).text()


async def test_texts_of_measurements_are_escaped(tmp_path: Path) -> None:
    hostile = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    lines = [line | {"probe_network_name": hostile, "software_name": hostile} for line in some_lines(12)]
    lines[0]["test_keys"] = lines[0]["test_keys"] | {"x_target": lines[0]["test_keys"]["x_target"] | {"name": hostile}}
    async with serving(store_of(tmp_path, lines)) as served:
        text = (await served.shown("/")).text()
        assert "alert(1)" in text
        assert "<script>alert" not in text and "<img" not in text


async def test_page_says_that_it_is_computing(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done, page_of = threading.Event(), explorer.page_of
    calls: list[int] = []

    def slow(folder: Path, asked: Any) -> str:
        calls.append(1)
        assert done.wait(60)
        return page_of(folder, asked)

    monkeypatch.setattr(explorer, "page_of", slow)
    monkeypatch.setattr(handlers, "PATIENCE", 0.05)
    async with serving(store) as served:
        answers = await asyncio.gather(*(served.get("/") for _ in range(5)))
        assert {answer.status for answer in answers} == {202}
        assert 'http-equiv="refresh"' in answers[0].text() and "is being computed" in answers[0].text()
        done.set()
        assert (await served.shown("/")).status == 200
    assert calls == [1]  # equal questions are computed once


async def test_too_many_questions_are_refused(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()
    monkeypatch.setattr(explorer, "page_of", lambda *_: "" if done.wait(60) else "late")
    monkeypatch.setattr(handlers, "PATIENCE", 0.01)
    monkeypatch.setattr("probe.explore.answer_cache.MOST_WAITING", 3)
    async with serving(store) as served:
        statuses = [(await served.get("/", {"top": str(number)})).status for number in range(5)]
        assert statuses == [202, 202, 202, 503, 503]
        done.set()


async def test_known_and_quick_answers_do_not_wait(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()
    async with serving(store) as served:
        known = await served.get("/api/v1/cells")
        monkeypatch.setattr(explorer, "page_of", lambda *_: "" if done.wait(60) else "late")
        monkeypatch.setattr(handlers, "PATIENCE", 0.01)
        for number in range(6):
            assert (await served.get("/", {"top": str(number)})).status == 202
        async with asyncio.timeout(30):
            assert (await served.get("/api/v1/cells")).body == known.body
            assert (await served.get("/api/v1/verdicts")).status == 200
        done.set()


async def test_answer_of_a_store_that_keeps_changing_is_refused(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    states = iter(range(100))
    monkeypatch.setattr(explorer, "state_of", lambda _: str(next(states)))
    async with serving(store) as served:
        answer = await served.get("/api/v1/cells")
        assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
        assert "writing to the store" in answer.text()
