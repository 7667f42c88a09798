"""Mail: can a provider's web client and mail servers be reached by their own protocols?

Spec: probe/nettests/README.md (ours; OONI's backend keeps such lines and does not interpret them).
"""

from collections.abc import Collection
from typing import Any

from probe.dialogue import always_get as method
from probe.formats.testkeys import Lists
from probe.ooni_view import View, urlgetter_keys
from probe.ooni_view import by_scheme as extent
from probe.ooni_view import no_input as input_of
from probe.reach import Reach
from probe.targets import Target

TEST_NAME = "mail_reachability"
TEST_VERSION = "0.2.0"
SPEC = "probe/nettests/README.md"
OONI = False
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
    """The lists alone: OONI has no nettest of this name."""
    return urlgetter_keys(lists)
