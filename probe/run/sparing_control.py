"""Choose what a helper is asked about that serves many people: what is not sure to work here.

A public helper of OONI answers one question for each name and port, and refuses all clients while it is busy. So a
standard run asks it when the first flow fails or waits for its answer, and at the end about what failed since.
"""

import asyncio
from typing import Any

from probe.connectivity.endpoint import Reach
from probe.dialogue import is_doubtful, proves
from probe.formats.transactions import TransactionRecord
from probe.targets.target import Target

ASKED = "asked"  # key of x_control: the endpoints that the first question was about
GATHERING = 1.5  # seconds for further failures after the first


async def needed(reach: Reach, target: Target) -> list[str]:
    """Wait until a flow fails or needs the helper's answer, or all have ended. Return the endpoints to ask about."""
    await reach.names.control_wanted.wait()
    if not reach.names.all_tried:
        await asyncio.sleep(GATHERING)
    return _unsure(reach, target)


def not_asked() -> dict[str, Any]:
    """Return the answer of a helper that is not asked, because every endpoint works."""
    return {"failure": None, ASKED: []}


def left(control: dict[str, Any], reach: Reach, target: Target) -> list[str]:
    """Return the endpoints that failed after the first question of a helper that is asked sparingly."""
    asked = control.get(ASKED)
    return [url for url in _unsure(reach, target) if url not in asked] if isinstance(asked, list) else []


def _unsure(reach: Reach, target: Target) -> list[str]:
    """Return the endpoints without a flow that worked at a server which is sure to be the service's."""
    sure = {record.endpoint for record in reach.trace.attempts() if record.endpoint and _is_sure(record, reach)}
    urls = dict.fromkeys(endpoint.url for _, endpoint in target.endpoints())
    return [url for url in urls if url not in sure]


def _is_sure(record: TransactionRecord, reach: Reach) -> bool:
    if record.kind not in {"first", "confirm"} or record.failure is not None:
        return False
    return (record.corroborated or proves(record)) and not is_doubtful(reach.trace.entries_of(record))
