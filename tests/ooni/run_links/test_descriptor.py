"""Test what the parser of OONI Run descriptors takes and refuses, also with arbitrary JSON."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.ooni.run_links.descriptor import MOST_NETTESTS, Descriptor, DescriptorError, parse_descriptor
from probe.targets.url_lists import LONGEST_LIST, MOST_ADDRESSES

NOW = datetime(2026, 11, 28, tzinfo=UTC)
PAGES: dict[str, Any] = {
    "test_name": "web_connectivity",
    "inputs": ["https://a.example/", "https://b.example/"],
    "options": {},
    "is_background_run_enabled_default": False,
    "is_manual_run_enabled_default": False,
    "targets_name": None,
    "inputs_extra": [{"category_code": "NEWS"}, {}],
}
# the answer of GET /api/v2/oonirun/links/ID: class OONIRunLink of ooni/backend 32d8349d
OF_THE_SERVER = {
    "name": "Websites",
    "short_description": "Test some websites",
    "description": "A longer text",
    "author": "somebody@example.org",
    "nettests": [
        PAGES,
        {"test_name": "telegram", "inputs": None, "options": {}, "inputs_extra": None, "targets_name": None},
    ],
    "name_intl": None,
    "short_description_intl": None,
    "description_intl": {"it": "Un testo"},
    "icon": "FaNewspaper",
    "color": "#000000",
    "expiration_date": "2027-05-01T00:00:00.000000Z",
    "oonirun_link_id": "10054",
    "date_created": "2026-10-01T00:00:00.000000Z",
    "date_updated": "2026-10-01T00:00:00.000000Z",
    "revision": "3",
    "is_mine": False,
    "is_expired": False,
}


def parsed(document: Any) -> Descriptor:
    return parse_descriptor(json.dumps(document).encode(), NOW)


def test_answer_of_the_server_is_read() -> None:
    found = parsed(OF_THE_SERVER)
    assert (found.name, found.author, found.oonirun_link_id) == ("Websites", "somebody@example.org", "10054")
    web, app = found.nettests
    assert [web.category_of(number) for number in range(3)] == ["NEWS", "", ""]
    assert (app.test_name, app.inputs) == ("telegram", None)


def test_smallest_descriptor_of_miniooni_is_read() -> None:
    assert parsed({"nettests": [{"test_name": "signal"}]}).nettests[0].test_name == "signal"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"nettests": []}, "nettests"),
        ({"nettests": [{}] * (MOST_NETTESTS + 1)}, "nettests"),
        ({"nettests": [{"test_name": 5}]}, "test_name"),
        ({"nettests": [{"inputs": ["https://a.example/", 5]}]}, r"inputs\.1"),
        ({"nettests": [{"inputs": [""] * (MOST_ADDRESSES // 2 + 1)}] * 2}, "At most 20000"),
        ({"name": "x" * 51}, "name"),
        ({"author": {"a": "b"}}, "author"),
        ({"oonirun_link_id": "../../x"}, "oonirun_link_id"),
        ({"is_expired": True}, "expired"),
        ({"expiration_date": "2026-11-27T23:59:59Z"}, "expired"),
        ({"expiration_date": "2026-11-27"}, "expired"),
        ({"description": "\ud800"}, "unicode"),
    ],
)
def test_bad_descriptor_is_refused_with_the_reason(change: dict[str, Any], why: str) -> None:
    with pytest.raises(DescriptorError, match=why):
        parsed(OF_THE_SERVER | change)


@pytest.mark.parametrize(
    "raw", [b"", b"\xff", b"[]", b"null", b"5", b'{"nettests": [NaN]}', b"[" * 200_000, b'{"a":' * 200_000, b"9" * 9000]
)
def test_what_is_no_descriptor_is_refused(raw: bytes) -> None:
    with pytest.raises(DescriptorError, match="no descriptor of OONI Run"):
        parse_descriptor(raw, NOW)


def test_long_descriptor_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    def loads(*_: Any, **__: Any) -> None:
        raise AssertionError("parsed")

    monkeypatch.setattr(json, "loads", loads)
    with pytest.raises(DescriptorError, match="longer than"):
        parse_descriptor(b" " * (LONGEST_LIST + 1), NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Other"},
        {"author": None},
        {"short_description": "Other"},
        {"oonirun_link_id": "1"},
        {"nettests": [{"test_name": "telegram"}]},
        {"nettests": [PAGES | {"inputs_extra": None}]},
    ],
)
def test_digest_changes_with_what_is_shown_and_measured(change: dict[str, Any]) -> None:
    assert parsed(OF_THE_SERVER | change).digest() != parsed(OF_THE_SERVER).digest()


def test_digest_stays_when_only_the_translations_or_dates_change() -> None:
    changed = OF_THE_SERVER | {"description_intl": None, "date_updated": "2026-11-01T00:00:00Z", "is_mine": True}
    assert parsed(changed).digest() == parsed(OF_THE_SERVER).digest()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
TESTS = st.fixed_dictionaries(
    {},
    optional={
        key: JSON | st.lists(st.text() | st.dictionaries(st.just("category_code"), JSON))
        for key in ("test_name", "inputs", "inputs_extra", "targets_name", "options", "is_manual_run_enabled")
    },
)
DOCUMENTS = st.fixed_dictionaries(
    {"nettests": st.lists(TESTS | JSON, max_size=3)},
    optional=dict.fromkeys(
        ("name", "author", "short_description", "description", "is_expired", "expiration_date", "revision"), JSON
    ),
)


@given(DOCUMENTS | JSON)
def test_any_json_is_read_or_refused(document: Any) -> None:
    try:
        found = parsed(document)
    except DescriptorError as error:
        assert 0 < len(str(error)) < 500
        return
    assert len(found.digest()) == 32 and len(found.name) <= 50
    assert all(isinstance(test.category_of(number), str) for test in found.nettests for number in range(5))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with pytest.raises(DescriptorError):
        parse_descriptor(raw, NOW)
