"""Match names with a censor's patterns: exact names, `*.example.org` for a domain, `*` for every name."""

from collections.abc import Iterable

NO_SERVER = 'no server of the lab belongs to the service "{service}"'


def matches(name: str | None, patterns: Iterable[str]) -> bool:
    """Return whether a pattern matches `name`. `*.x` matches x too, as in real name lists. None never matches."""
    if name is None:
        return False
    name = name.lower().rstrip(".")
    return any(_one(name, pattern.lower()) for pattern in patterns)


def _one(name: str, pattern: str) -> bool:
    if pattern == "*":
        return True
    if pattern.startswith("*."):
        return name == pattern[2:] or name.endswith(pattern[1:])
    return name == pattern


def is_of(service: str, wanted: Iterable[str]) -> bool:
    """Return whether a service, such as "telegram/web", is one of those wanted. "telegram/*" is all of a target."""
    return not {service, f"{service.split('/')[0]}/*"}.isdisjoint(wanted)
