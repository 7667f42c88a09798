"""Write and read cursors: the state of the store, and the place in an answer."""

import base64
import json

from probe.explore.parameters import ParameterError
from probe.messages import tr


class ChangedError(Exception):
    """Report a cursor of an earlier state of the store."""


def written(state: str, *place: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([state, *place], separators=(",", ":")).encode()).decode().rstrip("=")


def place_of(cursor: str | None, state: str, numbers: int) -> tuple[int, ...]:
    """Return the `numbers` of a cursor, zeros for None. Raises ParameterError and ChangedError."""
    if cursor is None:
        return (0,) * numbers
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found = json.loads(base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True))
    except ValueError:
        found = None
    match found:
        case [str(then), *place] if len(place) == numbers and all(type(one) is int and one >= 0 for one in place):
            if then != state:
                raise ChangedError
            return tuple(place)
    raise ParameterError(tr("The parameter cursor cannot be used. Take the value of the key `next` of an answer."))
