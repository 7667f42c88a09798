"""Provide a store server on loopback with every app of the bundled file, and a client without waiting."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import aiohttp
import pytest

from probe.http_client.foreign_servers import GZIP, open_foreign
from probe.stores.store_client import StoreClient
from probe.targets.store_file import Stores, load_stores
from probe.targets.target_files import bundled_targets
from tests.support.servers.app_store import FakeStore, serving


@pytest.fixture
def bundled() -> Stores:
    return load_stores(bundled_targets())


@pytest.fixture
def store(bundled: Stores) -> Iterator[FakeStore]:
    ours = (*bundled.basket, *bundled.apps)
    packages = {*bundled.play_basket, *(app.package for app in bundled.apps if app.package is not None)}
    with serving(FakeStore({app.id: app.bundle for app in ours}, packages)) as made:
        yield made


@pytest.fixture
def stores(bundled: Stores, store: FakeStore) -> Stores:
    return replace(bundled, lookup=store.lookup, page=store.page)


@pytest.fixture
async def client() -> AsyncIterator[StoreClient]:
    async with open_foreign(aiohttp.TCPConnector(), packing=GZIP) as servers:
        yield StoreClient(servers, interval=0.0, rest=0.0)
