"""Test that some test uses every key of every class of censor."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Literal

import pytest
from pydantic import ValidationError

from probe.lab.censors import CLASSES, Middlebox

HERE = Path(__file__).parent
IN_PATH = [kind for kind in CLASSES.values() if kind.model_fields["on_path"].annotation == Literal[False]]


def keys_in(file: Path) -> Iterator[tuple[str, str]]:
    """Yield the class and key of every censor that a file makes, itself or by a function of the file."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    makers = {name: name for name in CLASSES}
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        made_inside = [made for node in ast.walk(function) if (made := _class_of_call(node))]
        if function.args.kwarg is not None and made_inside:
            makers[function.name] = made_inside[-1]
    for node in ast.walk(tree):
        made = _class_of_call(node) or (makers.get(_function_of_call(node)) if isinstance(node, ast.Call) else None)
        if made and isinstance(node, ast.Call):
            yield from ((made, key) for key in _keys_of_call(node))


def _class_of_call(node: ast.AST) -> str | None:
    """Return the class that a call makes, by its name or by its `model_validate`."""
    if not isinstance(node, ast.Call):
        return None
    made = node.func.value if isinstance(node.func, ast.Attribute) and node.func.attr == "model_validate" else node.func
    return made.id if isinstance(made, ast.Name) and made.id in CLASSES else None


def _function_of_call(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _keys_of_call(call: ast.Call) -> list[str]:
    values = [
        argument for argument in [*call.args, *(k.value for k in call.keywords)] if isinstance(argument, ast.Dict)
    ]
    keys = [str(key.value) for value in values for key in value.keys if isinstance(key, ast.Constant)]
    return [keyword.arg for keyword in call.keywords if keyword.arg] + keys


def defining_class(kind: type[Middlebox], key: str) -> type[Middlebox]:
    """Return the class that defines a key. A key that several classes inherit is tested with one of them."""
    return next(base for base in kind.__mro__ if key in vars(base).get("__annotations__", {}))


@cache
def used_keys() -> set[tuple[type[Middlebox], str]]:
    """Return the defining class and the name of every key that a test or a wire test uses."""
    found = {pair for file in HERE.parent.rglob("test_*.py") for pair in keys_in(file)}
    found |= {(name, key) for name, kind in CLASSES.items() for test in kind.WIRE for key in test.keys}
    return {(defining_class(CLASSES[name], key), key) for name, key in found if key in CLASSES[name].model_fields}


@pytest.mark.parametrize("kind", CLASSES.values(), ids=CLASSES)
def test_every_key_is_tested(kind: type[Middlebox]) -> None:
    tested = used_keys() | {(defining_class(made, "on_path"), "on_path") for made in IN_PATH}  # by the test below
    assert not [key for key in kind.model_fields if (defining_class(kind, key), key) not in tested]


@pytest.mark.parametrize("kind", IN_PATH)
def test_censor_that_drops_packets_cannot_be_on_path(kind: type[Middlebox]) -> None:
    keys = kind.WIRE[0].keys
    assert kind.model_validate(keys).on_path is False
    with pytest.raises(ValidationError, match="on_path"):
        kind.model_validate({**keys, "on_path": True})
