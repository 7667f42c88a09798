"""Ask the helper again about what failed here and worked there too long ago, and try it here side by side."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

from probe.connectivity.endpoint import Reach
from probe.connectivity.stale_control import ControlAttempt, OwnAttempt, Repetition, plan_repetitions
from probe.control.attempt_times import BEGAN
from probe.control.merged_answers import add_attempts, tables
from probe.formats import failures as f
from probe.formats.transactions import TransactionRecord
from probe.targets.target import Target, is_address

REPEAT_AFTER = 1.0  # seconds from the question to the attempt here. The helper begins meanwhile.

AskAgain = Callable[[dict[str, list[str]], Sequence[str]], Coroutine[Any, Any, dict[str, Any]]]
"""Called with the addresses to measure, per name, and with the endpoints. Its answer has times on our clock."""


async def renew_control(control: dict[str, Any], ask: AskAgain, reach: Reach, target: Target) -> None:
    """Add a fresh answer to `control` where its successes are too old for the failures here.

    Each endpoint is tried here once more meanwhile. A server that went down then fails for both, and one that came back
    works for both.
    """
    if control.get("failure") is not None or reach.session.stopping.is_set():
        return
    planned = plan_repetitions(own_attempts(reach.trace.transactions), control_attempts(control))
    if not planned:
        return
    endpoints = list(dict.fromkeys(each.endpoint for each in planned))
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(ask(_addresses(planned, target), endpoints))
        tasks.create_task(_repeat(reach, target, planned))
    control["fresh"] = {"endpoints": endpoints, "failure": add_attempts(control, asked.result())}


async def _repeat(reach: Reach, target: Target, planned: Sequence[Repetition]) -> None:
    """Try here a little after the helper. A server that comes back between both then works here."""
    await asyncio.sleep(REPEAT_AFTER)
    await reach.try_again(target, planned)


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


def _addresses(planned: Sequence[Repetition], target: Target) -> dict[str, list[str]]:
    """Return the addresses that failed here, by host name."""
    hosts = {endpoint.url: endpoint.host for _, endpoint in target.endpoints()}
    found: dict[str, list[str]] = {}
    for each in planned:
        host = hosts.get(each.endpoint, "")
        if host and not is_address(host) and each.address not in found.setdefault(host, []):
            found[host].append(each.address)
    return found
