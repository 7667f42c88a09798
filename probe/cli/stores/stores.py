"""Implement `probe stores`: which apps an app store lists in which country, compared with earlier answers."""

import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from probe.cli.options import new_app, opt, targets_folder
from probe.cli.screen import UsageError, say
from probe.messages import printable, tr
from probe.results import STORES, ResultsError, ResultsFile, results_root

if TYPE_CHECKING:
    from probe.analysis.listings.answers import Answers
    from probe.analysis.listings.listing_records import Listed
    from probe.analysis.listings.measured import Networks
    from probe.formats.store_keys import Store
    from probe.targets.store_file import Stores

app = new_app()


@app.command()
def stores(
    country: Annotated[
        list[str] | None, opt("--country", help="Countries of the store, such as CN,RU. Default: all. Repeatable.")
    ] = None,
    google_play: Annotated[
        bool, opt("--google-play", help="Ask Google Play too, where the country of this computer counts.")
    ] = False,
    cc: Annotated[str | None, opt("--cc", help="Country that this computer is in: two letters.")] = None,
    networks: Annotated[
        list[str] | None, opt("--networks", help="Measurements from these countries, to compare with. Repeatable.")
    ] = None,
    results: Annotated[Path | None, opt("--results", help="Results folder, with the earlier answers.")] = None,
    targets: Annotated[Path | None, opt("--targets", help="Folder of target files instead of the bundled.")] = None,
    server: Annotated[str | None, opt("--server", help="Address of another server than the stores, for tests.")] = None,
    yes: Annotated[bool, opt("--yes", help="Do not ask.")] = False,
    json: Annotated[bool, opt("--json", help="Print one JSON object per app and country.")] = False,
) -> None:
    """Ask app stores which apps they list in a country.

    An app that is missing may have been left out by its developer. Missing apps are compared with other countries and
    with earlier answers. Results are kept in the folder `stores` of the results folder.
    """
    from probe.cli.stores.asking import NO_ANSWER, agree, ask, say_refused, stores_of

    file = stores_of(targets_folder(targets), server)
    asked = _asked(file, country or [], google_play)
    home, found = _home(cc), _networks(networks or [])
    agree(file, asked, yes)
    root = results_root(results)
    kept, whole = _measured(root, lambda keep, **facts: ask(file, asked, keep, **facts), home, server is not None)
    rows = _decided(root, kept)
    wanted = _wanted(file, country or [])
    shown = [row for row in rows if not wanted or row.answers.storefront in wanted]
    for line in _as_json(shown, found) if json else _as_text(shown, found):
        say(sys.stdout, line)
    if not whole:
        say_refused()
    if not whole or not any(answers.usable for answers in kept):
        raise typer.Exit(NO_ANSWER)


def _asked(file: "Stores", country: Sequence[str], google_play: bool) -> "dict[Store, list[str]]":
    """Return the storefronts to ask, by store. Raise UsageError."""
    from probe.stores.store_listing import countries_of, storefronts_of

    wanted = _wanted(file, country)
    for word in wanted:
        if word not in file.storefronts and not (google_play and len(word) == 2 and word.isascii() and word.isalpha()):
            problem = tr("--country: Apple has no store for '{word}'. Use two letters, such as CN.", word=word.upper())
            raise UsageError(problem, 2)
    apple = [word for word in wanted if word in file.storefronts]
    asked: dict[Store, list[str]] = {"apple": storefronts_of(file, apple)} if apple or not wanted else {}
    if google_play:
        asked["google"] = countries_of(file, wanted)
    return asked


def _wanted(file: "Stores", country: Sequence[str]) -> list[str]:
    words = [word.strip().lower() for words in country for word in words.split(",")]
    return list(dict.fromkeys(word for word in words if word))


def _home(cc: str | None) -> str:
    """Return the country that the user names, ZZ without one. Raise UsageError."""
    if cc is None:
        return "ZZ"
    if len(cc) != 2 or not cc.isascii() or not cc.isalpha():
        raise UsageError(tr("--cc: '{word}' is no country code. Use two letters, such as IR.", word=cc), 2)
    return cc.upper()


def _measured(root: Path, measure: Any, home: str, artificial: bool) -> "tuple[list[Answers], bool]":
    """Write each measurement and return their answers, and whether all storefronts were asked."""
    from probe.analysis.listings.answers import answers_of

    run_id, start, kept = secrets.token_hex(8), datetime.now(UTC), list[Any]()
    try:
        file = ResultsFile.in_folder(root / STORES, "XX" if artificial else home, "AS0", run_id, start, lab=artificial)
    except ResultsError as error:
        raise UsageError(str(error), 7) from None

    def keep(document: Mapping[str, Any]) -> None:
        line = file.append(dict(document))
        name = file.path.name.removesuffix(".part")
        if (answers := answers_of(document, name, line)) is not None:
            kept.append(answers)

    try:
        whole = measure(keep, run_id=run_id, start=start, country=home, artificial=artificial)
    except ResultsError as error:
        raise UsageError(str(error), 7) from None
    finally:
        path = file.close()
    say(sys.stderr, f"saved {printable(path)}")
    return kept, whole


def _decided(root: Path, kept: "Sequence[Answers]") -> "list[Listed]":
    """Return the states that the answers and the earlier ones give."""
    from probe.analysis.listings.answers import runs_of
    from probe.analysis.listings.listing_records import decided, history_of
    from probe.cli.stores.kept_answers import answers_in

    now = next(runs_of(kept), None)
    earlier = answers_in([root / STORES]) if (root / STORES).is_dir() else ()
    return [] if now is None else decided(now, history_of(runs_of(earlier), now))


def _networks(files: list[str]) -> "Networks":
    """Return what the measurements in the files found, by country and app. Unusable lines are named on stderr."""
    if not files:
        return {}
    from probe.analysis.listings.measured import networks_in
    from probe.cli.results.unusable_lines import SkippedLines, usable_measurements

    skipped = SkippedLines()
    found = networks_in(usable_measurements(files, skipped))
    skipped.print_count()
    return found


def _as_text(rows: "Sequence[Listed]", networks: "Networks") -> Iterator[str]:
    """Yield the paragraphs of the storefronts, with the runs in that country."""
    from probe.analysis.listings.measured import beside
    from probe.cli.stores.paragraphs import paragraphs

    return paragraphs([(row, beside(networks, row.answers.storefront, row.entry.target)) for row in rows])


def _as_json(rows: "Sequence[Listed]", networks: "Networks") -> Iterator[str]:
    """Yield one object per row, with the runs in that country by state, or null."""
    from json import dumps

    from probe.analysis.listings.measured import beside

    for row in rows:
        yield dumps(row.record() | {"networks": beside(networks, row.answers.storefront, row.entry.target)})
