"""Implement `probe cite`: the sources of figures, and the dataset card of measurements."""

import json as jsonlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from probe.cli.data.engines import USAGE
from probe.cli.data.ingest import named_files, opened_store, processes_for, require_analysis_extra
from probe.cli.data.verdict_tables import Lab
from probe.cli.options import new_app, opt
from probe.cli.results.unusable_lines import INVALID_INPUT, bucket_errors
from probe.cli.screen import UsageError, say
from probe.messages import printable, tr

if TYPE_CHECKING:
    from probe.analysis.object_storage.bucket_store import BucketStore

app = new_app()


@app.command()
def cite(
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="PATH", help="Results files and folders, instead of a store.")
    ] = None,
    store: Annotated[
        Path | None, opt("--store", help="A store that `probe ingest` made: a folder, or s3://BUCKET/PREFIX.")
    ] = None,
    card: Annotated[bool, opt("--card", help="Print a dataset card in Markdown, to publish with the data.")] = False,
    lab: Lab = False,
    json: Annotated[bool, opt("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print what the figures of a store were computed from: programs, rules, input files and licences.

    `--card` prints a dataset card: period, countries and networks, what was left out, privacy, limits and licence. The
    same measurements give the same card, from files or from a store.
    """
    if bool(paths) == (store is not None):
        raise UsageError(tr("probe cite needs either results files or --store."), USAGE)
    require_analysis_extra()
    from probe.analysis.store.manifest import StoreError

    try:
        with bucket_errors(), _opened(paths or [], store, lab) as chosen:
            text = _card(chosen, json) if card else _citation(chosen, json)
    except StoreError as error:
        raise UsageError(printable(str(error)), USAGE) from None
    say(sys.stdout, text)


@contextmanager
def _opened(paths: list[str], store: Path | None, lab: bool) -> "Iterator[Path | BucketStore]":
    """Return the store, or make one of the files, which is removed with the block. Raises UsageError and StoreError."""
    if store is not None:
        yield opened_store(store)
        return
    from probe.analysis.engines.spill_folder import SpillFolder, spill_root
    from probe.analysis.store.writing.ingest import ingest

    files, temporary = named_files(paths), SpillFolder()
    if temporary.path is None:
        refusal = tr("No temporary folder can be made in {folder}. Set TMPDIR to another folder.", folder=spill_root())
        raise UsageError(refusal, USAGE)
    try:
        ingest(files, temporary.path / "store", lab=lab, jobs=processes_for(files))
        yield temporary.path / "store"
    finally:
        temporary.remove()


def _citation(store: "Path | BucketStore", json: bool) -> str:
    from probe.analysis.store.cite import as_text, citation

    found = citation(store)
    return jsonlib.dumps(found) if json else printable(as_text(found))


def _card(store: "Path | BucketStore", json: bool) -> str:
    """Return the card as JSON or Markdown. Raises UsageError for a store without measurements."""
    from probe.analysis.report.dataset_card import as_markdown, card_facts

    facts: dict[str, Any] = card_facts(store)
    if not facts["totals"]["measurements"]:
        raise UsageError(
            tr("There is no measurement that a card could describe. The option --lab includes artificial ones."),
            INVALID_INPUT,
        )
    return jsonlib.dumps(facts) if json else as_markdown(facts)
