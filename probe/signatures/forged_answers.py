"""Recognise addresses that censors give in false answers, in the country where they do so."""

import tomllib
from functools import cache
from pathlib import Path

DATA = Path(__file__).parents[1] / "data" / "known_addresses.toml"


@cache
def _by_country() -> dict[str, frozenset[str]]:
    """Read the lists. Their source and dates are in the file."""
    listed = tomllib.loads(DATA.read_text(encoding="utf-8"))["false_answers"]
    return {country: frozenset(addresses) for country, addresses in listed.items()}


def is_known_forgery(country: str, address: str) -> bool:
    """Return True if censors of the country (two letters) are known to give the address in false answers."""
    return address in _by_country().get(country, ())
