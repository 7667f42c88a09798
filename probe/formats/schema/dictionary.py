"""The data dictionary: every field of a line in one table per model, made from the schema and from real lines."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from probe.formats.field_notes import PRIVACY, PRIVACY_CLASSES, UNIT
from probe.formats.keys import TEST_KEYS
from probe.formats.schema.schema import REFERENCE, VERSION, Schema, definitions, fields, models, omitted

LONGEST_EXAMPLE = 44  # characters
SILENT: tuple[Any, ...] = (None, "", 0, False, [], {})  # an example only where nothing else was seen
HEAD = f"""# Data dictionary

Every field of a line, format {VERSION}. Made by `make schema` from the classes in this folder; do not edit.

Examples are from the lines in `tests/fixtures`, measured in the lab; where those hold none, what the class gives as an
example. A field marked *opt.* is left out where there is nothing to say.

| privacy class | |
|---|---|
"""

Examples = dict[tuple[str, str], Any]


def dictionary(lines: Iterable[Mapping[str, Any]]) -> str:
    """The whole document, as Markdown; `lines` are where the examples come from."""
    described, examples = definitions(), Examples()
    for line in lines:
        _learn("Measurement", line, described, examples)
        _learn(TEST_KEYS[line["test_name"]].__name__, line["test_keys"], described, examples)
    classes = "".join(f"| `{name}` | {meaning} |\n" for name, meaning in PRIVACY_CLASSES.items())
    tables = [_table(model, described[name], examples) for name, model in _in_order(described)]
    return HEAD + classes + "".join(tables)


def _in_order(described: Mapping[str, Schema]) -> list[tuple[str, type[BaseModel]]]:
    """From the line inwards: a model after those that name it, as they name it; what nothing names comes last."""
    found = models()
    order = ["Measurement", *dict.fromkeys(keys.__name__ for keys in TEST_KEYS.values())]
    for name in order:
        order += [inner for inner in dict.fromkeys(_named(described[name])) if inner not in order]
    bases = [base.__name__ for name in order for base in found[name].__mro__ if base.__name__ in found]
    order += [name for name in dict.fromkeys(bases) if name not in order and fields(found[name])]
    return [(name, found[name]) for name in order]


def _table(model: type[BaseModel], schema: Schema, examples: Examples) -> str:
    base = next((b for b in model.__mro__[1:] if issubclass(b, BaseModel) and b is not BaseModel and fields(b)), None)
    inherited = set(fields(base)) - set(model.__annotations__) if base else set()
    above = f" Also the fields of [{base.__name__}](#{base.__name__.lower()})." if base else ""
    more = " Other keys may stand beside these." if schema["additionalProperties"] else ""
    rows = [_row(model, name, schema, examples) for name in fields(model) if name not in inherited]
    head = "\n| field | type | unit | privacy | meaning | example |\n|---|---|---|---|---|---|\n" if rows else ""
    return f"\n## {model.__name__}\n\n{' '.join(schema['description'].split())}{above}{more}\n{head}{''.join(rows)}"


def _row(model: type[BaseModel], name: str, schema: Schema, examples: Examples) -> str:
    field = schema["properties"][name]
    kind = _type(field) + (" *opt.*" if name in omitted(model) else "")
    cells = [f"`{name}`", kind, unit_of(field), field[PRIVACY], field["description"], _example(model, name, examples)]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def unit_of(field: Schema) -> str:
    """The unit of the number that a field is or holds; "" when it is no number."""
    inner = [field.get("items"), field.get("additionalProperties"), *field.get("anyOf", [])]
    return str(field.get(UNIT) or next((unit for one in inner if isinstance(one, dict) and (unit := unit_of(one))), ""))


def _type(field: Schema) -> str:
    """In words: `string or null`, `list of DNSQuery`, `"in" or "out"`."""
    if "$ref" in field:
        name = field["$ref"].removeprefix(REFERENCE)
        return f"[{name}](#{name.lower()})"
    if "const" in field or "enum" in field:
        return " or ".join(json.dumps(value) for value in field.get("enum", [field.get("const")]))
    if "anyOf" in field:
        return " or ".join(_type(branch) for branch in field["anyOf"])
    if "allOf" in field:
        return " or ".join(_type(choice["then"]) for choice in field["allOf"])
    if "prefixItems" in field:
        return "[" + ", ".join(_type(one) for one in field["prefixItems"]) + "]"
    if isinstance(field.get("items"), dict):
        return f"list of {_type(field['items'])}" + (" or null" if "null" in field["type"] else "")
    if isinstance(field.get("additionalProperties"), dict):
        return f"object of {_type(field['additionalProperties'])}"
    kinds = field.get("type", "anything")
    return kinds if isinstance(kinds, str) else " or ".join(kinds)


# -- examples ------------------------------------------------------------------------------------------------------


def _learn(name: str, value: Mapping[str, Any], described: Mapping[str, Schema], examples: Examples) -> None:
    """Keep the first telling value of every plain field, inwards through the models that it names."""
    for key, field in described[name]["properties"].items():
        if key not in value:
            continue
        found, inner = value[key], _named(field)
        if not inner and examples.get((name, key)) in SILENT:
            examples[name, key] = found
        for part in _parts(found) if inner else ():
            _learn(_which(inner, part), part, described, examples)


def _parts(value: Any) -> Iterator[Mapping[str, Any]]:
    """The objects that a value is or holds."""
    if isinstance(value, list):
        yield from (part for part in value if isinstance(part, dict))
    elif isinstance(value, dict):
        yield from value.values() if all(isinstance(part, dict) for part in value.values()) else [value]


def _which(names: list[str], part: Mapping[str, Any]) -> str:
    """Of several models the one whose fields the object has."""
    found = models()
    return next((name for name in names if part.keys() <= set(fields(found[name]))), names[0])


def _named(schema: Any) -> list[str]:
    if isinstance(schema, list):
        return [name for inner in schema for name in _named(inner)]
    if not isinstance(schema, dict):
        return []
    own = [schema["$ref"].removeprefix(REFERENCE)] if isinstance(schema.get("$ref"), str) else []
    return own + [name for inner in schema.values() for name in _named(inner)]


def _example(model: type[BaseModel], name: str, examples: Examples) -> str:
    related = [one.__name__ for one in models().values() if issubclass(model, one) or issubclass(one, model)]
    seen = [examples[other, name] for other in (model.__name__, *related) if (other, name) in examples]
    telling = [value for value in (*seen, *_given(model, name)) if value not in SILENT]
    if not (telling or seen):
        return ""
    text = json.dumps((telling or seen)[0], ensure_ascii=False)
    return f"`{text if len(text) <= LONGEST_EXAMPLE else text[: LONGEST_EXAMPLE - 1] + '…'}`"


def _given(model: type[BaseModel], name: str) -> list[Any]:
    """What the class itself gives for an example."""
    field = model.model_fields.get(name)
    return list(field.examples or []) if field else []
