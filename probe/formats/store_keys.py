"""Define the test keys of the nettest store_listing: what one storefront of an app store answered."""

from typing import Literal

from pydantic import Field

from probe.formats.entries import Part
from probe.formats.field_notes import Bytes, Code, Count, Public, Seconds

NETTEST, VERSION = "store_listing", "0.1.0"
Store = Literal["apple", "google"]
LEAST_CONTROLS = 3
"""Control storefronts that must list an app before its absence elsewhere counts."""


class StoreRequest(Part):
    """Record one request to a store. Redirects are not followed."""

    t0: Seconds  # since the measurement began
    t: Seconds  # likewise, when the answer was complete
    asked: Count  # apps that the request asks for
    status: Code | None  # of HTTP, null without an answer
    received: Bytes  # of the body, after decompression
    location: str | None  # host of a redirect, null without one
    failure: str | None  # null if the answer can be read, else why not


class StoreEntry(Part):
    """Record what a storefront says about one app. The identifiers come from the file stores.toml."""

    app: Public[str]  # name of the app in stores.toml
    title: Public[str]  # title of the app in stores.toml
    target: Public[str | None]  # the target that measures this app, null if there is none
    id: Public[str]  # Apple's track id, or Google's package name
    bundle_id: Public[str | None]  # expected bundle id, null for Google
    listed: bool | None  # the answer has the app (null: there is no answer that can be read)
    found_bundle_id: str | None = None  # bundle id in the answer
    found_storefront: str | None = None  # storefront in the address of the app's page in the answer
    version: str | None = None  # of the app in this storefront
    released: str | None = None  # date of this version


class StoreListingKeys(Part):
    """Hold the answers of one storefront. A storefront is a parameter of the request, not a place."""

    store: Public[Store]  # the app store
    storefront: Public[str]  # two-letter code in the request: `country` of Apple, `gl` of Google
    weak: Public[bool]  # the store also looks at the country of the client, which `probe_cc` names
    run_id: Public[str]  # equal in all measurements of one run
    digest: Public[str]  # hexadecimal SHA-256 of stores.toml
    controls: Public[list[str]]  # control storefronts of this run
    requests: list[StoreRequest]  # in the order of time
    basket: list[StoreEntry]  # apps of the store's operator that are expected in every storefront
    apps: list[StoreEntry]  # the apps of stores.toml
    x_bugs: list[str] = Field(default_factory=list)  # bugs of our probe, which are no evidence about the store


STORE_KEYS: dict[str, type[Part]] = {NETTEST: StoreListingKeys}
"""The test keys of nettests that measure no target, by `test_name`."""
