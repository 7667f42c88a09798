"""Check that a failure is one that a fault of the network may cause: a df-007 string that is no local failure."""

import re

from probe.formats import failures
from probe.session import classify

_NAMED = frozenset(value for value in vars(failures).values() if isinstance(value, str)) | frozenset(
    classify._BY_ERRNO.values()
)
_LOCAL = frozenset(
    {
        *(failures.FILES_EXHAUSTED, failures.BUG, failures.BUDGET, failures.INTERRUPTED),
        *(failures.NO_QUIC, failures.NO_FINGERPRINT),
    }
)
_PYTHONS = re.compile(r"unknown_failure: (errno \S+|[A-Z]\w*(Error|Exception|Stop\w*|EOF))$")


def is_named(failure: str) -> bool:
    """Return whether the failure is on the closed list. Names of Python classes and unnamed numbers are not."""
    if _PYTHONS.fullmatch(failure) or failure == failures.UNKNOWN:
        return False
    return failure in _NAMED or failure.startswith(f"{failures.UNKNOWN}: ")


def is_of_the_network(failure: str) -> bool:
    """Return whether the failure is on the closed list and is no local failure."""
    return is_named(failure) and not failure.startswith(tuple(_LOCAL))
