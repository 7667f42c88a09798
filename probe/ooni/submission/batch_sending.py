"""Send what waits in the queue, in order. An outcome is on disk before the next measurement is read."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from probe.ooni.submission.exchanges import (
    REPORT_PATH,
    SUBMIT_PATH,
    ServerAnswer,
    opened_report,
    opening_body,
    report_key,
    submit_body,
    submitted,
    update_body,
    updated,
)
from probe.ooni.submission.outcomes import Protocol, SubmissionOutcome, SubmissionState
from probe.ooni.submission.queue_file import UNSAFE, Queue, QueueEntry, UnsoundEntryError
from probe.ooni.submission.server_urls import is_safe_server
from probe.ooni.submission.submission_client import Client, Lost, SubmissionInterrupted, open_client
from probe.results import ResultsError, zstd_module

TRIES, BETWEEN_TRIES = 3, 1.0  # attempts at a server, and seconds between them, doubled each time


@dataclass
class Sent:
    """Hold the outcomes of one call, the last trouble of each server, and the times of servers that were left alone."""

    counts: Counter[SubmissionState] = field(default_factory=Counter)
    troubles: dict[str, str] = field(default_factory=dict)
    not_due: dict[str, float] = field(default_factory=dict)


async def send_waiting(
    queue: Queue,
    *,
    proxy: str | None = None,
    due_only: bool = False,
    note: Callable[[QueueEntry, SubmissionOutcome], None],
) -> Sent:
    """Send everything that waits, server by server, and tell `note` each outcome. Raise QueueError.

    A server that fails is tried a few times. Then the rest waits for the next call, so that the order remains.
    `due_only` leaves a server alone whose next attempt is later. At an uncertain outcome nothing more is sent to the
    server, since the next answers would be lost too.
    """
    sent = Sent()
    with queue.sole_sender():
        for server in queue.waiting_servers():
            if not is_safe_server(server):
                queue.refuse_server(server)
                sent.troubles[server] = UNSAFE
                continue
            if due_only and (later := queue.servers.not_before(server)) > time.time():
                sent.not_due[server] = later
                continue
            async with open_client(server, proxy) as client:
                await _send_to(server, client, queue, sent, note)
    return sent


async def _send_to(
    server: str, client: Client, queue: Queue, sent: Sent, note: Callable[[QueueEntry, SubmissionOutcome], None]
) -> None:
    tries = 0
    while entry := queue.next_waiting(server):
        outcome = await _send(entry, client, queue)
        note(entry, outcome)
        if outcome.state in {SubmissionState.SENT, SubmissionState.REFUSED}:
            sent.counts[outcome.state] += 1
            queue.servers.note_success(server)
            tries = 0
            continue
        tries += 1
        if outcome.state is SubmissionState.UNCERTAIN or tries == TRIES:
            sent.counts.update({SubmissionState.UNCERTAIN} & {outcome.state})
            sent.troubles[server] = outcome.reason
            queue.servers.note_failure(server, outcome.pause)
            return
        await asyncio.sleep(BETWEEN_TRIES * 2 ** (tries - 1))
    await _close_reports(server, client, queue)


async def _send(entry: QueueEntry, client: Client, queue: Queue) -> SubmissionOutcome:
    """Send one measurement and note the outcome, also if the user ends the program."""
    try:
        submit = _submit if entry.protocol == Protocol.SUBMIT else _update
        outcome = await submit(entry, client, queue)
    except UnsoundEntryError as error:
        outcome = SubmissionOutcome(SubmissionState.REFUSED, str(error))
    except SubmissionInterrupted as interrupted:
        queue.settle(entry.id, _without_answer(Lost("interrupted", interrupted.complete), None))
        raise
    queue.settle(entry.id, outcome)
    return outcome


async def _submit(entry: QueueEntry, client: Client, queue: Queue) -> SubmissionOutcome:
    body = submit_body(queue.content(entry.id))
    answer = await client.post(SUBMIT_PATH, body, complete=lambda: queue.mark_sending(entry.id))
    return submitted(answer) if isinstance(answer, ServerAnswer) else _without_answer(answer, None)


async def _update(entry: QueueEntry, client: Client, queue: Queue) -> SubmissionOutcome:
    line = queue.content(entry.id)
    report_id = await _report_for(line, entry.server, client, queue)
    if isinstance(report_id, SubmissionOutcome):
        return report_id
    body, packing = _packed(update_body(line, report_id))
    answer = await client.post(
        f"{REPORT_PATH}/{report_id}", body, packing=packing, complete=lambda: queue.mark_sending(entry.id)
    )
    return updated(answer, report_id) if isinstance(answer, ServerAnswer) else _without_answer(answer, report_id)


async def _report_for(line: bytes, server: str, client: Client, queue: Queue) -> str | SubmissionOutcome:
    """Return the report of a measurement, which is opened if there is none, or why it cannot be opened."""
    measurement = json.loads(line)
    key = report_key(measurement)
    if known := queue.servers.report(server, key):
        return known
    answer = await client.post(REPORT_PATH, opening_body(measurement))
    if isinstance(answer, Lost):
        return SubmissionOutcome(
            SubmissionState.WAITING, answer.reason
        )  # an open report stores nothing, so another may be opened
    report_id = opened_report(answer, measurement)
    if isinstance(report_id, str):
        queue.servers.keep_report(server, key, report_id)
    return report_id


async def _close_reports(server: str, client: Client, queue: Queue) -> None:
    """Close the open reports. One that cannot be closed stays open until the next time, and no measurement needs it."""
    for report_id in queue.servers.open_reports(server):
        answer = await client.post(f"{REPORT_PATH}/{report_id}/close", b"{}")
        if isinstance(answer, ServerAnswer) and 200 <= answer.status < 300:
            queue.servers.forget_report(server, report_id)


def _without_answer(lost: Lost, report_id: str | None) -> SubmissionOutcome:
    return SubmissionOutcome(
        SubmissionState.UNCERTAIN if lost.complete else SubmissionState.WAITING, lost.reason, report_id
    )


def _packed(body: bytes) -> tuple[bytes, str | None]:
    """Return the body in zstd and the name of the packing, or the body as it is where there is no zstd.

    The server unpacks only frames that tell their size, as those of one call do (RFC 8878, 3.1.1.1.4).
    """
    try:
        return zstd_module().compress(body), "zstd"
    except ResultsError:  # 32-bit ARM
        return body, None
