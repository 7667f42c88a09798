"""Keep the summary of a closed run in a file beside it, because its verdicts take half a second.

A kept summary counts only for the same results file and the same program: both digests stand in the file. So an update
of the rules, or of any other code, makes every summary anew. `--keep`, `--max-disk` and `probe wipe` remove the file
with its run.
"""

import json
import re
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from hashlib import file_digest, sha256
from pathlib import Path

import probe
from probe.analysis.observations.lenient_json import table
from probe.cli.results.run_summary import RunSummary, summarize
from probe.files import open_regular, read_regular
from probe.results import RUN_FOLDER, RUN_NAME, summary_file, unfinished

LARGEST = 1 << 20  # bytes of a kept summary. One with 500 apps has 100 kB.
_CLOSED = re.compile(rf"{RUN_FOLDER}{RUN_NAME}jsonl(\.zst)?", re.ASCII)


def summary_of(run: Path) -> RunSummary:
    """Return the kept summary of a run, or a new one.

    A new one is kept if the run is closed and its file has a name of our form.
    """
    if not _CLOSED.fullmatch("/".join(run.parts[-3:])) or (digest := _digest_of(run)) is None:
        return summarize(run)
    kept = summary_file(run)
    with suppress(OSError, ValueError, RecursionError):  # there is none, or no summary is in it
        document = table(json.loads(read_regular(kept, LARGEST)))
        if document.get("digest") == digest:
            return RunSummary.of(table(document.get("summary")))
    summary = summarize(run)
    with suppress(OSError):  # others own the folder, or the disk is full: the next list judges again
        _keep({"digest": digest, "summary": asdict(summary)}, run, kept)
    return summary


def _keep(document: dict[str, object], run: Path, kept: Path) -> None:
    """Write a summary. It is removed again if its run was removed meanwhile."""
    with unfinished(run.parent) as part:
        part.write_text(json.dumps(document))
        part.replace(kept)
    if not run.exists():
        kept.unlink()


def _digest_of(run: Path) -> str | None:
    """Return the digest of the program and the run. None if the files of one cannot be read."""
    if (judging := digest_of_program()) is None:
        return None
    try:
        with open_regular(run) as stream:
            measured = file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None
    return sha256(f"{judging} {measured}".encode()).hexdigest()


@cache
def digest_of_program() -> str | None:
    """Return the digest of all code and data of the program, of which the verdicts are made. None without sources.

    A process that runs long calls it at its start, because an update can replace the files under it.
    """
    root, digest = Path(probe.__file__).parent, sha256()
    try:
        data = [path for path in (root / "data").iterdir() if path.is_file()]
        for path in [root / "__init__.py", *sorted([*root.rglob("*.py"), *data])]:
            content = path.read_bytes()
            digest.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode() + content)
    except OSError:
        return None
    return digest.hexdigest()
