"""Match HTTP responses against the fingerprints of known block pages."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DATA = Path(__file__).parents[1] / "data" / "blockpages.toml"


@dataclass(frozen=True)
class Fingerprint:
    """Represent one fingerprint. `place` is "body" or "header.<name>", `how` is "full", "prefix" or "contains"."""

    id: str
    place: str
    how: str
    pattern: str
    countries: tuple[str, ...]

    def is_in(self, text: str) -> bool:
        """Return whether `text`, taken from `place`, matches."""
        if self.how == "full":
            return text == self.pattern
        return text.startswith(self.pattern) if self.how == "prefix" else self.pattern in text


@cache
def fingerprints() -> tuple[Fingerprint, ...]:
    """Read the list. Its sources and dates are in the file."""
    listed = tomllib.loads(DATA.read_text(encoding="utf-8"))["fingerprint"]
    return tuple(Fingerprint(**{**row, "countries": tuple(row["countries"])}) for row in listed)


def matching(body: bytes | str, headers: Mapping[str, str]) -> list[str]:
    """Return the ids of the matching fingerprints, sorted. Header names may have any case."""
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    places = {f"header.{name.lower()}": value for name, value in headers.items()} | {"body": text}
    return sorted(known.id for known in fingerprints() if known.place in places and known.is_in(places[known.place]))
