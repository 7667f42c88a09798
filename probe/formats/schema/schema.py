"""Generate the JSON Schema (draft 2020-12) of a measurement from the models that write it.

A measuring process does not load this module. `make schema` writes the file in probe/data/schema.
"""

import ast
import inspect
import io
import sys
import tokenize
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from probe.formats.field_notes import PRIVACY
from probe.formats.keys import TEST_KEYS
from probe.formats.measurement import Measurement
from probe.formats.store_keys import STORE_KEYS

VERSION = "0.1.0"  # version of the software that first wrote this shape
MODELS = "probe.formats."  # prefix of the modules with models
DRAFT = "https://json-schema.org/draft/2020-12/schema"
REFERENCE = "#/$defs/"

Schema = dict[str, Any]


def measurement_schema() -> Schema:
    """Return the schema of one measurement. `test_name` decides the test keys. Our objects allow no other keys."""
    described, nettests = definitions(), {**TEST_KEYS, **STORE_KEYS}
    measurement = described[Measurement.__name__]
    measurement["properties"]["test_name"]["enum"] = sorted(nettests)
    measurement["properties"]["test_keys"] |= {"type": "object"}
    measurement["allOf"] = [_test_keys_of(name, keys.__name__) for name, keys in sorted(nettests.items())]
    wanted = sorted(_reachable(measurement, described))
    return {
        "$schema": DRAFT,
        "$id": f"urn:censorprobe:measurement:{VERSION}",
        "title": f"A measurement of censorprobe, {VERSION}",
        **measurement,
        "$defs": {name: described[name] for name in wanted},
    }


def definitions() -> dict[str, Schema]:
    """Return the schema of every model by class name. Each field has a description, a unit and a privacy class."""
    found = models()
    _, whole = models_json_schema([(model, "serialization") for model in found.values()])
    return {name: _described(found[name], schema) for name, schema in whole["$defs"].items()}


@cache
def models() -> dict[str, type[BaseModel]]:
    """Return every model of this package by name, in the order of the names, whichever module was loaded first."""
    found = {model.__name__: model for model in _subclasses(BaseModel) if model.__module__.startswith(MODELS)}
    return dict(sorted(found.items()))


def fields(model: type[BaseModel]) -> list[str]:
    """Return the fields of a model in the order of the JSON."""
    kept = [name for name, field in model.model_fields.items() if not field.exclude]
    return [*kept, *model.model_computed_fields]


def omitted(model: type[BaseModel]) -> frozenset[str]:
    """Return the fields that are left out of the JSON while they are None."""
    named: frozenset[str] = getattr(model, "OMITTED", frozenset())
    return named


# -- descriptions of fields --------------------------------------------------------------------------------------------


def sentence(model: type[BaseModel], field: str) -> str:
    """Return the description of a field in the class or its nearest base class, "" if there is none."""
    for owner in model.__mro__:
        if owner.__module__.startswith(MODELS) and (words := _sentences(owner.__module__).get((owner.__name__, field))):
            return words
    return ""


@cache
def _sentences(module: str) -> dict[tuple[str, str], str]:
    """Return the comment after each field, or the docstring below it, by (class, field)."""
    source = inspect.getsource(sys.modules[module])
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}
    found = {}
    for owner in (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)):
        for statement, after in pairwise([*owner.body, None]):
            match statement, after:
                case ast.AnnAssign(target=ast.Name(id=field)), ast.Expr(value=ast.Constant(value=str(words))):
                    found[owner.name, field] = " ".join(words.split())
                case ast.AnnAssign(target=ast.Name(id=field), end_lineno=line), _ if line in comments:
                    found[owner.name, field] = comments[line]
    return found


# -- additions to pydantic's schema ------------------------------------------------------------------------------------


def _described(model: type[BaseModel], schema: Schema) -> Schema:
    absent = omitted(model)
    properties = {name: _property(model, name, schema["properties"][name]) for name in fields(model)}
    for name in absent:
        properties[name] = _without_null(properties[name])
    open_ended = model.model_config.get("extra") == "allow"
    return {
        "description": inspect.cleandoc(model.__doc__ or ""),
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in absent],
        "additionalProperties": open_ended,
    }


def _property(model: type[BaseModel], name: str, schema: Schema) -> Schema:
    words = sentence(model, name) or schema.get("description", "")
    kept = {key: value for key, value in schema.items() if key not in {"title", "default", "description", "readOnly"}}
    flat = _flat(kept)
    if "discriminator" in flat.get("items", {}):
        flat["items"] = _by_kind(**flat["items"]["discriminator"])
    return {"description": words, **flat, PRIVACY: flat.get(PRIVACY, getattr(model, "PRIVACY", ""))}


def _flat(schema: Schema) -> Schema:
    """Write `anyOf` of a plain type and null as a list of types. A validator then names the field, not the choice."""
    branches = schema.get("anyOf", [])
    if len(branches) != 2 or branches[1] != {"type": "null"} or "type" not in branches[0]:
        return schema
    inner = dict(branches[0])
    if "enum" in inner or "const" in inner:
        inner["enum"] = [*inner.pop("enum", [inner.pop("const", None)]), None]
    return {key: value for key, value in schema.items() if key != "anyOf"} | inner | {"type": [inner["type"], "null"]}


def _by_kind(propertyName: str, mapping: dict[str, str]) -> Schema:
    """Return a choice of models by the value of a field. A validator then names the error inside the right model."""
    choices = [
        {"if": {"properties": {propertyName: {"const": value}}}, "then": {"$ref": target}}
        for value, target in mapping.items()
    ]
    return {
        "type": "object",
        "required": [propertyName],
        "properties": {propertyName: {"enum": [*mapping]}},
        "allOf": choices,
    }


def _without_null(schema: Schema) -> Schema:
    if isinstance(schema.get("type"), list):
        return schema | {"type": schema["type"][0]}
    branches = [branch for branch in schema.get("anyOf", []) if branch != {"type": "null"}]
    return (
        {key: value for key, value in schema.items() if key != "anyOf"} | branches[0] if len(branches) == 1 else schema
    )


def _test_keys_of(test_name: str, keys: str) -> Schema:
    return {
        "if": {"properties": {"test_name": {"const": test_name}}, "required": ["test_name"]},
        "then": {"properties": {"test_keys": {"$ref": REFERENCE + keys}}},
    }


def _reachable(schema: Any, described: dict[str, Schema], seen: set[str] | None = None) -> set[str]:
    """Return the names of all definitions that `schema` needs."""
    seen = set() if seen is None else seen
    for name in set(_references(schema)) - seen:
        seen.add(name)
        _reachable(described[name], described, seen)
    return seen


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(target := schema.get("$ref"), str):
            yield target.removeprefix(REFERENCE)
        schema = list(schema.values())
    if isinstance(schema, list):
        for inner in schema:
            yield from _references(inner)


def _subclasses(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for inner in model.__subclasses__():
        yield inner
        yield from _subclasses(inner)
