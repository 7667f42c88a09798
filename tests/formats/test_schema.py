"""Test that the schema and the data dictionary match the classes, describe every field and allow no other keys."""

import copy
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from probe.formats.__main__ import DICTIONARY, STORES, fixture_lines, written
from probe.formats.field_notes import PRIVACY, PRIVACY_CLASSES
from probe.formats.keys import TEST_KEYS, Lists
from probe.formats.schema.dictionary import unit_of
from probe.formats.schema.schema import definitions, fields, measurement_schema, models, omitted
from probe.formats.store_keys import STORE_KEYS, StoreEntry, StoreListingKeys, StoreRequest
from probe.nettests import NETTESTS

# objects whose keys the classes do not define
FREE = {"annotations", "extensions", "headers", "services", "x_control", "control", "x_control_request", "x_redirects"}
FIELDS = [(name, field) for name, model in models().items() for field in fields(model)]


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return definitions()


@pytest.fixture(scope="module")
def validator() -> Any:
    return jsonschema_rs.validator_for(measurement_schema())


def test_generated_files_match_the_classes() -> None:
    stale = [path.name for path, text in written().items() if path.read_text() != text]
    assert not stale, "run `make schema` and commit what it writes"


def test_order_of_models_does_not_depend_on_what_was_loaded_first() -> None:
    """Test that the order is not that of loading, which differs between test processes."""
    assert list(models()) == sorted(models())


def test_schema_is_valid_draft_2020_12() -> None:
    jsonschema_rs.meta.validate(measurement_schema())


@pytest.mark.parametrize(("name", "field"), FIELDS)
def test_every_field_has_a_description_and_a_unit(name: str, field: str, described: dict[str, Any]) -> None:
    """Require a description, and a unit for a number, as in probe/formats/README.md."""
    said = described[name]["properties"][field]
    assert said["description"], f"{name}.{field} has no comment after it"
    assert said[PRIVACY] in PRIVACY_CLASSES
    assert unit_of(said) or not is_number(said), f"{name}.{field} is a number without a unit of field_notes.py"


def is_number(field: dict[str, Any]) -> bool:
    if "enum" in field or "const" in field:
        return False
    inner = [field.get("items"), field.get("additionalProperties"), *field.get("anyOf", [])]
    kinds = field.get("type", [])
    named = {kinds} if isinstance(kinds, str) else set(kinds)
    return bool(named & {"number", "integer"}) or any(is_number(one) for one in inner if isinstance(one, dict))


def test_every_nettest_has_its_test_keys() -> None:
    assert sorted(TEST_KEYS) == sorted(nettest.name for nettest in NETTESTS.values())


def test_fixtures_fit_the_schema(validator: Any) -> None:
    lines = list(fixture_lines())
    assert {line["test_name"] for line in lines} == set(TEST_KEYS)
    assert [error.message for line in lines for error in validator.iter_errors(line)] == []


def test_answers_of_app_stores_fit_the_schema_and_stand_in_the_dictionary(validator: Any) -> None:
    lines = list(fixture_lines(STORES))
    assert {line["test_name"] for line in lines} == set(STORE_KEYS)
    assert [error.message for line in lines for error in validator.iter_errors(line)] == []
    for line in lines:
        for path, found in places(line):
            found["x_unheard_of"] = 1
            assert not validator.is_valid(line), path
            del found["x_unheard_of"]
    dictionary = DICTIONARY.read_text(encoding="utf-8")
    for model in (StoreListingKeys, StoreRequest, StoreEntry):
        (section,) = re.findall(rf"\n## {model.__name__}\n(.*?)(?=\n## |\Z)", dictionary, re.S)
        assert all(f"| `{field}` |" in section for field in fields(model))


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], dict[str, Any]]]:
    """Yield our own objects in a measurement with their path. Of a list's objects only the first and the last."""
    if isinstance(value, dict):
        if not path or path[-1] not in FREE:
            yield path, value
        for key, inner in value.items():
            if key not in {"x_control", "control", "x_control_request"}:
                yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for number in sorted({0, len(value) - 1} & set(range(len(value)))):
            yield from places(value[number], (*path, number))


def at(line: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        line = line[step]
    return line


@pytest.mark.parametrize("name", [name for name, model in models().items() if omitted(model)])
def test_absent_field_is_left_out_of_the_json(name: str) -> None:
    """Test that None is written as null for fields that are not named in OMITTED."""
    model = models()[name]
    absent = [] if issubclass(model, Lists) else None
    made = model.model_construct(**dict.fromkeys(fields(model), absent))
    written = made.model_dump(mode="json", warnings=False)
    assert set(written) == set(fields(model)) - omitted(model)
    assert all(value in ([], None) or field in model.model_computed_fields for field, value in written.items())


def test_unknown_key_in_our_own_object_is_invalid(validator: Any) -> None:
    tried = 0
    for line in fixture_lines():
        for path, found in places(line):
            found["x_unheard_of"] = 1
            assert not validator.is_valid(line), path
            del found["x_unheard_of"]
            tried += 1
    assert tried > 500


def test_unknown_key_in_the_helpers_answer_is_valid(validator: Any) -> None:
    line = copy.deepcopy(next(line for line in fixture_lines() if line["test_keys"]["x_control"]))
    line["test_keys"]["x_control"] |= {"x_unheard_of": 1, "test_keys": {"queries": 3}}
    assert validator.is_valid(line)


def test_missing_key_or_wrong_type_is_invalid(validator: Any) -> None:
    """Remove each key in turn, and give it an object that is never a value."""
    line = next(line for line in fixture_lines() if line["test_name"] == "whatsapp")
    optional = {field for model in models().values() for field in getattr(model, "OMITTED", ())}
    for path, found in places(line):
        for key in list(found):
            kept = found.pop(key)
            assert key in optional or not validator.is_valid(line), (path, key)
            found[key] = {"never": ["this"]}
            assert not validator.is_valid(line), (path, key)
            found[key] = kept
    assert validator.is_valid(line)
