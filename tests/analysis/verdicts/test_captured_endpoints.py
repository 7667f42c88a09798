"""Test what a record says about the hellos of a capture."""

from typing import Any

import pytest

from probe.analysis.verdicts.captured_endpoints import seen_in_capture

URL = "tls://www.example.com:443"


def flow(kind: str, hello: str, passed: bool, url: str = URL) -> dict[str, Any]:
    return {"endpoint": url, "kind": kind, "hello": hello, "passed": passed, "address": "149.154.167.99"}


def seen(*flows: dict[str, Any]) -> dict[str, Any]:
    found = seen_in_capture({"capture": {"files": [], "flows": list(flows)}}, URL)["capture"]
    assert isinstance(found, dict)
    return found


FAILED = flow("first", "outer_name", False)


@pytest.mark.parametrize(
    ("others", "decides"),
    [
        ([], None),
        ([flow("innocuous", "outer_name", True)], "name"),
        ([flow("innocuous", "name", True)], None),
        ([flow("confirm", "name", True)], "extension"),
        ([flow("innocuous", "outer_name", True), flow("confirm", "name", True)], None),
        ([flow("innocuous", "outer_name", True), flow("confirm", "outer_name", True)], None),
        ([flow("innocuous", "outer_name", True, "tls://other.example:443")], None),
    ],
)
def test_name_or_extension_decides(others: list[dict[str, Any]], decides: str | None) -> None:
    assert seen(FAILED, *others) == {"addresses": ["149.154.167.99"], "hello": "outer_name", "decides": decides}


def test_runs_have_no_such_key_and_strange_values_raise_nothing() -> None:
    assert seen_in_capture({}, URL) == {}
    assert seen_in_capture({"capture": 7}, URL)["capture"]["addresses"] == []
    assert seen({"endpoint": URL, "kind": 1, "hello": [], "address": {}})["hello"] is None
