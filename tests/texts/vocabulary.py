"""Collect the names that texts can refer to: files, headings, identifiers, mechanisms, commands."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SKIPPED = {".venv", ".git", "results", "build", "dist"}  # folders of the root without sources
NAMING = ("id", "attr", "arg", "name", "module")
CODE = {".py", ".toml", ".js", ".jinja", ".json", ".yml", ".css"}


@cache
def repository_files() -> frozenset[str]:
    """Return the paths of all files below the root, with `/` between their parts."""
    found = set()
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        if (
            parts[0] not in SKIPPED
            and "__pycache__" not in parts
            and not parts[0].endswith(".egg-info")
            and path.is_file()
        ):
            found.add("/".join(parts))
    return frozenset(found)


@cache
def folders_by_base_name() -> dict[str, list[str]]:
    """Return the folders of the files with each base name."""
    found: dict[str, list[str]] = {}
    for path in sorted(repository_files()):
        folder, _, name = path.rpartition("/")
        found.setdefault(name, []).append(folder)
    return found


@cache
def endings() -> frozenset[str]:
    """Return each part of a path that texts write for it, such as `tls/records.py` or `wire/tls`."""
    found = set()
    for path in repository_files():
        parts = path.split("/")
        for depth in range(len(parts)):
            found |= {"/".join(parts[start : depth + 1]) for start in range(depth + 1)}
    return frozenset(found)


@cache
def identifiers() -> frozenset[str]:
    """Return the words of the code: names and strings, without docstrings and comments."""
    words: set[str] = set()
    for path in repository_files():
        file = ROOT / path
        if path.startswith("tests/texts/"):
            continue  # its examples are wrong on purpose
        if file.suffix == ".py":
            words |= _words_of_module(file.read_text(encoding="utf-8"))
        elif file.suffix in CODE or file.name in {"Makefile", "Dockerfile"}:
            words |= set(re.findall(r"\w+", file.read_text(encoding="utf-8")))
    return frozenset(words | _generated())


def _words_of_module(source: str) -> set[str]:
    tree = ast.parse(source)
    found: list[str] = []
    for node in ast.walk(tree):
        found += [name for field in NAMING if isinstance(name := getattr(node, field, None), str)]
        if not isinstance(node, ast.Expr):  # docstrings are expressions
            found += [child.value for child in ast.iter_child_nodes(node) if _is_string(child)]  # type: ignore[attr-defined]
    return {word for text in found for word in re.findall(r"\w+", text)}


def _is_string(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _generated() -> set[str]:
    """Return the published names that the code builds: rule ids, and the pipeline's tables and columns."""
    from probe.analysis.report.reference import columns_made
    from probe.analysis.ruleset.tables import RULES
    from probe.analysis.verdicts.validity import INVALIDITIES

    tables = {name for table, columns in columns_made().items() for name in (table, *columns)}
    return {*RULES, *(reason.rule_id for reason in INVALIDITIES), *tables}


@cache
def mechanisms() -> frozenset[str]:
    """Return every node of the tree of mechanisms."""
    from probe.analysis.ruleset.mechanisms import ALL

    return ALL


@cache
def commands() -> frozenset[str]:
    from probe.cli import COMMANDS

    return frozenset(COMMANDS)


def headings(markdown: str) -> frozenset[str]:
    text = re.sub(r"^(```+).*?^\1", "", markdown, flags=re.DOTALL | re.MULTILINE)
    found = [_anchor(title) for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)]
    return frozenset(found) | frozenset(re.findall(r"""(?:id|name)=["']([\w-]+)["']""", markdown))


def _anchor(title: str) -> str:
    """Return the anchor that GitHub and Python-Markdown give to a heading."""
    plain = re.sub(r"\]\([^)]*\)", "]", title)
    return re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())
