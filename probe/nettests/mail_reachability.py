"""Mail: can a provider's web client and mail servers be reached by their own protocols?

Spec: probe/README.md (ours; OONI's backend keeps such lines and does not interpret them).
"""

from collections.abc import Collection
from typing import Any

from probe.dialogue import always_get as method
from probe.ooni_view import View
from probe.reach import Reach
from probe.targets import Target

TEST_NAME = "mail_reachability"
TEST_VERSION = "0.2.0"
SPEC = "probe/README.md"
OONI = False

__all__ = ["OONI", "SPEC", "TEST_NAME", "TEST_VERSION", "measure", "method", "summary"]


async def measure(reach: Reach, target: Target, roles: Collection[str]) -> None:
    """Try every endpoint of the given roles on every address."""
    await reach.services(target, roles, method)


def summary(view: View) -> dict[str, Any]:
    """No summary: OONI has no nettest of this name."""
    return {}
