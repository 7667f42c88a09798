"""Measure the nettest store_listing: one measurement per storefront, controls first."""

import secrets
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from probe import __version__
from probe.formats.measurement import Measurement
from probe.formats.store_keys import LEAST_CONTROLS, NETTEST, VERSION, Store, StoreListingKeys
from probe.stores.apple import ask_storefront
from probe.stores.google import ask_country
from probe.stores.store_client import StoreClient
from probe.targets.store_file import Stores

ASK = {"apple": ask_storefront, "google": ask_country}


def storefronts_of(stores: Stores, wanted: Sequence[str]) -> list[str]:
    """Return the storefronts of Apple to ask, each once: the controls, then the wanted ones, all without a wish."""
    return list(dict.fromkeys([*stores.controls, *(wanted or stores.storefronts)]))


def countries_of(stores: Stores, wanted: Sequence[str]) -> list[str]:
    """Return the countries of Google Play to ask, with few controls, because each app is a request."""
    return list(dict.fromkeys([*stores.controls[: LEAST_CONTROLS + 1], *wanted]))


async def measure(
    client: StoreClient,
    stores: Stores,
    asked: Mapping[Store, Sequence[str]],
    *,
    run_id: str = "",
    start: datetime | None = None,
    country: str = "ZZ",
    annotations: Mapping[str, str] | None = None,
    redacted: Callable[[dict[str, Any]], dict[str, Any]] = lambda document: document,
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield one measurement per store and storefront. Raise StoreRefuses, after which nothing more is asked.

    `country` is that of this computer, as far as the user names it. `redacted` removes the user's data.
    """
    run_id, start = run_id or secrets.token_hex(8), start or datetime.now(UTC)
    for store, storefronts in asked.items():
        controls = [one for one in stores.controls if one in storefronts]
        for storefront in storefronts:
            keys = await ASK[store](client, stores, storefront, controls, run_id)
            yield redacted(_document(keys, start, country, dict(annotations or {})))


def _document(keys: StoreListingKeys, start: datetime, country: str, annotations: dict[str, str]) -> dict[str, Any]:
    runtime = max((request.t for request in keys.requests), default=0.0)
    return Measurement(
        annotations=annotations,
        extensions={},
        input=f"{keys.store}/{keys.storefront}",
        measurement_start_time=datetime.now(UTC) - timedelta(seconds=runtime),
        probe_asn="AS0",
        probe_cc=country,
        software_version=__version__,
        test_keys=keys.model_dump(mode="json"),
        test_name=NETTEST,
        test_runtime=runtime,
        test_start_time=start,
        test_version=VERSION,
    ).model_dump(mode="json")
