"""Define the rules about app stores. The first one that holds gives the state of an app in a storefront.

No rule accuses a network. An app may be absent because its developer chose so, and a storefront does not say who
removed an app.
"""

from dataclasses import dataclass
from enum import StrEnum

from probe.analysis.sql.column import column
from probe.formats.store_keys import LEAST_CONTROLS
from probe.messages import mark

TESTS, MINUTES = 3, 360
"""Absences, and minutes from the first to the last, before an app counts as delisted.

AppleCensorship believes a change after repeated tests over a time (recreate_status_changes.php 7fc9d413, opened
2026-11-28).
"""


class Listing(StrEnum):
    """Name what is known about the presence of an app in a storefront."""

    LISTED = "listed"
    ABSENT = "absent"
    DELISTED = "delisted"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class ListingRow:
    """Hold what the answers say about one app in one storefront. No column is ever NULL."""

    answered: bool = column(False, "The answer can be read.")
    right_storefront: bool = column(False, "Every page in the answer is of the storefront that was asked for.")
    basket_size: int = column(0, "Apps that are expected in every storefront.")
    basket_listed: int = column(0, "Those of them that are listed here.")
    listed: bool = column(False, "The app is in the answer.")
    same_bundle: bool = column(False, "It has the expected bundle id there.")
    controls_listing: int = column(0, "Other control storefronts that list the app in the same run.")
    listed_before: bool = column(False, "An earlier run found the app in this storefront.")
    absent_tests: int = column(0, "Runs since then that did not find it while three controls did, this one included.")
    absent_minutes: int = column(0, "Minutes from the first to the last of these.")
    weak: bool = column(False, "The store looks at the country of the client too.")


@dataclass(frozen=True)
class ListingRule:
    """Hold one published rule about app stores. `when` is SQL over one ListingRow."""

    rule_id: str
    when: str
    state: Listing
    because: str
    plain: str
    mechanism: str = ""

    @property
    def key(self) -> str:
        """Return the text that `first_match` gives."""
        return self.rule_id


_USABLE = "answered AND right_storefront AND basket_size > 0 AND basket_listed = basket_size"
_CONFIRMED = f"{_USABLE} AND NOT listed AND controls_listing >= {LEAST_CONTROLS} AND absent_tests > 0"
_LASTING = f"listed_before AND absent_tests >= {TESTS} AND absent_minutes > {MINUTES} AND NOT weak"
_NO_ANSWER = mark("The store gave no usable answer about {app} in {country}. Nothing can be concluded.")

LISTING_RULES = (
    ListingRule(
        "store_no_answer",
        "NOT answered",
        Listing.UNKNOWN,
        "The request failed, was refused or redirected, or its answer is no list of apps.",
        _NO_ANSWER,
    ),
    ListingRule(
        "store_other_storefront",
        "answered AND NOT right_storefront",
        Listing.UNKNOWN,
        "The answer has pages of another storefront than the one that was asked for.",
        _NO_ANSWER,
    ),
    ListingRule(
        "store_basket_incomplete",
        "answered AND right_storefront AND (basket_size = 0 OR basket_listed < basket_size)",
        Listing.UNKNOWN,
        "Apps of the store's operator that are expected everywhere are missing, so the whole answer is void.",
        _NO_ANSWER,
    ),
    ListingRule(
        "store_other_app",
        f"{_USABLE} AND listed AND NOT same_bundle",
        Listing.UNKNOWN,
        "The id belongs to an app with another bundle id.",
        _NO_ANSWER,
    ),
    ListingRule(
        "store_listed",
        f"{_USABLE} AND listed AND same_bundle",
        Listing.LISTED,
        "The storefront lists the app with its bundle id.",
        mark("{app} is in the store of {country}."),
    ),
    ListingRule(
        "store_delisted",
        f"{_CONFIRMED} AND {_LASTING}",
        Listing.DELISTED,
        "An earlier run found the app in this storefront. At least three later ones over more than 6 hours did not,"
        " while three control storefronts listed it.",
        mark(
            "{app} was in the store of {country} and is missing since {date}. Who removed it cannot be seen from"
            " outside. The developer may have done so."
        ),
        mechanism="store.delisted",
    ),
    ListingRule(
        "store_absent",
        f"{_CONFIRMED} AND NOT ({_LASTING})",
        Listing.ABSENT,
        "The storefront does not list the app, and at least three control storefronts do.",
        mark("{app} is not in the store of {country}. The developer may have chosen so. This is no sign of blocking."),
        mechanism="store.absent",
    ),
    ListingRule(
        "store_not_confirmed",
        f"{_USABLE} AND NOT listed AND controls_listing < {LEAST_CONTROLS}",
        Listing.UNKNOWN,
        "The storefront does not list the app, and fewer than three control storefronts do. It may be withdrawn"
        " everywhere.",
        mark("{app} was found in too few other countries, so its absence in {country} says nothing."),
    ),
    ListingRule(
        "store_undecided",
        "TRUE",
        Listing.UNKNOWN,
        "No other rule holds.",
        _NO_ANSWER,
    ),
)
