"""Test the answers of the API: equal to those of the commands, in pieces, dated by ETags, and described."""

import csv
import io
import json
import random
from pathlib import Path
from typing import Any

import jsonschema_rs
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from probe.analysis.compare.axes import Question
from probe.analysis.compare.cells import compare
from probe.analysis.compare.compare import to_json
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.store.maintenance.info import info
from probe.explore.api_endpoints import API, ENDPOINTS
from probe.explore.handlers import description
from probe.explore.parameters import ParameterError, checked, parse
from probe.explore.store_answers import csv_of
from tests.cli.results.test_judge import call
from tests.explore.served import Served, serving
from tests.support.store.stores import rows_of, some_lines, write

WEB_IN_DE = ("telegram/web", "DE")


async def pages(served: Served, path: str, query: dict[str, Any]) -> list[Any]:
    """Return all rows of an answer, read with its cursors."""
    rows, after = [], None
    while True:
        found = await served.json(path, query | ({"cursor": after} if after else {}))
        assert len(found["rows"]) <= int(query["limit"])
        rows += found["rows"]
        if (after := found["next"]) is None:
            return rows


async def test_cells_are_those_of_compare(store: Path) -> None:
    expected = to_json(compare(VerdictTable.of_stores([store]), Question(by=("cc",)))).splitlines()
    async with serving(store) as served:
        assert await pages(served, f"{API}/cells", {"by": "cc", "limit": "2"}) == list(map(json.loads, expected))


@pytest.mark.parametrize("command", ["series", "events"])
async def test_rows_are_those_of_the_command(store: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(command, "--json", str(store)) == 0
    expected = list(map(json.loads, capsys.readouterr().out.splitlines()))
    async with serving(store) as served:
        assert await pages(served, f"{API}/{command}", {"limit": "7"}) == expected


async def test_verdicts_are_all_there_once(store: Path) -> None:
    async with serving(store) as served:
        for limit in ("1", "7", "1000"):
            found = await pages(served, f"{API}/verdicts", {"limit": limit})
            keys = sorted((row["line_hash"], row["service"]) for row in found)
            assert keys == sorted((row["line_hash"], row["service"]) for row in rows_of(store, "verdicts"))


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ({"cc": "IR"}, lambda row: row["probe_cc"] == "IR"),
        ({"asn": "AS64501"}, lambda row: row["probe_asn"] == "AS64501"),
        ({"state": "ok"}, lambda row: row["state"] == "ok"),
        ({"since": "2026-02-01", "until": "2026-03"}, None),
        ({"since": "2026-02-01", "until": "2026-03-01"}, lambda row: row["day"][:7] == "2026-02"),
        (
            {"service": "telegram/web", "cc": "DE"},
            lambda row: row["service"] == "telegram/web" and row["probe_cc"] == "DE",
        ),
    ],
)
async def test_verdicts_can_be_filtered(store: Path, query: dict[str, str], fits: Any) -> None:
    async with serving(store) as served:
        if fits is None:
            assert (await served.get(f"{API}/verdicts", query)).status == 400
            return
        found = await pages(served, f"{API}/verdicts", query | {"limit": "3"})
        assert len(found) == sum(map(fits, rows_of(store, "verdicts"))) > 0
        assert all(map(fits, found))


async def test_store_is_described(store: Path) -> None:
    async with serving(store) as served:
        assert await served.json(f"{API}/store") == info(store)


async def test_files_have_the_rows(store: Path) -> None:
    async with serving(store) as served:
        for name in ("cells", "series", "events"):
            got = {kind: await served.get(f"{API}/{name}", {"format": kind}) for kind in ("csv", "parquet", "jsonl")}
            table = pq.read_table(io.BytesIO(got["parquet"].body))
            assert [row[0] for row in csv.reader(io.StringIO(got["csv"].text()))] == [
                table.column_names[0],
                *(value or "" for value in table.column(0).to_pylist()),
            ]
            whole = await pages(served, f"{API}/{name}", {"limit": "1000"})
            assert list(map(json.loads, got["jsonl"].text().splitlines())) == whole
            assert got["csv"].headers["Content-Disposition"] == f'attachment; filename="{name}.csv"'


def test_spreadsheet_runs_no_text_of_a_csv_file() -> None:
    assert csv_of(pa.table({"service": ["=1+1"], "networks": [["AS1", "AS2"]]})) == (
        "service,networks\r\n'=1+1,AS1 AS2\r\n"
    )


async def test_etag_is_valid_until_the_store_changes(tmp_path: Path) -> None:
    from probe.analysis.store.writing.ingest import ingest

    ingest([write(tmp_path / "a.jsonl", some_lines(12))], tmp_path / "store")
    async with serving(tmp_path / "store") as served:
        for path, query in (
            (f"{API}/cells", {"by": "cc", "limit": "1"}),
            (f"{API}/verdicts", {"limit": "1"}),
            ("/", {}),
        ):
            first = await served.shown(path, query)
            assert first.status == 200
            again = await served.shown(path, query, If_None_Match=first.headers["ETag"])
            assert (again.status, again.body, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
            other = await served.shown(path, query | {"lab": "true"}, If_None_Match=first.headers["ETag"])
            assert other.status == 200
        before = await served.get(f"{API}/verdicts", {"limit": "1"})
        ingest([write(tmp_path / "b.jsonl", some_lines(20))], tmp_path / "store")
        after = await served.get(f"{API}/verdicts", {"limit": "1"}, If_None_Match=before.headers["ETag"])
        assert (after.status, after.headers["ETag"] != before.headers["ETag"]) == (200, True)
        assert (await served.json(f"{API}/store"))["measurements"] == 20
        gone = await served.get(f"{API}/verdicts", {"limit": "1", "cursor": json.loads(before.body)["next"]})
        assert gone.status == 410
        assert "changed" in gone.text()


def test_description_is_valid_openapi() -> None:
    """Check the document with the schema of https://spec.openapis.org/oas/3.1/schema/2022-10-07 (Apache-2.0)."""
    schema = json.loads((Path(__file__).parent / "openapi-3.1-schema.json").read_text())
    jsonschema_rs.validate(schema, description())
    assert not valid(description() | {"paths": []}, schema)
    for item in description()["paths"].values():
        for parameter in item["get"]["parameters"]:
            jsonschema_rs.meta.validate(parameter["schema"])


def valid(value: Any, schema: dict[str, Any]) -> bool:
    return bool(jsonschema_rs.Draft202012Validator(schema).is_valid(value))


async def test_answers_fit_the_description(store: Path) -> None:
    async with serving(store) as served:
        document = await served.json(f"{API}/openapi.json")
        for path, item in document["paths"].items():
            answer = item["get"]["responses"]["200"]["content"]["application/json"]["schema"]
            assert valid(await served.json(path), answer)
        refused = await served.get(f"{API}/cells", {"limit": "0"})
        assert valid(json.loads(refused.body), document["components"]["schemas"]["Error"])


def fits_description(parameter: dict[str, Any], value: str) -> bool:
    """Say whether a value of a query fits a parameter's schema. Numbers and booleans are written as texts."""
    kinds = {"integer": int, "boolean": lambda text: {"true": True, "false": False}[text]}
    schema = parameter["schema"]
    for kind in [schema.get("type"), *(one.get("type") for one in schema.get("anyOf", ()))]:
        try:
            candidate = [value] if kind == "array" else kinds.get(kind, str)(value)
        except (ValueError, KeyError):
            continue
        if valid(candidate, schema):
            return True
    return False


VALUES = (
    "1",
    "0",
    "1000",
    "1001",
    "-1",
    "true",
    "maybe",
    "day",
    "week",
    "csv",
    "xml",
    "ok",
    "wrong",
    "x" * 500,
    "x" * 501,
)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_checks_and_description_agree(endpoint: Any) -> None:
    """Check every parameter with values, of which the class and the description must accept the same."""
    described = description()["paths"][f"{API}/{endpoint.name}"]["get"]["parameters"]
    assert [one["name"] for one in described] == list(endpoint.parameters.model_fields)
    for parameter in described:
        for value in VALUES:
            try:
                parse(endpoint.parameters, [(parameter["name"], value)])
                accepted = True
            except ParameterError:
                accepted = False
            assert accepted == fits_description(parameter, value), (parameter["name"], value)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"foo": "1"}, "There is no parameter foo here"),
        ({"limit": "1001"}, "less than or equal to 1000"),
        ({"since": "yesterday"}, "no day or time"),
        ({"cursor": "!"}, "cursor cannot be used"),
        ({"cursor": "WzEsMl0"}, "cursor cannot be used"),
        ([("limit", "1"), ("limit", "2")], "has the parameter limit twice"),
    ],
)
async def test_bad_parameter_is_refused_with_one_sentence(store: Path, query: Any, words: str) -> None:
    async with serving(store) as served:
        for name in ("series", "verdicts"):
            answer = await served.get(f"{API}/{name}", query)
            assert answer.status == 400
            assert words in json.loads(answer.body)["error"]


def test_only_is_repeatable() -> None:
    cells = next(one.parameters for one in ENDPOINTS if one.name == "cells")
    asked = parse(cells, [("only", "cc=IR"), ("only", "service=signal/chat"), ("by", "")])
    assert asked.model_dump()["only"] == ["cc=IR", "service=signal/chat"]
    checked(asked)
    with pytest.raises(ParameterError, match="only"):
        parse(cells, [("only", "cc=IR")] * 21)


async def test_cursors_of_strangers_do_not_break_the_server(store: Path) -> None:
    """Send random cursors. None of them reads outside of the answer or ends in an error of the server."""
    random.seed(1)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_="
    async with serving(store) as served:
        for _ in range(100):
            text = "".join(random.choices(letters, k=random.randrange(1, 60)))
            assert (await served.get(f"{API}/verdicts", {"cursor": text})).status in {400, 410}
