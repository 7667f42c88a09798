"""Check the mechanical part of the writing style: `python -m tests.texts.style PATH…` prints the violations.

The rules stand in CONTRIBUTING.md. Only banned words and signs, and the verb at the beginning of a docstring, are
checked. Lengths are not, because sentences were shortened for such a check until they could not be understood alone.
Code spans and code blocks are not checked either, so a banned word can be quoted in one.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.texts.passages import TRANSLATED, Passage, passages
from tests.texts.words import (
    ABSENT,
    ARROWS,
    BANNED,
    BANNED_NAMES,
    HTTP_METHODS,
    NOT_VERBS,
    QUESTIONS,
    VERBS_IN_ED,
    VERBS_IN_ING,
    VERBS_IN_S,
)

ROOT = Path(__file__).parent.parent.parent
WITH_PROSE = {".py", ".md", ".toml", ".ipynb", "Makefile", "Dockerfile"}
CHECKED = (
    *("probe", "tests", "docs", "targets", "deploy"),
    *("README.md", "CONTRIBUTING.md", "SECURITY.md", "results/README.md"),
    *("Makefile", "Dockerfile", "pyproject.toml", "hatch_build.py"),
)


@dataclass(frozen=True, order=True)
class Violation:
    """One place that breaks one rule."""

    path: str
    line: int
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.text}"


def violations(paths: Iterable[Path]) -> list[Violation]:
    """Return all violations in the given files and folders, in the order of files and lines."""
    found = []
    for file in files(paths):
        name = str(file.relative_to(ROOT)) if file.is_relative_to(ROOT) else str(file)
        for line, rule, text in (*check_code(file), *check_passages(passages(file))):
            found.append(Violation(name, line, rule, text))
    return sorted(set(found))


def files(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files with prose below the given paths."""
    for path in paths:
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file.resolve() for file in inside if file.is_file() and {file.suffix, file.name} & WITH_PROSE)


# A full stop before a capital letter, or the dot that separates the items of a list in one line.
SENTENCE_END = re.compile(r"[.!?][)\"'*]*\s+(?=[A-Z`\"'(\[*_0-9])|\s·\s|<br>")

Finding = tuple[int, str, str]


class Forbidden:
    """Find forbidden words. One search for all patterns comes first, since most sentences have none."""

    def __init__(self, instead: Mapping[str, str]) -> None:
        self._patterns = [(re.compile(pattern, re.IGNORECASE), words) for pattern, words in instead.items()]
        self._any = re.compile("|".join(f"(?:{pattern})" for pattern in instead), re.IGNORECASE)

    def hits(self, text: str) -> Iterator[tuple[str, str]]:
        """Yield each forbidden piece of the text, and the words to write in its place."""
        if self._any.search(text):
            yield from ((hit, words) for pattern, words in self._patterns for hit in pattern.findall(text))


BANNED_WORDS = Forbidden({rf"(?<![\w-])(?:{pattern})(?![\w-])": words for pattern, words in BANNED.items()})
ABSENT_DOCUMENTS = Forbidden(
    {rf"\b(?:{pattern})" if pattern[0].isalpha() else pattern: words for pattern, words in ABSENT.items()}
)


def check_code(file: Path) -> Iterator[Finding]:
    """Yield the names with a banned word, and the calls of `tr` and `mark` whose sentence is not one literal."""
    if file.suffix != ".py":
        return
    tree = ast.parse(file.read_text(encoding="utf-8"))
    yield from check_name(1, file.stem)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not _is_key(node, file):
            yield from check_name(node.lineno, node.name)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in TRANSLATED and node.args:
            sentence = node.args[0]
            if isinstance(sentence, ast.JoinedStr | ast.BinOp):
                yield sentence.lineno, "a translated sentence is one literal", ast.unparse(sentence)


def _is_key(node: ast.stmt, file: Path) -> bool:
    """Return whether the name is a published key of scenarios: the class of a censor or of a fault."""
    return isinstance(node, ast.ClassDef) and {"censors", "faults.py"} & set(file.parts) != set()


def check_name(line: int, name: str) -> Iterator[Finding]:
    """Yield the banned words among the parts of a name in snake case or camel case."""
    parts = {part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}
    yield from ((line, f"banned word '{word}' in a name", name) for word in sorted(parts & BANNED_NAMES))


def check_passages(found: Iterable[Passage]) -> Iterator[Finding]:
    """Yield what breaks a rule in the given prose."""
    for passage in found:
        if passage.kind.endswith("docstring"):
            yield from ((passage.line, *problem) for problem in check_first_line(passage))
        for offset, sentence in split_sentences(passage.text):
            yield from ((passage.line + offset, *problem) for problem in check_sentence(sentence))


def check_first_line(passage: Passage) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the first line of a docstring."""
    first = passage.text.strip().splitlines()[0]
    word = re.match(r"[\w'-]+", first)
    verb = word.group() if word else ""
    if "?" in without_code(first):
        yield "no question in a docstring's first line", first
    noun_phrase = passage.kind == "class docstring" and verb.lower() not in QUESTIONS and first[:1].isupper()
    if not noun_phrase and not may_be_verb(verb):
        yield "docstring begins with an imperative verb", first


def may_be_verb(word: str) -> bool:
    """Return False for words that are certainly no imperative verb at the beginning of a sentence."""
    lower = word.lower()
    if word in HTTP_METHODS:
        return True
    if lower in NOT_VERBS | QUESTIONS or not word.isalpha() or word != word.capitalize():
        return False
    third_person = lower.endswith("s") and not lower.endswith("ss") and lower not in VERBS_IN_S
    participle = lower.endswith(("ing", "ed")) and lower not in VERBS_IN_ING | VERBS_IN_ED
    return not third_person and not participle


def check_sentence(sentence: str) -> Iterator[tuple[str, str]]:
    """Yield the rules that one sentence breaks, each with the offending words."""
    prose = without_code(sentence)
    if re.search(r";(\s|$)", prose):
        yield "no semicolon", sentence
    if arrows := set(prose) & set(ARROWS):
        yield f"no arrow {' '.join(sorted(arrows))} in prose", sentence
    yield from ((f"banned words '{hit}' (write: {instead})", sentence) for hit, instead in BANNED_WORDS.hits(prose))
    for hit, instead in ABSENT_DOCUMENTS.hits(prose):
        yield f"reference '{hit}' is not in the repository ({instead})", sentence


def without_code(text: str) -> str:
    """Return the text with code spans, addresses and placeholders replaced by single words, lists of spans as well."""
    text = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)|<code>.+?</code>", "code", text, flags=re.DOTALL)
    text = re.sub(r"\bcode(, code)+\b", "code", text)  # the values of a field are no sentence
    text = re.sub(r"\]\([^)\s]*\)", "]", text)
    text = re.sub(r"https?://\S+", "address", text)
    text = re.sub(r"\([^()]*RFC \d[^()]*\)", "(RFC)", text)
    text = re.sub(r'"[^"]*"', "quote", text)
    return re.sub(r"\{\w*\}:?", "value", text)


def split_sentences(text: str) -> Iterator[tuple[int, str]]:
    """Yield each sentence with the number of lines before it. List items and paragraphs end a sentence."""
    for offset, block in _blocks(text):
        start = 0
        for end in [
            *(found.end() for found in SENTENCE_END.finditer(block)),
            len(block),
        ]:
            if sentence := " ".join(block[start:end].split()):
                yield offset + block[:start].count("\n"), sentence
            start = end


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """Yield paragraphs and list items, without indented examples that follow a colon."""
    block: list[str] = []
    first, example = 0, False
    for number, line in enumerate([*text.splitlines(), ""]):
        stripped = line.strip()
        indented = line.startswith("    ") or stripped.startswith(">>>")
        if example and (indented or not stripped):
            continue
        example = indented and (not block or block[-1].endswith(":"))
        if block and (not stripped or example or re.match(r"([-*+]|\d+\.) ", stripped)):
            yield first, "\n".join(block)
            block = []
        if stripped and not example:
            first = first if block else number
            block.append(stripped)


def main() -> int:
    """Print the violations in the files and folders of the command line, or in the whole repository."""
    found = violations([Path(name) for name in sys.argv[1:]] or [ROOT / name for name in CHECKED])
    for violation in found:
        print(violation)
    print(f"{len(found)} violations", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
