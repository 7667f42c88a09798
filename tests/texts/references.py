"""Check references in texts: `python -m tests.texts.references PATH…` prints the ones without an object.

It checks links and anchors, file names, module names, principles, mechanisms, commands and sections of the contract.
It checks rule ids and other names in code spans, and finds citations of documents that are not in the repository.
"""

import fnmatch
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.texts.passages import passages
from tests.texts.style import CHECKED as STYLED
from tests.texts.style import Finding, Violation, files
from tests.texts.vocabulary import (
    commands,
    endings,
    folders_by_base_name,
    headings,
    identifiers,
    mechanisms,
    repository_files,
)
from tests.texts.words import ABSENT

ROOT = Path(__file__).parent.parent.parent
PRINCIPLES = {f"P{number}" for number in range(1, 11)}
LAYERS = {name.split(".")[0] for name in mechanisms()}
ACTIONS = {name.split(".")[1] for name in mechanisms() if "." in name}
FOREIGN = {"config.toml", "my-network.toml"}  # files of the user
FOREIGN |= {"Readme.md", "dataclient.py", "LICENSE.md", "core.py", "axe.min.js"}  # files of other projects
FOREIGN_NAMES = {"test_reset_during_handshake_is_connection_reset", "blocking_general"}  # an example, and OONI's
FOREIGN_NAMES |= {"app_transactions"}  # of deltalake
FILE = r"(?<![\w/.:@-])((?:[\w.*-]+/)*[\w.*-]+\.(?:py|md|toml|ipynb|jinja|css|js))(?![\w/-])"
CHECKED = tuple(name for name in STYLED if name != "targets")  # target files cite the files of other projects
FOLDER = r"(?<![\w/.:@-])((?:probe|tests|docs|targets|deploy|\.ci)/(?:[\w.*-]+/)*[\w.*-]*)(?![\w/<{])"
_ANY_ABSENT = re.compile("|".join(rf"(?<!\w){pattern}" for pattern in ABSENT), re.IGNORECASE)
MODULE = r"(?<![\w./-])((?:probe|tests)(?:\.[a-zA-Z_]\w*)+)(?!\w)"


def violations(paths: Iterable[Path]) -> list[Violation]:
    """Return the references without an object in the given files and folders."""
    found = []
    for file in files(paths):
        name = str(file.relative_to(ROOT)) if file.is_relative_to(ROOT) else str(file)
        found += [Violation(name, *finding) for finding in check_file(file)]
    return sorted(set(found))


def check_file(file: Path) -> Iterator[Finding]:
    if file.suffix == ".md":
        yield from check_links(file)
        yield from check_commands(file.read_text(encoding="utf-8"))
    source = file.read_text(encoding="utf-8")
    for passage in passages(file):
        if passage.kind != "sentence":
            for offset, line in enumerate(passage.text.splitlines()):
                problems = (*check_text(line), *check_base_names(line, file, source))
                yield from ((passage.line + offset, *problem) for problem in problems)


def check_base_names(text: str, file: Path, source: str) -> Iterator[tuple[str, str]]:
    """Yield each name of a file without folder that several files have, so that a reader cannot know which is meant.

    A file in the same folder or in the root is found. So is one whose folder the citing text names anywhere.
    """
    for name in re.findall(FILE, re.sub(r"\]\([^)\s]*\)|https?://\S+", "", text)):
        folders = folders_by_base_name().get(name, [])
        near = [folder for folder in folders if not folder or ROOT / folder == file.parent]
        if len(folders) > 1 and not near and not any(re.search(rf"\b{Path(each).name}\b", source) for each in folders):
            yield "several files have this name, so name its folder", name


def check_text(text: str) -> Iterator[tuple[str, str]]:
    """Yield the rule and the words of each reference in one line of prose that has no object."""
    bare = re.sub(r"\]\([^)\s]*\)|https?://\S+", "", text)
    for pattern, instead in ABSENT.items() if _ANY_ABSENT.search(bare) else ():
        for hit in re.findall(rf"(?<!\w){pattern}", bare, re.IGNORECASE):
            yield f"no such document ({instead})", hit
        bare = re.sub(rf"(?<!\w){pattern}", "", bare, flags=re.IGNORECASE)
    for hit in {name.rstrip("/.") for name in (*re.findall(FILE, bare), *re.findall(FOLDER, bare))}:
        if not _is_file(hit):
            yield "no such file", hit
    for hit in re.findall(MODULE, bare):
        if not _is_module(hit):
            yield "no such module or name", hit
    for hit in re.findall(r"(?<![\w-])P\d{1,2}(?![\w-])", bare):
        if hit not in PRINCIPLES:
            yield "no such principle", hit
    for hit in re.findall(r"contract\.md`?\)?,? (?:section )?(\d+(?:\.\d+)?)", bare):
        if hit not in _sections():
            yield "no such section of the contract", hit
    for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", bare):
        yield from ((f"no such {kind}", span) for kind in _unknown(span))


def _is_file(name: str) -> bool:
    """Accept a file or folder of the repository. A last part in capitals stands for any name: `targets/NAME.toml`."""
    folder, _, last = name.rpartition("/")
    if folder and re.fullmatch(r"[A-Z]{2,}(\.\w+)?", last) and last.partition(".")[0] != "README":
        name = folder
    if "*" in name:
        return any(fnmatch.fnmatch(path, name) or fnmatch.fnmatch(path, f"*/{name}") for path in endings())
    return name in endings() or name.rpartition("/")[2] in FOREIGN


def _is_module(name: str) -> bool:
    """Accept a module or package, and a name that the module's code contains."""
    parts = name.split(".")
    for depth in range(len(parts), 0, -1):
        path = "/".join(parts[:depth])
        if f"{path}.py" in repository_files() or (ROOT / path).is_dir():
            return depth > 1 and all(part in identifiers() for part in parts[depth:])
    return False


def _sections() -> frozenset[str]:
    text = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^#+ (\d+(?:\.\d+)?)", text, re.MULTILINE))


def _unknown(span: str) -> Iterator[str]:
    """Yield the kind of name that a code span should be and is not."""
    known = span in identifiers() or span in FOREIGN_NAMES
    if re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", span) and not known:
        yield "name in the code (rule id, key, function)"
    parts = span.split(".")
    is_dotted = re.fullmatch(r"[a-z]+(\.[a-z_]+)+", span) and parts[0] in LAYERS
    is_other = not ACTIONS & set(parts) and set(parts) <= identifiers()  # a module or an attribute
    if is_dotted and span not in mechanisms() and not is_other:
        yield "mechanism"
    if (called := re.match(r"probe ([a-z]+)", span)) and called[1] not in commands():
        yield "command"


def check_commands(markdown: str) -> Iterator[Finding]:
    """Yield the calls of `probe` in code blocks whose command does not exist."""
    for number, line in enumerate(markdown.splitlines(), 1):
        called = re.match(r"\s*(?:\$ )?(?:\.venv/bin/)?probe ([a-z]+)\b", line)
        if called and called[1] not in commands() and re.match(r"\s*(\$ |\.venv)", line):
            yield number, "no such command", line.strip()


def check_links(file: Path) -> Iterator[Finding]:
    """Yield the relative links whose file or heading does not exist."""
    text = file.read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), 1):
        for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", line)):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = (file.parent / path) if path else file
            if not target.exists():
                yield number, "no such file", link
            elif anchor and target.suffix == ".md" and anchor not in headings(target.read_text(encoding="utf-8")):
                yield number, "no such heading", link


def main() -> int:
    """Print the references without an object in the given paths, or in the whole repository."""
    found = violations([Path(name) for name in sys.argv[1:]] or [ROOT / name for name in CHECKED])
    for violation in found:
        print(violation)
    print(f"{len(found)} violations", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
