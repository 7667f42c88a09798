"""SIP: do the providers of calls answer OPTIONS from a stranger, over UDP, TCP and TLS?

Spec: probe/README.md (ours; OONI's backend keeps such lines and does not interpret them).
"""

from collections.abc import Collection
from typing import Any

from probe.dialogue import always_get as method
from probe.ooni_view import View
from probe.reach import Reach
from probe.targets import Target

TEST_NAME = "sip_reachability"
TEST_VERSION = "0.1.0"
SPEC = "probe/README.md"
OONI = False

__all__ = ["OONI", "SPEC", "TEST_NAME", "TEST_VERSION", "measure", "method", "summary"]


async def measure(reach: Reach, target: Target, roles: Collection[str]) -> None:
    """Ask each provider once per transport, at one of its addresses: they are asked for nothing but an answer."""
    await reach.services(target, roles, method, one_address=True)


def summary(view: View) -> dict[str, Any]:
    """No summary: OONI has no nettest of this name."""
    return {}
