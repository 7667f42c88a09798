"""Implement `probe store`: describe, check, compact and migrate a store, and remove measurements from it."""

import json as jsonlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from probe.cli.data.engines import USAGE
from probe.cli.data.ingest import check_on_disk, require_analysis_extra
from probe.cli.options import new_app, opt
from probe.cli.results.unusable_lines import INVALID_INPUT, bucket_errors
from probe.cli.screen import UsageError, say
from probe.cli.typed_answers import is_yes
from probe.messages import listed, printable, tr, tr_plural
from probe.platforms.processes import available_cores
from probe.results import is_remote

app = new_app()
Dir = Annotated[Path | None, typer.Argument(metavar="FOLDER", help="Folder of the store.")]
Option = Annotated[Path | None, opt("--store", help="Folder of the store, in place of DIR.")]
Json = Annotated[bool, opt("--json", help="Print one JSON object.")]
Jobs = Annotated[int | None, opt("--jobs", min=1, max=256, help="Number of processes. Default: one per core.")]


@app.callback()
def store() -> None:
    """Describe, check, compact and migrate a store, and remove measurements from it."""


@app.command()
def info(folder: Dir = None, store: Option = None, json: Json = False) -> None:
    """Print version, months, numbers and sizes of a store."""
    named = _named(folder, store)
    with _store_errors(), bucket_errors():
        from probe.analysis.store.maintenance.info import info as describe
        from probe.analysis.store.versions import located

        found = describe(located(named) if is_remote(named) else named)
    if json:
        say(sys.stdout, jsonlib.dumps(found))
        return
    sizes = listed(f"{name} {size / 1e6:.1f} MB" for name, size in found["bytes"].items())
    say(
        sys.stdout,
        tr(
            "Version {version}. Measurements: {measurements}, from {first} to {last}. Not yet loaded: {waiting}. "
            "Rejected lines: {rejected}. Input files: {inputs}. Files of the store: {files}. Sizes: {sizes}.",
            version=found["version"],
            measurements=found["measurements"],
            first=found["first_month"] or "-",
            last=found["last_month"] or "-",
            waiting=found["waiting"],
            rejected=found["rejected_lines"],
            inputs=found["input_files"],
            files=found["files"],
            sizes=sizes,
        ),
    )


@app.command()
def check(folder: Dir = None, store: Option = None) -> None:
    """Read a whole store, and name what does not agree: files, rows, their order, identities, interrupted commands."""
    problems = 0
    with _opened(folder, store) as chosen:
        from probe.analysis.store.maintenance.check import check as problems_of

        for problem in problems_of(chosen):
            problems += 1
            say(sys.stderr, f"probe: {printable(problem)}")
    if problems:
        raise typer.Exit(INVALID_INPUT)
    say(sys.stdout, tr("The store {folder} is whole.", folder=chosen))


@app.command()
def compact(
    folder: Dir = None,
    store: Option = None,
    file_mb: Annotated[int, opt("--file-mb", min=1, max=100_000, help="Largest size of a file in MB.")] = 256,
    jobs: Jobs = None,
    json: Json = False,
) -> None:
    """Merge the small files of each month, and give unused space back to the disk."""
    with _opened(folder, store) as chosen:
        from probe.analysis.store.writing.merge import compact as merge

        done = merge(chosen, jobs=_cores(jobs), file_mb=file_mb)
    text = tr(
        "Files: {files_before} before, {files} now. Size: {before:.1f} MB before, {now:.1f} MB now.",
        before=done["bytes_before"] / 1e6,
        now=done["bytes"] / 1e6,
        **done,
    )
    say(sys.stdout, jsonlib.dumps(done) if json else text)


@app.command()
def forget(
    folder: Dir = None,
    store: Option = None,
    before: Annotated[str | None, opt("--before", help="Measurements begun before this day (UTC): 2026-01-31.")] = None,
    cc: Annotated[str | None, opt("--cc", help="Measurements of this country (two-letter code).")] = None,
    run: Annotated[str | None, opt("--run", help="Measurements of the run with this id, or OONI's report id.")] = None,
    yes: Annotated[bool, opt("--yes", help="Do not ask.")] = False,
    jobs: Jobs = None,
    json: Json = False,
) -> None:
    """Remove measurements from a store: rows, identities, and their bytes on the disk.

    With several options, only measurements to which all apply are removed. Ingesting a file that holds them adds them
    again. Results files, exports, backups and snapshots of the file system are not touched.
    """
    with _opened(folder, store) as chosen:
        from probe.analysis.store.maintenance.forget import Selection, count
        from probe.analysis.store.maintenance.forget import forget as remove

        selection = Selection(_day(before), _country(cc), run or "")
        if selection == Selection():
            raise UsageError(tr("Say what to remove: --before, --cc or --run."), USAGE)
        found = count(chosen, selection)
        if not yes:
            _confirm(found)
        removed = remove(chosen, selection, jobs=_cores(jobs))
    text = tr_plural("Removed {count} measurement.", "Removed {count} measurements.", removed)
    say(sys.stdout, jsonlib.dumps({"removed": removed}) if json else text)


@app.command()
def migrate(folder: Dir = None, store: Option = None, jobs: Jobs = None, json: Json = False) -> None:
    """Bring a store of an earlier release to the version of this one. Nothing is lost, and no results file is read."""
    with _opened(folder, store) as chosen:
        from probe.analysis.store.maintenance.migrate import migrate as convert

        done = convert(chosen, jobs=_cores(jobs))
    if json:
        say(sys.stdout, jsonlib.dumps(done))
    elif done["from"] == done["to"]:
        say(sys.stdout, tr("The store has version {version} already.", version=done["to"]))
    else:
        say(
            sys.stdout,
            tr(
                "Version {old} became version {new}. Measurements: {measurements}. "
                "Measurements that the old version held more than once, in different spellings, and that now count "
                "once: {duplicates}.",
                old=done["from"],
                new=done["to"],
                measurements=done["measurements"],
                duplicates=done["duplicates"],
            ),
        )


@app.command()
def copy(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The store: a folder, or s3://BUCKET/PREFIX.")],
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            help="Where to copy the store: s3://BUCKET/PREFIX if the store is a folder, a folder if it is in a bucket.",
        ),
    ],
    json: Json = False,
) -> None:
    """Copy a store to a bucket (S3), or from one. Only files that the other side lacks are sent.

    The target is equal to the source afterwards. A target with changes of its own is refused. Readers find the earlier
    copy or the new one. After an interruption the same command continues.
    """
    require_analysis_extra()
    from probe.analysis.store.maintenance.copy import copy as send

    with _store_errors(), bucket_errors():
        done = send(source, target)
    text = tr(
        "Files: {files}. Sent: {sent}, {size:.1f} MB.", files=done["files"], sent=done["sent"], size=done["bytes"] / 1e6
    )
    say(sys.stdout, jsonlib.dumps(done) if json else text)


@contextmanager
def _opened(folder: Path | None, option: Path | None) -> Iterator[Path]:
    """Return the store that is named, and turn errors of the block into usage errors."""
    chosen = _named(folder, option)
    check_on_disk(chosen)
    with _store_errors():
        yield chosen


def _named(folder: Path | None, option: Path | None) -> Path:
    """Return the one that was given. Raises UsageError."""
    if (folder is None) == (option is None):
        raise UsageError(tr("Name one store: probe store COMMAND DIR."), USAGE)
    require_analysis_extra()
    return folder or option or Path()


@contextmanager
def _store_errors() -> Iterator[None]:
    from probe.analysis.compare.verdict_table import StoreError

    try:
        yield
    except StoreError as error:
        raise UsageError(printable(str(error)), USAGE) from None


def _cores(jobs: int | None) -> int:
    return jobs or available_cores()


def _day(text: str | None) -> str:
    from datetime import date

    try:
        return "" if text is None else date.fromisoformat(text).isoformat()
    except ValueError:
        raise UsageError(tr("--before: '{text}' is no day. Write it as 2026-01-31.", text=text), USAGE) from None


def _country(text: str | None) -> str:
    if text is not None and not (len(text) == 2 and text.isascii() and text.isupper()):
        raise UsageError(tr("--cc: '{text}' is no country. Write two capital letters, such as DE.", text=text), USAGE)
    return text or ""


def _confirm(found: int) -> None:
    """Ask before removing. Raises UsageError without a yes."""
    asked: Any = tr_plural(
        "{count} measurement will be removed for good. Continue? [yes/no]",
        "{count} measurements will be removed for good. Continue? [yes/no]",
        found,
    )
    if not sys.stdin.isatty():
        raise UsageError(tr("Nothing was removed, since there is no terminal to ask at. Agree with --yes."), USAGE)
    say(sys.stderr, asked, end=" ")
    if not is_yes():
        raise UsageError(tr("Nothing was removed."), USAGE)
