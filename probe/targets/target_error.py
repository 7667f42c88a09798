"""Report target files that cannot be used, and limit their size.

The models of these files are in schema.py. They take long to build, and readers of measurements do not need them.
"""

from collections.abc import Collection
from difflib import get_close_matches

from probe.messages import tr

MOST_SERVICES, MOST_ENDPOINTS = 100, 500  # of a target. Our own targets have up to 7 services and 39 endpoints.


class TargetError(ValueError):
    """Report that a target file or name cannot be used. The text is for the user."""


def hint(name: str, known: Collection[str]) -> str:
    """Return a question that names the known name nearest to `name`, after a space. Return "" if none is near."""
    near = get_close_matches(name, known, 1)
    return " " + tr("Did you mean {name}?", name=repr(near[0])) if near else ""
