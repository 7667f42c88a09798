"""Which names a censor means: exact ones, `*.example.org` for what lies below a name, `*` for every name."""

from collections.abc import Iterable


def matches(name: str | None, patterns: Iterable[str]) -> bool:
    """Whether `name` is meant. `*.x` means x itself too, as real name lists do; None is meant by no pattern."""
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
