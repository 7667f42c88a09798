"""Load filters.toml: names of advertising, and public resolvers that filter names, with their names for tests."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

NAME = "filters"


@dataclass(frozen=True)
class ListedFilter:
    """Represent a public resolver that filters names. `answer` is the form of its answers for blocked names.

    `tests` are the names that its operator publishes for tests, and `pages` the addresses of its block pages, which it
    gives for blocked names. Without both it is known by names of advertising.
    """

    title: str
    addresses: tuple[str, ...]
    tests: tuple[str, ...] = ()
    answer: Literal["", "null", "nxdomain"] = ""
    pages: tuple[str, ...] = ()


@dataclass(frozen=True)
class NameFilters:
    """Represent filters.toml."""

    advertisements: tuple[str, ...] = ()
    resolvers: tuple[ListedFilter, ...] = ()

    def resolver_at(self, address: str) -> ListedFilter | None:
        """Return the filtering resolver with this address."""
        return next((one for one in self.resolvers if address in one.addresses), None)

    def pages_of(self, listed: ListedFilter | None) -> list[str]:
        """Return the addresses of block pages of a filter, or of all: a router may ask any of them."""
        return list(dict.fromkeys(page for one in ([listed] if listed else self.resolvers) for page in one.pages))

    @property
    def names(self) -> list[str]:
        """Return every name that may be looked up."""
        return list(dict.fromkeys([*self.advertisements, *(name for one in self.resolvers for name in one.tests)]))


def load_filters(folder: Path) -> NameFilters:
    """Load filters.toml of a folder of target files. A folder without it has no filters. Raise TargetError."""
    from probe.targets.target_keys import FilterFile, read_toml, validate  # pydantic is slow to load

    path = folder / f"{NAME}.toml"
    if not path.exists():
        return NameFilters()
    file = validate(FilterFile, read_toml(path)[1], path)
    resolvers = (
        ListedFilter(
            one.title, tuple(map(str, one.addresses)), tuple(one.tests), one.answer, tuple(map(str, one.pages))
        )
        for one in file.resolver
    )
    return NameFilters(tuple(one.name for one in file.advertisement), tuple(resolvers))
