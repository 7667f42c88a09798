"""Test SQL in the page: one SELECT, with a limit of time, and not in hosted mode."""

from pathlib import Path

import pytest

from probe.explore import sql_page
from tests.explore.served import serving

ENDLESS = "SELECT count(*) FROM range(1000000000000) a, range(1000000) b"


async def test_select_is_answered_and_values_stay_texts(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_page, "SECONDS", 44.0)  # for a loaded machine
    async with serving(store) as served:
        text = (await served.get("/sql", {"statement": "SELECT '<b>x</b>' AS a, count(*) AS n FROM verdicts"})).text()
        assert "<td>&lt;b&gt;x&lt;/b&gt;</td><td>60</td>" in text and "<b>x" not in text


@pytest.mark.parametrize(
    "statement",
    ["DROP VIEW verdicts", "SELECT 1; SELECT 2", "SELECT * FROM read_text('/etc/passwd')", "COPY verdicts TO '/tmp/x'"],
)
async def test_other_statements_are_refused(store: Path, statement: str) -> None:
    async with serving(store) as served:
        answer = await served.get("/sql", {"statement": statement})
        assert answer.status == 400 and "root:" not in answer.text()


async def test_query_that_takes_too_long_is_stopped(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_page, "SECONDS", 2.0)
    async with serving(store) as served:
        answer = await served.get("/sql", {"statement": ENDLESS})
        assert answer.status == 400 and "more than 2 seconds" in answer.text()
