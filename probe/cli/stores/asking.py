"""Tell the user which store is contacted, ask, and measure its storefronts."""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from probe.cli.screen import UsageError, say, wrapped
from probe.cli.typed_answers import is_yes
from probe.formats.store_keys import Store
from probe.messages import listed, tr
from probe.platforms import event_loop
from probe.stores.store_client import INTERVAL, StoreRefuses, open_client
from probe.stores.store_listing import measure
from probe.targets.address_guard import Contacts, may_contact
from probe.targets.store_file import Stores, load_stores
from probe.targets.target import is_address
from probe.targets.target_error import TargetError

USAGE, NOT_AGREED, NO_ANSWER = 2, 3, 4  # exit codes
MARK = "store_server"
"""Mark of answers that do not come from the stores of the file. They are artificial."""

Kept = Callable[[dict[str, Any]], None]


def stores_of(folder: Path, server: str | None) -> Stores:
    """Load the file of the folder. `server` takes the place of all stores. Raise UsageError."""
    try:
        stores = load_stores(folder)
    except TargetError as error:
        raise UsageError(str(error), USAGE) from None
    if server is None:
        return stores
    base = _checked(server)
    return replace(stores, lookup=f"{base}/lookup", page=f"{base}/store/apps/details")


def say_refused() -> None:
    """Say that a store refused the rest of the requests."""
    refused = tr("The store refuses further requests, so the remaining requests were not sent. Try again in an hour.")
    say(sys.stderr, wrapped(refused))


def agree(stores: Stores, asked: Mapping[Store, Sequence[str]], yes: bool) -> None:
    """Name the contacted servers and the time, and ask at a terminal. Send nothing. Raise UsageError."""
    hosts = [urlsplit(stores.lookup).hostname or ""] if asked.get("apple") else []
    hosts += [urlsplit(stores.page).hostname or ""] if asked.get("google") else []
    minutes = max(1, round(_requests(stores, asked) * INTERVAL / 60))
    notice = tr(
        "This contacts only {hosts}. Your network operator can see that. The store sees your IP address, the apps and"
        " the countries. It takes about {minutes} min.",
        hosts=listed(dict.fromkeys(hosts)),
        minutes=minutes,
    )
    say(sys.stderr, wrapped(notice))
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            tr("Nothing was sent, since there is no terminal to ask at. Agree with --yes or PROBE_YES=1."), NOT_AGREED
        )
    say(sys.stderr, tr("Contact it? [yes/no]"), end=" ")
    if not is_yes():
        raise UsageError(tr("Nothing was sent, since you did not agree."), NOT_AGREED)


def ask(
    stores: Stores,
    asked: Mapping[Store, Sequence[str]],
    keep: Kept,
    *,
    run_id: str,
    start: datetime,
    country: str = "ZZ",
    artificial: bool = False,
) -> bool:
    """Give each measurement to `keep`. Return False if the store refused, and the rest was not asked."""
    from probe.privacy.redact import redact
    from probe.run.vantage import annotations, known_values

    known = known_values()
    marks = annotations([]) | ({"lab": MARK} if artificial else {})
    return event_loop.run(
        _ask(
            stores,
            asked,
            keep,
            artificial,
            run_id=run_id,
            start=start,
            country="XX" if artificial else country,
            annotations=marks,
            redacted=lambda document: redact(document, known),
        )
    )


async def _ask(
    stores: Stores, asked: Mapping[Store, Sequence[str]], keep: Kept, artificial: bool, **facts: Any
) -> bool:
    from probe.steps.tls.certificate_checks import load_roots

    contacts = Contacts.LAB if artificial else Contacts.PUBLIC
    async with (
        open_client(load_roots(), contacts) as client,
        aclosing(measure(client, stores, asked, **facts)) as documents,
    ):
        try:
            async for document in documents:
                keep(document)
        except StoreRefuses:
            return False
    return True


def _requests(stores: Stores, asked: Mapping[Store, Sequence[str]]) -> int:
    """Return the number of requests: one per storefront of Apple, one per app and country of Google Play."""
    pages = len(stores.play_basket) + sum(app.package is not None for app in stores.apps)
    return len(asked.get("apple", ())) + pages * len(asked.get("google", ()))


def _checked(server: str) -> str:
    """Return the address of a server without a final slash. Raise UsageError."""
    try:
        parts = urlsplit(server)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or parts.username is not None:
        raise UsageError(
            tr("--server: '{url}' is no address of a server. Use the form https://HOST.", url=server), USAGE
        )
    host = parts.hostname or ""
    if is_address(host) and not may_contact(host, Contacts.LAB):
        raise UsageError(
            tr("--server: '{url}' is no address of a server. Use the form https://HOST.", url=server), USAGE
        )
    return server.rstrip("/")
