"""Extract the prose of Python and Markdown files, with the line where each piece begins."""

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

Kind = Literal["module docstring", "class docstring", "function docstring", "comment", "sentence", "document"]
DOCUMENTED = {
    ast.Module: "module docstring",
    ast.ClassDef: "class docstring",
    ast.FunctionDef: "function docstring",
    ast.AsyncFunctionDef: "function docstring",
}
DIRECTIVES = re.compile(r"^(!|type:|noqa|pragma|fmt:|ruff:|mypy:|pylint:)")
TRANSLATED = {"tr", "tr_plural", "mark"}
SENTENCE_KEYS = {"because", "plain", "help", "short_help", "epilog"}
BECAUSE = 3  # position of `because` among the arguments of a rule


@dataclass(frozen=True)
class Passage:
    """One piece of prose: a docstring, a block of comment lines, a sentence for users, or a Markdown paragraph."""

    line: int
    kind: Kind
    text: str


def passages(path: Path) -> list[Passage]:
    """Return the prose of a Python, Markdown, TOML or make file or a notebook, in the order of its lines."""
    return _passages(path.suffix, path.read_text(encoding="utf-8"))


@cache
def _passages(suffix: str, source: str) -> list[Passage]:
    if suffix == ".py":
        nodes = list(ast.walk(ast.parse(source)))
        found = [*docstrings(nodes), *comments(source), *sentences(nodes)]
    elif suffix == ".ipynb":
        found = list(notebook_cells(source))
    elif suffix == ".md":
        found = list(paragraphs(source))
    else:
        found = list(hash_comments(source))
    return sorted(found, key=lambda passage: passage.line)


def docstrings(nodes: Sequence[ast.AST]) -> Iterator[Passage]:
    """Yield the docstrings of the module, its classes and its functions, and of attributes as comments."""
    known = set()
    for node in nodes:
        kind = DOCUMENTED.get(type(node))
        if kind and (text := ast.get_docstring(node)):  # type: ignore[arg-type]
            statement = node.body[0]  # type: ignore[attr-defined]
            known.add(statement)
            yield Passage(statement.lineno, kind, text)  # type: ignore[arg-type]
    for node in nodes:
        if isinstance(node, ast.Expr) and node not in known and (text := _literal(node.value)):
            yield Passage(node.lineno, "comment", text)


def comments(source: str) -> Iterator[Passage]:
    """Yield each block of comment lines, and each comment behind code."""
    if "#" not in source:
        return
    block: list[str] = []
    first = last = 0  # lines of the block. A comment behind code is a block of its own.
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        text, (row, _) = token.string.lstrip("#").strip(), token.start
        if DIRECTIVES.match(text):
            continue
        alone = token.line.lstrip().startswith("#")
        if block and (row != last + 1 or not alone):
            yield Passage(first, "comment", "\n".join(block))
            block = []
        first, last = (first if block else row), (row if alone else 0)
        block.append(text)
    if block:
        yield Passage(first, "comment", "\n".join(block))


def notebook_cells(source: str) -> Iterator[Passage]:
    """Yield the paragraphs of a notebook's Markdown cells, at the line of the file where the cell stands."""
    for cell in json.loads(source)["cells"]:
        if cell["cell_type"] == "markdown":
            line = source[: source.index(f'"{cell["id"]}"')].count("\n") + 1
            yield from (Passage(line, found.kind, found.text) for found in paragraphs("".join(cell["source"])))


def hash_comments(source: str) -> Iterator[Passage]:
    """Yield the comments of a file that is not Python, and the titles of scenarios, which the lab prints."""
    for number, line in enumerate(source.splitlines(), 1):
        if comment := re.search(r"(?:^|\s)#+ (.*)", line):
            yield Passage(number, "comment", comment[1])
        if title := re.match(r'title = "(.*)"', line):
            yield Passage(number, "sentence", title[1])


def sentences(nodes: Sequence[ast.AST]) -> Iterator[Passage]:
    """Yield the sentences that users read: translated literals, sentences of rules, help texts."""
    for node in nodes:
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        arguments = [keyword.value for keyword in node.keywords if keyword.arg in SENTENCE_KEYS]
        if called in TRANSLATED:
            arguments += node.args[: 2 if called == "tr_plural" else 1]
        if called == "Rule":
            arguments += node.args[BECAUSE : BECAUSE + 1]
        for argument in arguments:
            if text := _literal(argument):
                yield Passage(argument.lineno, "sentence", text)


def _literal(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{value}" for part in node.values)  # type: ignore[misc]
    return None


def paragraphs(source: str) -> Iterator[Passage]:
    """Yield the paragraphs, list items and table cells of a Markdown document, without code blocks and comments."""
    block: list[str] = []
    first, fence = 0, ""
    source = re.sub(r"<!--.*?-->", lambda hidden: "\n" * hidden.group().count("\n"), source, flags=re.DOTALL)
    for number, line in enumerate([*source.splitlines(), ""], 1):
        stripped = line.strip()
        opened = re.match(r"(```+|~~~+)", stripped)
        starts = bool(re.match(r"([-*+]|\d+\.) |#|\|", stripped))
        if block and (not stripped or opened or fence or starts):
            yield Passage(first, "document", "\n".join(block))
            block = []
        if opened and not fence:
            fence = opened.group()
        elif fence:
            fence = "" if stripped.startswith(fence) else fence
        elif stripped.startswith("|"):
            yield from (Passage(number, "document", cell.strip()) for cell in re.split(r"(?<!\\)\|", stripped) if cell)
        elif stripped:
            first = first if block else number
            block.append(re.sub(r"^(([-*+]|\d+\.) |#+ )", "", stripped))
