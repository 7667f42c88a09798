"""Find the modules that fill the columns of feature rows, by reading the source of the analysis."""

import ast
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path

from probe.analysis.features.rows import WideRow
from probe.analysis.rules.rule import State

ANALYSIS = Path(__file__).parents[1]
SET_BY_NAME: dict[str, dict[str, set[str]]] = {  # columns that the code sets with `setattr`
    "AddressRow": {
        "features/addresses": {
            f"control{layer}_{what}" for layer in ("", "_tcp", "_tls") for what in ("attempts", "successes")
        }
    },
    "EndpointRow": {"verdicts/endpoints": set(map(str, State))},
    "ServiceRow": {"verdicts/services": set(map(str, State))},
}


def column_sources(row: type[WideRow]) -> dict[str, list[str]]:
    """Return for each column the modules that fill it, below `probe/analysis` and without suffix."""
    found: dict[str, list[str]] = {column.name: [] for column in fields(row)}
    for module, columns in SET_BY_NAME.get(row.__name__, {}).items():
        for name in columns & found.keys():
            found[name].append(module)
    for module, kind, name in _assignments():
        if kind == row.__name__ and name in found and module not in found[name]:
            found[name].append(module)
    return found


@cache
def _assignments() -> tuple[tuple[str, str, str], ...]:
    """Return (module, row class, column) of every assignment to a row's column."""
    modules = [*(ANALYSIS / "features").rglob("*.py"), *(ANALYSIS / "verdicts").glob("*.py")]
    return tuple(
        (path.relative_to(ANALYSIS).with_suffix("").as_posix(), kind, name)
        for path in sorted(modules)
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef)
        for kind, name in _in_function(function)
    )


def _in_function(function: ast.FunctionDef) -> Iterator[tuple[str, str]]:
    """Yield (row class, column) for arguments of a row's constructor and assignments to attributes of `row`."""
    kind = next(
        (ast.unparse(each.annotation) for each in function.args.args if each.arg == "row" and each.annotation), ""
    )
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.endswith("Row"):
            kind = kind or node.func.id
            yield from ((node.func.id, keyword.arg) for keyword in node.keywords if keyword.arg)
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "row":
            yield kind, node.attr
