"""Load stores.toml: apps in app stores with their ids, the storefronts, and the apps that are always listed."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field

from probe.formats.store_keys import LEAST_CONTROLS
from probe.messages import tr
from probe.targets.target import is_address
from probe.targets.target_error import TargetError
from probe.targets.target_keys import Strict, read_toml, validate

NAME = "stores"
MOST_IDS = 200  # of one lookup (`limit` of the Search API goes to 200)

AppName = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,30}$")]
TrackId = Annotated[int, Field(ge=10**7, lt=10**11)]
Bundle = Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{2,155}$")]
Package = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)+$", max_length=150)]
Storefront = Annotated[str, Field(pattern=r"^[a-z]{2}$")]


class BasketTable(Strict):
    """Hold the table `[[basket]]`: an app that every storefront lists."""

    name: AppName
    title: str
    id: TrackId
    bundle: Bundle
    source: str


class AppTable(BasketTable):
    """Hold the table `[[app]]`. `source` names the page of the id, and of the bundle id if it has no other."""

    target: str | None = None
    bundle_source: str | None = None
    package: Package | None = None
    package_source: str | None = None
    callkit: str | None = None


class AppleTable(Strict):
    """Hold the table `[apple]`: the address of the lookup, and the storefronts, some of which are controls."""

    lookup: str
    source: str
    storefronts: list[Storefront] = Field(min_length=LEAST_CONTROLS + 1)
    storefronts_source: str
    late_storefronts: list[Storefront] = Field(default_factory=list)
    late_storefronts_source: str | None = None
    controls: list[Storefront] = Field(min_length=LEAST_CONTROLS + 1)


class GoogleTable(Strict):
    """Hold the table `[google]`: the address of an app's page, and the packages that every storefront lists."""

    page: str
    source: str
    basket: list[Package] = Field(min_length=1)
    basket_source: str


class StoreFile(Strict):
    """Hold the file stores.toml: both stores, the apps that are always listed, and the apps that are looked up."""

    title: str
    reviewed: date
    apple: AppleTable
    google: GoogleTable
    basket: list[BasketTable] = Field(min_length=2)
    app: list[AppTable] = Field(min_length=1)


@dataclass(frozen=True)
class StoreApp:
    """Represent an app with its ids. `package` is the name in Google Play, None if no source confirms one."""

    name: str
    title: str
    id: int
    bundle: str
    source: str
    target: str | None = None
    package: str | None = None


@dataclass(frozen=True)
class Stores:
    """Represent stores.toml. `digest` is the hexadecimal SHA-256 of the file."""

    lookup: str
    """Address of Apple's lookup, without a query."""
    page: str
    """Address of an app's page in Google Play, without a query."""
    storefronts: tuple[str, ...]
    controls: tuple[str, ...]
    basket: tuple[StoreApp, ...]
    play_basket: tuple[str, ...]
    apps: tuple[StoreApp, ...]
    digest: str


def load_stores(folder: Path) -> Stores:
    """Load stores.toml of a folder of target files. Raise TargetError with file, key and problem."""
    path = folder / f"{NAME}.toml"
    raw, table = read_toml(path)
    file = validate(StoreFile, table, path)
    for problem in _problems(file):
        raise TargetError(f"{path}, {problem}")
    return Stores(
        lookup=file.apple.lookup,
        page=file.google.page,
        storefronts=tuple(dict.fromkeys([*file.apple.controls, *file.apple.storefronts, *file.apple.late_storefronts])),
        controls=tuple(file.apple.controls),
        basket=tuple(StoreApp(one.name, one.title, one.id, one.bundle, one.source) for one in file.basket),
        play_basket=tuple(file.google.basket),
        apps=tuple(
            StoreApp(one.name, one.title, one.id, one.bundle, one.source, one.target, one.package) for one in file.app
        ),
        digest=hashlib.sha256(raw).hexdigest(),
    )


def store_problems(folder: Path, targets: Sequence[str], sources: bool) -> list[str]:
    """Return what is wrong with stores.toml: unknown targets, and with `sources` those that are no web address."""
    path = folder / f"{NAME}.toml"
    try:
        load_stores(folder)
        file = validate(StoreFile, read_toml(path)[1], path)
    except TargetError as error:
        return [str(error)]
    found = [
        f"{one.name}: "
        + tr("There is no target {name}. `probe targets list` prints all targets.", name=repr(one.target))
        for one in file.app
        if one.target is not None and one.target not in targets
    ]
    if sources:
        found += [
            tr("{key}: {source} is no URL. Use the page that the address was read from.", key=key, source=repr(source))
            for key, source in _sources(file)
            if not re.match(r"https?://[^/\s]", source or "")
        ]
    return [f"{path}, {problem}" for problem in found]


def _problems(file: StoreFile) -> Iterator[str]:
    """Yield what the types cannot say."""
    for key, url in (("apple.lookup", file.apple.lookup), ("google.page", file.google.page)):
        if not _is_plain_https(url):
            yield tr("{key}: expected an address https://HOST/PATH without a query.", key=key)
    ours = [*file.basket, *file.app]
    lists: dict[str, list[object]] = {
        "name": [one.name for one in ours],
        "id": [one.id for one in ours],
        "bundle": [one.bundle for one in ours],
        "package": [*file.google.basket, *(one.package for one in file.app if one.package)],
        "storefronts": [*file.apple.storefronts, *file.apple.late_storefronts],
        "controls": list(file.apple.controls),
    }
    for key, values in lists.items():
        for value, count in Counter(values).items():
            if count > 1:
                yield tr("{key}: {value} occurs twice.", key=key, value=repr(value))
    for one in file.app:
        if (one.package is None) != (one.package_source is None):
            yield tr("app {name}: package and package_source belong together.", name=one.name)
    if unknown := sorted(set(file.apple.controls) - set(file.apple.storefronts)):
        yield tr("{key}: {value} is no storefront of this file.", key="apple.controls", value=repr(unknown[0]))
    if len(ours) > MOST_IDS:
        yield tr("{key}: at most {count} apps fit into one request.", key="app", count=MOST_IDS)


def _is_plain_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    named = host is not None and "." in host and not is_address(host)
    return parts.scheme == "https" and named and not (parts.query or parts.fragment or parts.username)


def _sources(file: StoreFile) -> Iterator[tuple[str, str | None]]:
    """Yield each source that the file gives, with its key."""
    yield "apple.source", file.apple.source
    yield "apple.storefronts_source", file.apple.storefronts_source
    if file.apple.late_storefronts:
        yield "apple.late_storefronts_source", file.apple.late_storefronts_source
    yield "google.source", file.google.source
    yield "google.basket_source", file.google.basket_source
    for one in (*file.basket, *file.app):
        yield f"{one.name}.source", one.source
    for one in file.app:
        more = {"bundle_source": one.bundle_source, "package_source": one.package_source, "callkit": one.callkit}
        yield from ((f"{one.name}.{key}", source) for key, source in more.items() if source is not None)
