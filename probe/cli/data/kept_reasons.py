"""Implement `probe why`: the evidence of one measurement, from a store alone."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from probe.cli.data.ingest import opened_store, require_analysis_extra
from probe.cli.options import new_app, opt
from probe.cli.results.unusable_lines import INVALID_INPUT, bucket_errors
from probe.cli.screen import UsageError, is_plain
from probe.messages import printable

app = new_app()


@app.command()
def why(
    identity: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="Identity of a measurement (column line_hash), or its first 6 digits or more."
        ),
    ],
    store: Annotated[Path, opt("--store", help="A store that `probe ingest` made: a folder, or s3://BUCKET/PREFIX.")],
    service: Annotated[str | None, opt("--service", help="Only this service, such as telegram/web.")] = None,
    plain: Annotated[bool, opt("--plain", help="Print without colour and Unicode.")] = False,
) -> None:
    """Show the evidence, the rule, and what would change the verdict, for one measurement of a store.

    The results file that the measurement came from is not needed. The verdicts are computed again.
    """
    require_analysis_extra()
    from probe.analysis.engines.sql_engine import SQLiteEngine
    from probe.analysis.store.kept_evidence import kept_measurement
    from probe.analysis.store.manifest import StoreError
    from probe.analysis.store.views import Store
    from probe.analysis.verdicts.verdicts import judge_flat
    from probe.cli.results.show import of_service
    from probe.cli.results.why import Explanations
    from probe.formats.origin import origin_of

    try:
        with bucket_errors(), Store(opened_store(store)) as opened:
            kept = kept_measurement(opened, identity)
    except StoreError as error:
        raise UsageError(printable(str(error)), INVALID_INPUT) from None
    with SQLiteEngine(repeats=True) as engine:
        records = judge_flat(kept.facts, kept.head, file=kept.file, number=kept.line, engine=engine)
        shown, origin = of_service(records, service), origin_of(kept.document)
        Explanations(engine).say_all(shown, kept.document, is_plain(plain, sys.stdout), origin, kept.facts)
