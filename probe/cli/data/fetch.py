"""Implement `probe fetch`: download published measurements of OONI."""

import asyncio
import re
import sys
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from probe.cli.options import new_app, opt
from probe.cli.screen import UsageError, say, size, wrapped, write_error
from probe.cli.typed_answers import is_yes
from probe.messages import listed, printable, tr, tr_plural
from probe.ooni.archive.archive_keys import EARLIEST, TESTS, ArchiveQuery, choose
from probe.platforms import event_loop
from probe.results import reason_of

if TYPE_CHECKING:
    from probe.ooni.archive.archive_bucket import ArchiveBucket
    from probe.ooni.archive.archive_keys import ArchivedFile

MOST_LISTINGS = 20_000  # one per hour, country and nettest: a year of two nettests in one country
UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}

app = new_app()


@app.callback()
def fetch() -> None:
    """Download published measurements."""


@app.command()
def ooni(
    cc: Annotated[str, opt("--cc", help="Countries, such as IR,RU.")],
    test: Annotated[str, opt("--test", help="OONI's nettests, such as whatsapp,telegram.")],
    since: Annotated[str, opt("--since", help="First day of upload (inclusive): YYYY-MM-DD.")],
    until: Annotated[str, opt("--until", help="End of the period (exclusive): YYYY-MM-DD.")],
    plan: Annotated[bool, opt("--plan", help="List the files without downloading them.")] = False,
    dest: Annotated[Path, opt("--dest", help="Folder to download to.")] = Path("ooni"),
    most: Annotated[str, opt("--most", help="Download nothing if the files are larger in total: 500M, 2G.")] = "1G",
    archive: Annotated[str | None, opt("--archive", help="Address of another bucket than OONI's.")] = None,
    yes: Annotated[bool, opt("--yes", help="Do not ask.")] = False,
) -> None:
    """Download measurements from OONI's public archive. `probe judge FOLDER` judges them.

    The command contacts the archive only. Complete files are not downloaded again, and incomplete ones are continued.
    """
    from probe.ooni.archive import archive_bucket

    question = ArchiveQuery(_countries(cc), _tests(test), _day("--since", since), _day("--until", until))
    if question.since >= question.until:
        raise UsageError(
            tr(
                "--until {until} must be later than --since {since}, because the period ends before the day of "
                "--until.",
                until=until,
                since=since,
            ),
            2,
        )
    listings = sum(1 for _ in question.prefixes())
    if listings > MOST_LISTINGS:
        refusal = tr(
            "This needs {count} requests to list the files, and at most {most} are allowed. Ask for fewer days.",
            count=listings,
            most=MOST_LISTINGS,
        )
        raise UsageError(refusal, 2)
    base, limit = _address(archive or archive_bucket.ARCHIVE), _bytes(most)
    _agree(base, yes)
    raise typer.Exit(event_loop.run(_run(base, question, plan, dest, limit)))


async def _run(base: str, question: ArchiveQuery, plan: bool, dest: Path, limit: int) -> int:
    from probe.ooni.archive.archive_bucket import Unreachable, open_bucket

    async with open_bucket(base) as bucket:
        try:
            files = choose(await bucket.listed(question.prefixes()))
        except Unreachable as error:
            refusal = tr("The archive at {address} cannot be listed: {reason}.", address=base, reason=error)
            raise UsageError(refusal, 4) from None
        total = sum(stored.size for stored in files)
        _print_plan(question, files, total)
        if plan or not files:
            return 0
        if total > limit:
            refusal = tr(
                "The files have {total} together, which is more than --most {limit} allows. Raise --most, or ask for "
                "fewer days.",
                total=size(total),
                limit=size(limit),
            )
            raise UsageError(refusal, 2)
        return await _fetch(bucket, files, dest)


def _print_plan(question: ArchiveQuery, files: "list[ArchivedFile]", total: int) -> None:
    from probe.analysis.store.licences import OF_OONI

    summary = tr_plural(
        "{count} file, {size} compressed, uploaded from {since} to before {until}. Licence: {licence}.",
        "{count} files, {size} compressed, uploaded from {since} to before {until}. Licence: {licence}.",
        len(files),
        size=size(total),
        since=question.since,
        until=question.until,
        licence=OF_OONI.name,
    )
    say(sys.stdout, wrapped(summary))
    for stored in files:
        say(sys.stdout, f"  {printable(stored.key)}  {size(stored.size)}")


async def _fetch(bucket: "ArchiveBucket", files: "list[ArchivedFile]", dest: Path) -> int:
    """Download all files, a few at a time. Returns 0, or 8 if a file differs from its listing, or 4 if unreachable."""
    from probe.ooni.archive.archive_bucket import FILES_AT_ONCE, Spoiled, Unreachable

    waiting, codes, fetched = iter(files), [0], 0

    async def work() -> None:
        nonlocal fetched
        for stored in waiting:
            try:
                new = await bucket.fetch(stored, dest)  # awaited first, since other tasks change `fetched` meanwhile
                fetched += new
            except (Spoiled, Unreachable) as error:
                codes.append(8 if isinstance(error, Spoiled) else 4)
                say(sys.stderr, f"probe: {printable(stored.key)}: {printable(error)}")
            except OSError as error:
                refusal = tr(
                    "{folder} cannot be written: {reason}. The files downloaded so far are kept.",
                    folder=dest,
                    reason=reason_of(error),
                )
                raise write_error(error, dest, refusal, 6) from None

    tasks = [asyncio.create_task(work()) for _ in range(FILES_AT_ONCE)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    failed = len(codes) - 1
    kept = len(files) - fetched - failed
    summary = tr(
        "Downloaded: {fetched}. Already complete: {kept}. Failed: {failed}. Folder: {folder}",
        fetched=fetched,
        kept=kept,
        failed=failed,
        folder=dest,
    )
    say(sys.stderr, summary)
    return max(codes)


def _agree(base: str, yes: bool) -> None:
    """Tell the user which server is contacted, and ask at a terminal. Sends nothing. Raises UsageError (3)."""
    notice = tr(
        "This contacts only OONI's archive at {host}. Your network operator can see that. The archive sees your IP "
        "address, and the countries and tests that you ask for. Nothing is measured, and no measurement is sent.",
        host=urlsplit(base).hostname,
    )
    say(sys.stderr, wrapped(notice))
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            tr("Nothing was sent, since there is no terminal to ask at. Agree with --yes or PROBE_YES=1."), 3
        )
    say(sys.stderr, tr("Contact it? [yes/no]"), end=" ")
    if not is_yes():
        raise UsageError(tr("Nothing was sent, since you did not agree."), 3)


def _countries(words: str) -> tuple[str, ...]:
    found = [word.strip().upper() for word in words.split(",")]
    for word in found:
        if not re.fullmatch(r"[A-Z]{2}", word):
            raise UsageError(tr("--cc: '{word}' is no country code. Use two letters, such as IR.", word=word), 2)
    return tuple(dict.fromkeys(found))


def _tests(words: str) -> tuple[str, ...]:
    plain = {known.replace("_", ""): known for known in TESTS}
    found = [word.strip().lower() for word in words.split(",")]
    for word in found:
        if word.replace("_", "") not in plain:
            if near := get_close_matches(word, TESTS, 1):
                refusal = tr("--test: OONI has no nettest '{word}'. Did you mean '{near}'?", word=word, near=near[0])
            else:
                refusal = tr(
                    "--test: OONI has no nettest '{word}'. Use some of {known}.", word=word, known=listed(TESTS)
                )
            raise UsageError(refusal, 2)
    return tuple(dict.fromkeys(plain[word.replace("_", "")] for word in found))


def _day(option: str, word: str) -> date:
    try:
        day = date.fromisoformat(word)
    except ValueError:
        raise UsageError(
            tr("{option}: '{word}' is no day. Use the form YYYY-MM-DD.", option=option, word=word), 2
        ) from None
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    if not EARLIEST <= day <= tomorrow:
        refusal = tr(
            "{option}: the archive has no data for {day}. It goes from {first} to today.",
            option=option,
            day=word,
            first=EARLIEST,
        )
        raise UsageError(refusal, 2)
    return day


def _bytes(word: str) -> int:
    found = re.fullmatch(r"(\d{1,6})([kMGT]?)B?", word)
    if not found:
        raise UsageError(tr("--most: '{word}' is no size. Use a number of bytes, such as 500M or 2G.", word=word), 2)
    return int(found[1]) * UNITS[found[2]]


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or parts.username is not None:
        raise UsageError(tr("--archive: '{url}' is no address of a bucket. Use the form https://HOST/.", url=url), 2)
    return url.rstrip("/")
