"""Find the files that a commit or an edit changed, so that `make test` runs more tests of what they are about."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

ROOT = Path(__file__).parents[2]
MAIN = ("origin/main", "main")
MOST_FILES = 500
"""More changed files choose no tests: such a change is about everything, and `make test-all` is for it."""


@dataclass(frozen=True)
class Changes:
    """Hold the files that differ from the commit `base`, relative to the repository. Without git there are none."""

    base: str = ""
    files: tuple[str, ...] = ()
    too_many: int = 0
    """How many files changed if they are more than MOST_FILES. Then `files` is empty."""

    def touch(self, *places: str) -> bool:
        """Return whether a file changed that is in one of these folders, or is one of these files."""
        return any(file.startswith(places) for file in self.files)


def changes(root: Path = ROOT) -> Changes:
    """Return what changed since PROBE_TEST_BASE. Uncommitted and new files count.

    By default the base of a branch is where it left main. On main it is the commit before the newest one.
    """
    head, wanted = _git(root, "rev-parse", "HEAD"), os.environ.get("PROBE_TEST_BASE", "")
    base = _git(root, "rev-parse", "--verify", "--quiet", f"{wanted}^{{commit}}") if wanted else _usual_base(root, head)
    if wanted and not base:
        raise ValueError(f"PROBE_TEST_BASE={wanted} names no commit of {root}. Fetch the commit, or name another one.")
    compared = base or head
    if not compared:
        return Changes()
    # A file that was only moved is no change: its content was tested.
    rows = _git(root, "diff", "--name-status", "--find-renames=100%", "--no-relative", compared).splitlines()
    files = {row.split("\t")[-1] for row in rows if not row.startswith("R")}
    new = _git(root, "ls-files", "--others", "--exclude-standard").splitlines()
    changed = sorted(files | set(new))
    if len(changed) > MOST_FILES:
        return Changes(compared[:12], too_many=len(changed))
    return Changes(compared[:12], tuple(changed))


def number_of_the_commit(root: Path = ROOT) -> int:
    """Return a number that each commit has another of. Without git it is 0."""
    return crc32(_git(root, "rev-parse", "HEAD").encode())


def _usual_base(root: Path, head: str) -> str:
    for main in MAIN:
        fork = _git(root, "merge-base", "HEAD", main)
        if fork and fork != head:
            return fork
    return _git(root, "rev-parse", "--verify", "--quiet", "HEAD~1")  # "" in a clone without history


def _git(root: Path, *words: str) -> str:
    """Return what git prints, "" if it fails or is not installed, or if `root` is no repository of its own."""
    if not (root / ".git").exists():
        return ""
    command = ["git", "-c", "core.quotePath=false", "-c", "safe.directory=*", "-C", str(root), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
