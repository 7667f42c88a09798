"""Return the table of apps by country: what the store lists, and what networks do to the app."""

from collections.abc import Mapping, Sequence
from typing import Any

from probe.analysis.compare.cells import Comparison
from probe.analysis.listings.joined import Joined, state_of
from probe.analysis.rules.regime_rules import WITHOUT_LISTS
from probe.countries.country_names import country_name

STORES = {"apple": "App Store", "google": "Google Play (weak evidence)"}


def stores_data(rows: Sequence[Joined], comparison: Comparison) -> list[dict[str, Any]]:
    """Return one table per store, with a row for each app and a column for each country."""
    stores, regimes = list(dict.fromkeys(one.listed.answers.store for one in rows)), _regimes(comparison)
    return [_table(store, [one for one in rows if one.listed.answers.store == store], regimes) for store in stores]


def _regimes(comparison: Comparison) -> dict[str, list[str]]:
    """Return the regimes that stop most connections, by country."""
    found: dict[str, set[str]] = {}
    for vantage, networks in zip(comparison.vantages, comparison.networks, strict=True):
        seen = {*networks.main, *networks.restrictions} & WITHOUT_LISTS
        found.setdefault(vantage.get("cc", ""), set()).update(seen)
    return {cc: sorted(seen) for cc, seen in found.items() if seen}


def _table(store: str, rows: Sequence[Joined], regimes: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    countries = list(dict.fromkeys(one.country for one in rows))
    apps: dict[str, dict[str, Joined]] = {}
    for one in rows:
        apps.setdefault(one.listed.entry.app, {})[one.country] = one
    ordered = sorted(apps.values(), key=lambda own: (min(map(_rank, own.values())), _title(own)))
    return {
        "name": STORES.get(store, store),
        "countries": [{"name": _named(code), "regimes": ", ".join(regimes.get(code, ()))} for code in countries],
        "asked": max(one.listed.answers.began for one in rows).strftime("%Y-%m-%d"),
        "apps": [
            {"title": _title(own), "rate": _rate(own), "cells": [_cell(own.get(country)) for country in countries]}
            for own in ordered
        ],
    }


def _named(code: str) -> str:
    return f"{code} {name}" if (name := country_name(code)) != code else code


def _rank(one: Joined) -> int:
    """Return the sort key of an app in a country: missing ones first, then those that networks there tested."""
    return 0 if one.listed.rule.state in {"absent", "delisted"} else 1 if one.networks else 2


def _title(own: dict[str, Joined]) -> str:
    return next(iter(own.values())).listed.entry.title


def _rate(own: dict[str, Joined]) -> str:
    """Return in how many of the asked countries the app is missing, in the run that asked most."""
    rate = max((one.listed.elsewhere for one in own.values()), key=lambda rate: rate.listed + rate.absent)
    return f"{rate.absent} of {rate.listed + rate.absent}"


def _cell(one: Joined | None) -> dict[str, str]:
    """Return the words and classes of a cell. A country of which the store was not asked has no listing."""
    if one is None:
        return {"listing": "not asked", "store": "gap", "networks": "", "state": ""}
    counts = ", ".join(f"{state} in {runs}" for state, runs in (one.networks or {}).items() if runs)
    listing = one.listed.rule.state.value
    return {
        "listing": listing,
        "store": listing,
        "networks": counts or "no result in networks",
        "state": state_of(one.networks),
    }
