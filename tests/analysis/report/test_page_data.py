"""Test the order and names of a page's columns, and the packed rows of its script element."""

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from probe.analysis.compare.axes import Question
from probe.analysis.compare.cells import compare
from probe.analysis.report.page.packed_rows import packed_rows
from probe.analysis.report.page.page_data import page_data
from tests.support.measurements.verdict_rows import rows, table
from tests.support.packed_page import unpacked

VALUES = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(0, 1) | st.text(max_size=2) | st.lists(st.integers())
)


@example([(1, None), (True, None), (1.0, None)] * 3)
@given(st.lists(st.tuples(VALUES, VALUES)))
def test_packed_rows_keep_every_value(values: list[tuple[Any, Any]]) -> None:
    found = [{"a": one, "b": other} for one, other in values]
    assert repr(unpacked(packed_rows(found))) == repr(found)


def test_column_with_few_values_is_packed() -> None:
    packed = packed_rows([{"a": "long text"}] * 100)
    assert packed == {"length": 100, "columns": {"a": {"values": ["long text"], "places": [0] * 100}}}


def test_columns_stand_by_region_and_country() -> None:
    countries = ("RU", "ZZ", "IR", "BY", "IN", "DE")
    source = table(*(rows(6 - number, probe_cc=cc) for number, cc in enumerate(countries)))
    data = page_data(source, compare(source, Question(by=("cc",), baseline=(("cc", "DE"),))), [])
    assert [vantage["name"] for vantage in data["vantages"]] == [
        *("baseline DE Germany", "BY Belarus", "RU Russia", "IN India", "IR Iran", "ZZ"),
    ]
    regions = [vantage["region"] for vantage in data["vantages"]]
    assert regions == ["", "Eastern Europe", "Eastern Europe", "Southern Asia", "Southern Asia", ""]
    assert [data["cells"][number]["n"] for number in range(6)] == [1, 3, 6, 2, 4, 5]  # the cells follow their columns
    assert [cell["v"] for cell in data["cells"]] == list(range(6))


def test_columns_without_country_have_no_region() -> None:
    source = table(rows(2, day="2026-11-01"), rows(1, day="2026-11-02"))
    data = page_data(source, compare(source, Question(by=("day",))), [])
    assert [(vantage["name"], vantage["region"]) for vantage in data["vantages"]] == [
        *(("2026-11-01", ""), ("2026-11-02", "")),
    ]
