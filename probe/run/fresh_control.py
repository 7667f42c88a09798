"""Ask the helper again about what failed here and worked there too long ago, and try it here side by side."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

from probe.connectivity.endpoint import Reach, RepeatedAttempt
from probe.connectivity.stale_control import ControlAttempt, OwnAttempt, plan_repetitions
from probe.control.attempt_times import BEGAN
from probe.control.merged_answers import add_attempts, tables
from probe.formats import failures as f
from probe.formats.transactions import TransactionRecord
from probe.run.sparing_control import ASKED, left
from probe.targets.target import Target

REPEAT_AFTER = 1.0  # seconds from the question to the attempt here. The helper begins meanwhile.

AskAgain = Callable[[dict[str, list[str]], Sequence[str]], Coroutine[Any, Any, dict[str, Any]]]
"""Called with the addresses to measure, per name, and with the endpoints. Its answer has times on our clock."""


async def renew_control(control: dict[str, Any], ask: AskAgain, reach: Reach, target: Target) -> None:
    """Add a fresh answer to `control` where its successes are too old for the failures here, or came after it.

    Each endpoint is tried here once more meanwhile. A server that went down then fails for both, and one that came back
    works for both.
    """
    if control.get("failure") is not None or reach.session.stopping.is_set():
        return
    unasked = left(control, reach, target)
    planned = plan_repetitions(own_attempts(reach.trace.transactions), control_attempts(control), unasked)
    endpoints = list(dict.fromkeys([*(each.endpoint for each in planned), *unasked]))
    if not endpoints:
        return
    repetitions = await reach.repetitions(target, planned)
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(ask(_addresses(repetitions), endpoints))
        tasks.create_task(_repeat(reach, repetitions))
    if not control.get("test_keys"):  # the first question was not needed
        control |= asked.result() | {ASKED: endpoints}
        return
    control["fresh"] = {"endpoints": endpoints, "failure": add_attempts(control, asked.result())}


async def _repeat(reach: Reach, planned: Sequence[RepeatedAttempt]) -> None:
    """Try here a little after the helper. A server that comes back between both then works here."""
    await asyncio.sleep(REPEAT_AFTER)
    await reach.try_again(planned)


def own_attempts(records: Sequence[TransactionRecord]) -> Iterator[OwnAttempt]:
    """Yield the attempts with an endpoint's own name or payload that this computer did not prevent."""
    for record in records:
        own = record.kind in {"first", "confirm"} or record.followup == "alternative_address"
        if own and record.endpoint and record.address and not f.is_local(record.failure):
            passed, span = record.failure is None, (record.t0, record.t)
            yield OwnAttempt(record.service, record.endpoint, record.address, passed, *span, record.transaction_id)


def control_attempts(control: dict[str, Any]) -> Iterator[ControlAttempt]:
    """Yield the attempts in a helper's answer, which can contain anything."""
    keys = control.get("test_keys")
    for record in tables(keys.get("x_transactions") if isinstance(keys, dict) else None):
        endpoint, address, began = (record.get(key) for key in ("endpoint", "address", BEGAN))
        if isinstance(endpoint, str) and endpoint and isinstance(address, str):
            known = began if isinstance(began, float) else None
            yield ControlAttempt(endpoint, address, record.get("failure") is None, known)


def _addresses(planned: Sequence[RepeatedAttempt]) -> dict[str, list[str]]:
    """Return the addresses that failed here, by host name."""
    found: dict[str, list[str]] = {}
    for at, _ in planned:
        if not at.endpoint.is_literal and at.ip not in found.setdefault(at.endpoint.host, []):
            found[at.endpoint.host].append(at.ip)
    return found
