"""`probe fetch`: bring measurements of others here, to be judged beside our own."""

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
from probe.cli.screen import UsageError, clean, say, size, wrapped
from probe.ooni.archive.keys import EARLIEST, TESTS, Question, choose

if TYPE_CHECKING:
    from probe.ooni.archive.bucket import Bucket
    from probe.ooni.archive.keys import Stored

MOST_LISTINGS = 20_000  # an hour of a country and nettest each: a year of two
UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
LICENCE = "CC BY-NC-SA 4.0"  # ooni/license, data/LICENSE.md

app = new_app()


@app.callback()
def fetch() -> None:
    """Fetch measurements that others published."""


@app.command()
def ooni(
    cc: Annotated[str, opt("--cc", help="Countries, such as IR,RU.")],
    test: Annotated[str, opt("--test", help="OONI's nettests, such as whatsapp,telegram.")],
    since: Annotated[str, opt("--since", help="The first day, by upload: YYYY-MM-DD.")],
    until: Annotated[str, opt("--until", help="The day after the last (exclusive): YYYY-MM-DD.")],
    plan: Annotated[bool, opt("--plan", help="Only list, and say what would be fetched.")] = False,
    dest: Annotated[Path, opt("--dest", help="Folder to fetch to.")] = Path("ooni"),
    most: Annotated[str, opt("--most", help="Fetch nothing if it is more than this: 500M, 2G.")] = "1G",
    archive: Annotated[str | None, opt("--archive", help="Address of the bucket instead of OONI's.")] = None,
    yes: Annotated[bool, opt("--yes", help="Do not ask.")] = False,
) -> None:
    """Fetch lines from OONI's public archive; judge them with `probe judge FOLDER`.

    Contacts the archive only. What is here already is not fetched again, and what is here in part is continued.
    """
    from probe.ooni.archive import bucket

    question = Question(_countries(cc), _tests(test), _day("--since", since), _day("--until", until))
    if question.since >= question.until:
        raise UsageError(f"--until {until} must be later than --since {since}: that day itself is not fetched", 2)
    listings = sum(1 for _ in question.prefixes())
    if listings > MOST_LISTINGS:
        raise UsageError(f"that takes {listings} listings, at most {MOST_LISTINGS} at once: ask for fewer days", 2)
    base, limit = _address(archive or bucket.ARCHIVE), _bytes(most)
    _agree(base, yes)
    raise typer.Exit(asyncio.run(_run(base, question, plan, dest, limit)))


async def _run(base: str, question: Question, plan: bool, dest: Path, limit: int) -> int:
    from probe.ooni.archive.bucket import Unreachable, open_bucket

    async with open_bucket(base) as bucket:
        try:
            files = choose(await bucket.listed(question.prefixes()))
        except Unreachable as error:
            raise UsageError(f"the archive at {base} cannot be listed: {clean(error)}", 4) from None
        total = sum(stored.size for stored in files)
        _say_sum(question, files, total)
        if plan or not files:
            return 0
        if total > limit:
            raise UsageError(f"{size(total)} are more than --most {size(limit)}; give more, or ask for less", 2)
        return await _fetch(bucket, files, dest)


def _say_sum(question: Question, files: "list[Stored]", total: int) -> None:
    say(
        sys.stdout,
        f"{len(files)} files, {size(total)} compressed, uploaded from {question.since} to before {question.until}; "
        f"licence {LICENCE}",
    )
    for stored in files:
        say(sys.stdout, f"  {clean(stored.key)}  {size(stored.size)}")


async def _fetch(bucket: "Bucket", files: "list[Stored]", dest: Path) -> int:
    """Fetch all, a few at a time; returns the exit code: 8 where something was not what was listed, 4 unreachable."""
    from probe.ooni.archive.bucket import FILES_AT_ONCE, Spoiled, Unreachable

    waiting, codes, fetched = iter(files), [0], 0

    async def work() -> None:
        nonlocal fetched
        for stored in waiting:
            try:
                came = await bucket.fetch(stored, dest)  # before the sum is read: others add to it meanwhile
                fetched += came
            except (Spoiled, Unreachable) as error:
                codes.append(8 if isinstance(error, Spoiled) else 4)
                say(sys.stderr, f"probe: {clean(stored.key)}: {clean(error)}")
            except OSError as error:
                raise UsageError(f"{dest} cannot be written: {error.strerror}; what was fetched is kept", 6) from None

    tasks = [asyncio.create_task(work()) for _ in range(FILES_AT_ONCE)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    failed = len(codes) - 1
    kept = len(files) - fetched - failed
    say(sys.stderr, f"fetched {fetched}, had {kept} already" + (f", failed {failed}" if failed else "") + f": {dest}")
    return max(codes)


def _agree(base: str, yes: bool) -> None:
    """Say whom this contacts and who can see it; ask at a terminal. Raises UsageError (3). Sends nothing."""
    host = urlsplit(base).hostname
    say(
        sys.stderr,
        wrapped(
            f"This contacts OONI's archive at {host}, and nobody else. Whoever watches your line can "
            "see that; the server sees your address, and which countries and tests you ask for. Nothing is measured, "
            "and nothing of yours is sent.",
        ),
    )
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("nothing was sent: there is no terminal to ask at; --yes or PROBE_YES=1 agrees", 3)
    print("Contact it? [yes/no] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise UsageError("nothing was sent, because you did not agree", 3)


def _countries(words: str) -> tuple[str, ...]:
    found = [word.strip().upper() for word in words.split(",")]
    for word in found:
        if not re.fullmatch(r"[A-Z]{2}", word):
            raise UsageError(f"--cc {words!r}: {word!r} is no country code; expected two letters such as IR", 2)
    return tuple(dict.fromkeys(found))


def _tests(words: str) -> tuple[str, ...]:
    plain = {known.replace("_", ""): known for known in TESTS}
    found = [word.strip().lower() for word in words.split(",")]
    for word in found:
        if word.replace("_", "") not in plain:
            near = get_close_matches(word, TESTS, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"expected some of {', '.join(TESTS)}"
            raise UsageError(f"--test {words!r}: {word!r} is no nettest of OONI's; {hint}", 2)
    return tuple(dict.fromkeys(plain[word.replace("_", "")] for word in found))


def _day(option: str, word: str) -> date:
    try:
        day = date.fromisoformat(word)
    except ValueError:
        raise UsageError(f"{option} {word!r} is no day; expected YYYY-MM-DD", 2) from None
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    if not EARLIEST <= day <= tomorrow:
        raise UsageError(f"{option} {word}: the archive goes from {EARLIEST} to today", 2)
    return day


def _bytes(word: str) -> int:
    found = re.fullmatch(r"(\d{1,6})([kMGT]?)B?", word)
    if not found:
        raise UsageError(f"--most {word!r} is no size; expected a number of bytes such as 500M or 2G", 2)
    return int(found[1]) * UNITS[found[2]]


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or parts.username is not None:
        raise UsageError(f"--archive {url!r} is no address of a bucket; expected https://HOST/", 2)
    return url.rstrip("/")
