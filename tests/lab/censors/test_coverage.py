"""Every class of censor is met on the wire by clients that know nothing of the probe; every key of it in some test."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from pydantic import ValidationError

from probe.lab.censors import CLASSES
from probe.lab.censors.kit.middlebox import Middlebox
from tests.lab.censors.test_on_the_wire import MET

HERE = Path(__file__).parent
IN_THE_WAY = [kind for kind in CLASSES.values() if kind.model_fields["on_path"].annotation == Literal[False]]


def keys_in(file: Path) -> Iterator[tuple[str, str]]:
    """(class, key) of every censor that a file makes with a key of its own, itself or by a function of the file."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    makers = {name: name for name in CLASSES}
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        made_inside = [made for node in ast.walk(function) if (made := _made_by(node))]
        if function.args.kwarg is not None and made_inside:
            makers[function.name] = made_inside[-1]
    for node in ast.walk(tree):
        made = _made_by(node) or (makers.get(_called(node)) if isinstance(node, ast.Call) else None)
        if made and isinstance(node, ast.Call):
            yield from ((made, word) for word in _words(node))


def _made_by(node: ast.AST) -> str | None:
    """The class that a call makes, by its name or by its `model_validate`."""
    if not isinstance(node, ast.Call):
        return None
    made = node.func.value if isinstance(node.func, ast.Attribute) and node.func.attr == "model_validate" else node.func
    return made.id if isinstance(made, ast.Name) and made.id in CLASSES else None


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _words(call: ast.Call) -> list[str]:
    values = [
        argument for argument in [*call.args, *(k.value for k in call.keywords)] if isinstance(argument, ast.Dict)
    ]
    keys = [str(key.value) for value in values for key in value.keys if isinstance(key, ast.Constant)]
    return [keyword.arg for keyword in call.keywords if keyword.arg] + keys


def defined_by(kind: type[Middlebox], key: str) -> type[Middlebox]:
    """The class that a key comes from: what several inherit needs one of them to try it."""
    return next(base for base in kind.__mro__ if key in vars(base).get("__annotations__", {}))


def tried() -> set[tuple[type[Middlebox], str]]:
    """(the class that a key comes from, the key) of all that some test tries."""
    found = {pair for file in HERE.glob("test_*.py") for pair in keys_in(file)}
    return {(defined_by(CLASSES[name], key), key) for name, key in found if key in CLASSES[name].model_fields}


def test_every_class_is_met_on_the_wire() -> None:
    assert set(MET) == set(CLASSES)


@pytest.mark.parametrize("kind", CLASSES.values(), ids=CLASSES)
def test_every_key_of_every_class_is_tried(kind: type[Middlebox]) -> None:
    done = tried() | {(made, "on_path") for made in IN_THE_WAY}  # by the test below
    assert not [key for key in kind.model_fields if (defined_by(kind, key), key) not in done]


@pytest.mark.parametrize("kind", IN_THE_WAY)
def test_who_holds_the_packet_cannot_stand_beside_it(kind: type[Middlebox]) -> None:
    needed = {key: ["x"] for key, field in kind.model_fields.items() if field.is_required() and key != "how"}
    needed |= {"protocols": ["stun"]} if "protocols" in needed else {}
    needed |= {"how": "mask"} if "how" in kind.model_fields else {}
    assert kind.model_validate(needed).on_path is False
    with pytest.raises(ValidationError, match="on_path"):
        kind.model_validate({**needed, "on_path": True})
