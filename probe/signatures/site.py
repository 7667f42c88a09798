"""Find the registrable domain of a host name."""

_SECOND_LEVELS = frozenset({"ac", "co", "com", "edu", "gov", "net", "org"})


def site_of(host: str) -> str:
    """Return the registrable domain of a host name, as far as its last labels show."""
    labels = host.split(".")
    deep = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVELS
    return ".".join(labels[-3:] if deep else labels[-2:])
