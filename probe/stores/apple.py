"""Ask Apple's lookup for all apps in one storefront: one request, by track id only.

Ids and bundle ids are never mixed, because such answers are incomplete (openradar 18298174,
https://github.com/lionheart/openradar-mirror/issues/3198). Without `country` the answer is that of the US storefront.
Both opened 2026-11-28.
"""

import json
import re
from typing import Any, NamedTuple

from probe.formats import failures as f
from probe.formats.store_keys import StoreEntry, StoreListingKeys, StoreRequest
from probe.stores.store_client import StoreAnswer, StoreClient
from probe.targets.store_file import StoreApp, Stores

_PAGE = re.compile(r"https://(?:apps|itunes)\.apple\.com/([a-z]{2})/app/")
_BUNDLE = re.compile(r"[A-Za-z0-9.-]{2,155}")
_VERSION = re.compile(r"[0-9A-Za-z.() -]{1,30}")
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class Unreadable(ValueError):
    """Report that an answer is no result of the lookup. The text says why."""


class AppleListing(NamedTuple):
    """Hold what an answer says about one app. A field of another form is None."""

    bundle: str | None
    storefront: str | None
    version: str | None
    released: str | None


async def ask_storefront(
    client: StoreClient, stores: Stores, storefront: str, controls: list[str], run_id: str
) -> StoreListingKeys:
    """Ask for every app of the file and the basket. Raise StoreRefuses."""
    ours = (*stores.basket, *stores.apps)
    query = {"id": ",".join(str(app.id) for app in ours), "country": storefront, "entity": "software"}
    answer = await client.get(stores.lookup, query)
    found, failure = _read(answer)
    return StoreListingKeys(
        store="apple",
        storefront=storefront,
        weak=False,
        run_id=run_id,
        digest=stores.digest,
        controls=controls,
        requests=[request_of(answer, answer.began, len(ours), failure)],
        basket=[_entry(app, found) for app in stores.basket],
        apps=[_entry(app, found) for app in stores.apps],
    )


def request_of(answer: StoreAnswer, start: float, asked: int, failure: str | None) -> StoreRequest:
    """Return the record of a request. `start` is the time of the monotonic clock when the measurement began."""
    return StoreRequest(
        t0=answer.began - start,
        t=answer.ended - start,
        asked=asked,
        status=answer.status,
        received=len(answer.body),
        location=answer.location,
        failure=failure,
    )


def parse(raw: bytes) -> dict[int, AppleListing]:
    """Return the apps in an answer by track id. Raise Unreadable.

    The content type of the answer is text/javascript, so only the body is looked at.
    """
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError):
        raise Unreadable("the answer is not JSON") from None
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(results, list) or answer.get("resultCount") != len(results):
        raise Unreadable("the answer is no list of results")
    found = {}
    for one in results:
        if not isinstance(one, dict) or not isinstance(one.get("trackId"), int):
            raise Unreadable("a result has no trackId")
        found[one["trackId"]] = _found(one)
    return found


def _read(answer: StoreAnswer) -> tuple[dict[int, AppleListing] | None, str | None]:
    """Return the apps, or None and the failure."""
    if answer.failure is not None:
        return None, answer.failure
    try:
        return parse(answer.body), None
    except Unreadable as error:
        return None, f"{f.UNKNOWN}: store: {error}"


def _found(result: dict[str, Any]) -> AppleListing:
    page = _PAGE.match(_text(result, "trackViewUrl", re.compile(r".{1,2000}")) or "")
    return AppleListing(
        bundle=_text(result, "bundleId", _BUNDLE),
        storefront=page[1] if page else None,
        version=_text(result, "version", _VERSION),
        released=_text(result, "currentVersionReleaseDate", _DATE),
    )


def _text(result: dict[str, Any], key: str, form: re.Pattern[str]) -> str | None:
    """Return a text of the expected form. What a server writes elsewhere is not kept."""
    value = result.get(key)
    return value if isinstance(value, str) and form.fullmatch(value) else None


def _entry(app: StoreApp, found: dict[int, AppleListing] | None) -> StoreEntry:
    entry = StoreEntry(
        app=app.name,
        title=app.title,
        target=app.target,
        id=str(app.id),
        bundle_id=app.bundle,
        listed=None if found is None else app.id in found,
    )
    if found is None or app.id not in found:
        return entry
    seen = found[app.id]
    more = {"found_bundle_id": seen.bundle, "found_storefront": seen.storefront}
    return entry.model_copy(update={**more, "version": seen.version, "released": seen.released})
