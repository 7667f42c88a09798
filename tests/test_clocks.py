"""Test that no new test asks the clock: no sleep, time limit or measured time of less than two seconds.

A busy computer delays both sides of such a test by seconds. Wait for what a socket, a file or a queue says instead,
count beats of the event loop (`support/loop_clock.py`), or compare two times of one run and mark the test `timed`.

`clocks.txt` lists what still has to be changed, with its number per file. It only shrinks. A sleep inside a loop asks
again and again for what it waits for, and is allowed.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
LEFT = TESTS / "clocks.txt"
SHORT = 2.0  # seconds
TIMES = ("seconds", "took", "elapsed", "duration")


def asks(node: ast.AST, *, in_loop: bool = False) -> Iterator[str]:
    """Yield "sleep", "limit" or "measured" for each place below a node that asks the clock."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(map(_is_timed, node.decorator_list)):
        return
    if isinstance(node, ast.Call):
        name = _last_name(node.func)
        if name == "sleep" and not in_loop and any(map(_is_short, node.args)):
            yield "sleep"
        limits = [word.value for word in node.keywords if word.arg == "timeout"]
        limits += node.args[1:] if name == "wait_for" else []
        if any(map(_is_short, limits)):
            yield "limit"
    if isinstance(node, ast.Compare) and _is_upper_bound(node):
        yield "measured"
    inside = isinstance(node, ast.While | ast.For | ast.AsyncFor)
    defines = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    for child in ast.iter_child_nodes(node):
        yield from asks(child, in_loop=inside or (in_loop and not defines))


def asks_of(source: str) -> Counter[str]:
    """Count the places of a module. A module with the mark `timed` has none."""
    tree = ast.parse(source)
    if any(isinstance(node, ast.Assign) and _is_mark_of_module(node) for node in tree.body):
        return Counter()
    return Counter(asks(tree))


def _is_mark_of_module(node: ast.Assign) -> bool:
    marks = node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]
    return _last_name(node.targets[0]) == "pytestmark" and any(map(_is_timed, marks))


def _is_timed(node: ast.AST) -> bool:
    return _last_name(node) == "timed"


def _is_upper_bound(node: ast.Compare) -> bool:
    """Return whether a measured time must be below a number: `seconds < 0.3`, `0.1 < took < 2`."""
    values = [node.left, *node.comparators]
    pairs = zip(values, node.ops, values[1:], strict=False)
    return any(isinstance(op, ast.Lt | ast.LtE) and _is_time(left) and _is_short(right) for left, op, right in pairs)


def _is_time(node: ast.AST) -> bool:
    return any(time in _last_name(part) for part in ast.walk(node) for time in TIMES)


def _is_short(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float) and 0 < node.value < SHORT


def _last_name(node: ast.AST) -> str:
    return getattr(node, "attr", getattr(node, "id", ""))


def found() -> dict[str, str]:
    """Return the lines of `clocks.txt` as they would be now, by file."""
    lines = {}
    for path in sorted(TESTS.rglob("*.py")):
        if counted := asks_of(path.read_text(encoding="utf-8")):
            kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(counted.items()))
            lines[path.relative_to(TESTS).as_posix()] = kinds
    return lines


def test_no_new_test_asks_the_clock() -> None:
    lines = LEFT.read_text(encoding="utf-8").splitlines()
    listed = dict(line.split(": ") for line in lines if not line.startswith("#"))
    now = found()
    changed = {name: (listed.get(name), now.get(name)) for name in listed | now if listed.get(name) != now.get(name)}
    assert not changed, f"These files differ from {LEFT}: {changed}. Write what is left there, and nothing new."


@pytest.mark.parametrize(
    ("source", "kinds"),
    [
        ("time.sleep(0.2)", ["sleep"]),
        ("async def test():\n    await asyncio.sleep(1)", ["sleep"]),
        ("time.sleep(0)", []),
        ("time.sleep(5)", []),
        ("while not file.exists():\n    time.sleep(0.1)", []),
        ("for each in peers:\n    def late():\n        time.sleep(0.1)", ["sleep"]),
        ("await asyncio.wait_for(task, 0.5)", ["limit"]),
        ("await asyncio.wait_for(task, timeout=0.5)", ["limit"]),
        ("subprocess.run(command, timeout=100)", []),
        ("assert seconds < 0.3", ["measured"]),
        ("assert 0.1 <= time.monotonic() - began < 1", []),
        ("assert 0.1 <= flow.seconds < 1", ["measured"]),
        ("assert seconds > 0.3", []),
        ("@pytest.mark.timed\ndef test():\n    time.sleep(0.2)", []),
        ("pytestmark = pytest.mark.timed\ntime.sleep(0.2)", []),
        ("pytestmark = [pytest.mark.lab, pytest.mark.timed]\ntime.sleep(0.2)", []),
    ],
)
def test_places_that_ask_the_clock_are_found(source: str, kinds: list[str]) -> None:
    assert sorted(asks_of(source).elements()) == kinds
