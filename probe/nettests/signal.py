"""Signal: can its servers be reached over HTTPS, under its own authorities, and the relay of its calls?

Spec: https://github.com/ooni/spec/blob/master/nettests/ts-029-signal.md
"""

from collections.abc import Collection
from typing import Any

from probe.dialogue import always_get as method
from probe.formats import failures as f
from probe.formats.testkeys import Lists
from probe.ooni_view import Seen, View, urlgetter_keys
from probe.ooni_view import by_scheme as extent
from probe.ooni_view import no_input as input_of
from probe.reach import Reach
from probe.targets import Target

TEST_NAME = "signal"
TEST_VERSION = "0.2.5"  # OONI's, while steps and summary rules are OONI's; our own revision is x_revision
SPEC = "https://github.com/ooni/spec/blob/master/nettests/ts-029-signal.md"
OONI = True
PER_SERVICE = False

__all__ = [
    "OONI",
    "PER_SERVICE",
    "SPEC",
    "TEST_NAME",
    "TEST_VERSION",
    "extent",
    "input_of",
    "keys",
    "measure",
    "method",
]


async def measure(reach: Reach, target: Target, roles: Collection[str]) -> None:
    """Try every endpoint of the given roles on every address."""
    await reach.services(target, roles, method)


def keys(view: View, lists: Lists) -> dict[str, Any]:
    """OONI's test keys; of a server that was not tried "ok" would be a lie: OONI is told that the run failed."""
    said = summary(view)
    unfinished = view.untried and said["signal_backend_status"] == "ok"
    return urlgetter_keys(lists, *(("top_level", f.INTERRUPTED) if unfinished else (None, None))) | said


def summary(view: View) -> dict[str, Any]:
    """OONI's summary keys (reference/ooni.md 3.4): one failure is enough, and the last one is named."""
    failed = [seen for seen in view.seen if seen.failure is not None]
    last = max(failed, key=_ended, default=None)
    return {
        "signal_backend_status": "ok" if last is None else "blocked",
        "signal_backend_failure": None if last is None else last.failure,
    }


def _ended(seen: Seen) -> float:
    return max((entry.t for entry in seen.entries), default=0.0)
