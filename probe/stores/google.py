"""Ask Google Play for the page of each app. The evidence is weak, because the client's country counts too."""

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from probe.formats import failures as f
from probe.formats.store_keys import StoreEntry, StoreListingKeys, StoreRequest
from probe.stores.apple import request_of
from probe.stores.store_client import StoreAnswer, StoreClient
from probe.targets.store_file import StoreApp, Stores

# The page has its data in scripts. `ds:5` at this path says whether the app is available here (modules app, 00ded3fc,
# and scriptData, 02255725, of facundoolano/google-play-scraper, opened 2026-11-28).
_SCRIPT = re.compile(r">AF_initDataCallback\(.{0,200}?'ds:5'.*?data:(.*?), sideChannel: {}}\);</script", re.DOTALL)
_AVAILABLE = (1, 2, 18, 0)
_PAGE = re.compile(r'<link rel="canonical" href="(https://play\.google\.com/store/apps/details\?[^"]{1,300})"')
_GONE = 404


async def ask_country(
    client: StoreClient, stores: Stores, country: str, controls: list[str], run_id: str
) -> StoreListingKeys:
    """Request the page of every app with a package name, and of the basket. Raise StoreRefuses.

    If no page of the basket can be read, the pages of the apps are not requested.
    """
    requests: list[StoreRequest] = []
    start = None
    basket, apps = [], []
    for package in stores.play_basket:
        answer = await client.get(stores.page, _query(package, country))
        start = answer.began if start is None else start
        listed, failure = is_listed(answer, package)
        requests.append(request_of(answer, start, 1, failure))
        basket.append(StoreEntry(app=package, title=package, target=None, id=package, bundle_id=None, listed=listed))
    for app in (app for app in stores.apps if app.package is not None):
        assert app.package is not None and start is not None
        listed = None
        if any(entry.listed for entry in basket):
            answer = await client.get(stores.page, _query(app.package, country))
            listed, failure = is_listed(answer, app.package)
            requests.append(request_of(answer, start, 1, failure))
        apps.append(_entry(app, app.package, listed))
    return StoreListingKeys(
        store="google",
        storefront=country,
        weak=True,
        run_id=run_id,
        digest=stores.digest,
        controls=controls,
        requests=requests,
        basket=basket,
        apps=apps,
    )


def is_listed(answer: StoreAnswer, package: str) -> tuple[bool | None, str | None]:
    """Return whether the page offers the app in this country, None with the failure if the page does not say it."""
    if answer.status == _GONE:
        return False, None
    if answer.failure is not None:
        return None, answer.failure
    text = answer.body.decode("utf-8", "replace")
    if not _is_page_of(text, package):
        return None, f"{f.UNKNOWN}: store: the answer is another page"
    available = _available(text)
    return available, None if available is not None else f"{f.UNKNOWN}: store: the page does not say it"


def _query(package: str, country: str) -> dict[str, str]:
    return {"id": package, "hl": "en", "gl": country.upper()}


def _is_page_of(text: str, package: str) -> bool:
    link = _PAGE.search(text)
    return link is not None and parse_qs(urlsplit(link[1].replace("&amp;", "&")).query).get("id") == [package]


def _available(text: str) -> bool | None:
    """Return what the page's data say about the availability, None if they have another form."""
    script = _SCRIPT.search(text)
    try:
        value: Any = json.loads(script[1]) if script else None
    except (ValueError, RecursionError):
        return None
    for step in _AVAILABLE[:-1]:
        if not isinstance(value, list) or len(value) <= step:
            return None
        value = value[step]
    return bool(value[0]) if isinstance(value, list) and value else None if value is not None else False


def _entry(app: StoreApp, package: str, listed: bool | None) -> StoreEntry:
    return StoreEntry(app=app.name, title=app.title, target=app.target, id=package, bundle_id=None, listed=listed)
