"""Test sending against the stand-in of OONI's server: order, both protocols, and every way in which it can fail."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.ooni.submission import batch_sending, queue_file, submission_client
from probe.ooni.submission.batch_sending import Sent, send_waiting
from probe.ooni.submission.outcomes import Protocol, SubmissionOutcome, SubmissionState
from probe.ooni.submission.queue_file import Queue, QueueEntry, QueueError, open_queue
from probe.platforms import event_loop
from tests.ooni.submission.runs import RUN, content_key, lines, public_line
from tests.support.ooni.collector import Collector, Fault, serving

BOTH = pytest.mark.parametrize("protocol", list(Protocol))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    monkeypatch.setattr(batch_sending, "BETWEEN_TRIES", 0.01)
    with serving(Collector()) as collector:
        yield collector


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    with open_queue(tmp_path / "results") as opened:
        yield opened


def send(
    queue: Queue, seen: list[tuple[QueueEntry, SubmissionOutcome]] | None = None, *, due_only: bool = False
) -> Sent:
    def note(entry: QueueEntry, outcome: SubmissionOutcome) -> None:
        if seen is not None:
            seen.append((entry, outcome))

    return event_loop.run(send_waiting(queue, due_only=due_only, note=note))


def states(queue: Queue) -> list[str]:
    return [entry.state for entry in queue.entries()]


@BOTH
def test_measurements_arrive_in_order_and_keep_their_ids(protocol: Protocol, server: Collector, queue: Queue) -> None:
    own = lines(4)
    assert queue.add(server.address, protocol, RUN, own) == 4
    sent = send(queue)
    assert sent.counts == {SubmissionState.SENT: 4} and not sent.troubles
    assert list(server.stored) == [content_key(line.raw) for line in own] and set(server.stored.values()) == {1}
    assert [entry.measurement_uid for entry in queue.entries()] == server.uids
    assert all(entry.report_id and "_telegram_IT_30722_" in entry.report_id for entry in queue.entries())


def test_submission_is_anonymous_unpacked_and_byte_for_byte(server: Collector, queue: Queue) -> None:
    (own,) = lines(1, probe_network_name="Ünïcödé")
    queue.add(server.address, Protocol.SUBMIT, RUN, [own])
    send(queue)
    (body,) = server.bodies
    assert body.pop("content").encode() == own.raw and body.pop("format") == "json"
    assert body == dict.fromkeys(("nym", "zkp_request", "manifest_version", "protocol_version"))
    ((request, headers),) = server.requests
    assert request == "POST /api/v1/submit_measurement" and "Transfer-Encoding" not in headers
    assert "Content-Encoding" not in headers and "Authorization" not in headers and "Cookie" not in headers
    assert headers["User-Agent"] == "censorprobe"


def test_reports_are_opened_once_per_test_filled_in_zstd_and_closed(server: Collector, queue: Queue) -> None:
    queue.add(server.address, Protocol.COLLECTOR, RUN, [*lines(2), *lines(2, test_name="signal")])
    send(queue)
    assert [one["test_name"] for one in server.opened] == ["telegram", "signal"]
    updates = [(path, headers) for path, headers in server.requests if path.count("/") == 2]
    assert [headers.get("Content-Encoding") for _, headers in updates] == ["zstd"] * 4
    assert {content["report_id"] for content in server.order} == set(server.closed) and len(server.closed) == 2
    assert [path.removeprefix("POST /report/") for path, _ in updates] == [one["report_id"] for one in server.order]
    assert queue.servers.open_reports(server.address) == []


def test_large_measurement_is_sent_in_pieces(server: Collector, queue: Queue) -> None:
    own = lines(1, probe_network_name="x" * (5 * submission_client.PIECE + 7))
    queue.add(server.address, Protocol.SUBMIT, RUN, own)
    assert send(queue).counts == {SubmissionState.SENT: 1} and server.bodies[0]["content"].encode() == own[0].raw


@BOTH
@pytest.mark.parametrize("fault", [Fault.HTTP_429, Fault.HTTP_500, Fault.HTTP_503, Fault.HTTP_302])
def test_passing_failure_is_tried_again_at_once(
    fault: Fault, protocol: Protocol, server: Collector, queue: Queue
) -> None:
    server.faults = [fault, None, fault]
    queue.add(server.address, protocol, RUN, lines(3))
    assert send(queue).counts == {SubmissionState.SENT: 3} and set(server.stored.values()) == {1}


@BOTH
def test_lasting_failure_stops_the_server_and_keeps_the_order(
    protocol: Protocol, server: Collector, queue: Queue
) -> None:
    server.faults = [Fault.HTTP_500] * batch_sending.TRIES
    queue.add(server.address, protocol, RUN, lines(3))
    sent = send(queue)
    assert not sent.counts and "http 500" in sent.troubles[server.address] and states(queue) == ["waiting"] * 3
    assert len(server.requests) == batch_sending.TRIES
    assert send(queue).counts == {SubmissionState.SENT: 3}
    assert list(server.stored) == [content_key(line.raw) for line in lines(3)]


@BOTH
def test_refused_measurement_does_not_hold_up_the_others(protocol: Protocol, server: Collector, queue: Queue) -> None:
    bad = lines(1, probe_asn="AS0123")[0]._replace(number=9)
    queue.add(server.address, protocol, RUN, [*lines(1), bad, *lines(2)[1:]])
    sent = send(queue)
    if protocol is Protocol.SUBMIT:
        assert sent.counts == {SubmissionState.SENT: 2, SubmissionState.REFUSED: 1} and states(queue) == [
            "sent",
            "refused",
            "sent",
        ]
        assert "asn_leading_zero" in queue.entries()[1].reason
    else:  # the report would be for another network, so nothing is sent into it
        assert "no report for this" in sent.troubles[server.address] and states(queue)[:2] == ["sent", "waiting"]
    assert len(server.stored) == sent.counts[SubmissionState.SENT]


@BOTH
@pytest.mark.parametrize("fault", [Fault.CUT_AFTER, Fault.DISCARDS, Fault.PAGE, Fault.HTTP_502, Fault.CUT_BEFORE])
def test_measurement_without_a_clear_answer_is_uncertain_and_never_sent_by_itself(
    fault: Fault, protocol: Protocol, server: Collector, queue: Queue
) -> None:
    reports = [None] if protocol is Protocol.COLLECTOR else []
    server.faults = [*reports, fault]
    queue.add(server.address, protocol, RUN, lines(3))
    sent = send(queue)
    assert states(queue) == ["uncertain", "waiting", "waiting"] and sent.counts == {SubmissionState.UNCERTAIN: 1}
    assert send(queue).counts == {SubmissionState.SENT: 2} and states(queue) == ["uncertain", "sent", "sent"]
    assert max(server.stored.values()) == 1
    assert queue.send_again() == 1 and send(queue).counts == {SubmissionState.SENT: 1} and states(queue) == ["sent"] * 3


def test_measurement_that_no_store_took_waits_and_is_sent_again(server: Collector, queue: Queue) -> None:
    server.faults = [Fault.NOT_DELIVERED] * batch_sending.TRIES
    queue.add(server.address, Protocol.SUBMIT, RUN, lines(1))
    sent = send(queue)
    assert sent.counts == {} and states(queue) == ["waiting"]
    assert sent.troubles == {server.address: "submission_delivery_failed"} and not server.stored
    assert send(queue).counts == {SubmissionState.SENT: 1} and set(server.stored.values()) == {1}


def test_cut_before_the_last_byte_stores_nothing_and_is_tried_again(server: Collector, queue: Queue) -> None:
    server.faults = [Fault.CUT_IN_THE_BODY] * 2
    queue.add(server.address, Protocol.SUBMIT, RUN, lines(1, probe_network_name="x" * 30_000_000))
    assert send(queue).counts == {SubmissionState.SENT: 1} and set(server.stored.values()) == {1}


def test_server_that_cannot_be_reached_leaves_everything_waiting(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_sending, "BETWEEN_TRIES", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    queue.add(address, Protocol.SUBMIT, RUN, lines(2))
    sent = send(queue)
    assert states(queue) == ["waiting"] * 2 and sent.troubles == {address: "Connection refused"}


def test_server_without_tls_is_named(server: Collector, queue: Queue) -> None:
    queue.add(server.address.replace("http:", "https:"), Protocol.SUBMIT, RUN, lines(1))
    assert "the TLS handshake failed" in next(iter(send(queue).troubles.values())) and states(queue) == ["waiting"]


def test_trouble_of_one_server_does_not_hold_up_another(server: Collector, queue: Queue) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    queue.add(address, Protocol.SUBMIT, RUN, lines(1))
    queue.add(server.address, Protocol.SUBMIT, RUN, lines(2))
    sent = send(queue)
    assert sent.counts == {SubmissionState.SENT: 2} and set(sent.troubles) == {address}


def test_pauses_grow_up_to_a_limit_and_end_with_a_success(
    server: Collector, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_file.time, "time", lambda: 1000.0)
    queue.add(server.address, Protocol.SUBMIT, RUN, lines(1))
    pauses = []
    for _ in range(14):
        queue.servers.note_failure(server.address, 0)
        pauses.append(queue.servers.not_before(server.address) - 1000)
    assert pauses[:4] == [30, 60, 120, 240] and pauses[-1] == queue_file.LONGEST_PAUSE == max(pauses)
    assert send(queue, due_only=True).not_due == {server.address: 1000 + queue_file.LONGEST_PAUSE}
    assert not server.requests
    assert send(queue).counts == {SubmissionState.SENT: 1} and queue.servers.not_before(server.address) == 0


def test_pause_that_the_server_asks_for_is_kept(server: Collector, queue: Queue) -> None:
    server.faults = [Fault.HTTP_503] * batch_sending.TRIES
    queue.add(server.address, Protocol.SUBMIT, RUN, lines(1))
    before = time.time()
    send(queue)
    assert queue.servers.not_before(server.address) >= before + 100
    assert send(queue, due_only=True).not_due and states(queue) == ["waiting"]


def test_two_programs_never_send_at_once(server: Collector, queue: Queue, tmp_path: Path) -> None:
    queue.add(server.address, Protocol.SUBMIT, RUN, lines(1))
    with open_queue(tmp_path / "results") as other, other.sole_sender():
        with pytest.raises(QueueError, match="Another probe sends"):
            send(queue)
        assert states(queue) == ["waiting"] and not server.requests
    assert send(queue).counts == {SubmissionState.SENT: 1}


@pytest.mark.parametrize(("large", "state"), [(False, "uncertain"), (True, "waiting")])
def test_user_who_interrupts_leaves_what_is_known(
    large: bool, state: str, server: Collector, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = socket.create_server(("127.0.0.1", 0))  # it reads nothing, so the last byte stays here
    server.delay = 3
    address = f"http://127.0.0.1:{stuck.getsockname()[1]}" if large else server.address
    queue.add(address, Protocol.SUBMIT, RUN, lines(2, probe_network_name="x" * (30_000_000 if large else 1)))

    async def interrupt() -> None:
        task = asyncio.create_task(send_waiting(queue, note=lambda *_: None))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        stuck.close()
        await asyncio.sleep(0.5)

    event_loop.run(interrupt())
    assert states(queue) == [state, "waiting"]


def test_redirect_is_not_followed(server: Collector, queue: Queue) -> None:
    server.faults = [Fault.HTTP_302] * batch_sending.TRIES
    queue.add(server.address, Protocol.SUBMIT, RUN, lines(1))
    assert "http 302" in send(queue).troubles[server.address] and len(server.requests) == batch_sending.TRIES


def test_environment_gives_no_proxy(server: Collector, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    queue.add(server.address, Protocol.SUBMIT, RUN, lines(1))
    assert send(queue).counts == {SubmissionState.SENT: 1}


def test_line_in_the_results_file_is_what_was_stored(server: Collector, queue: Queue) -> None:
    (own,) = lines(1)
    queue.add(server.address, Protocol.COLLECTOR, RUN, [own])
    send(queue)
    assert json.loads(own.raw)["report_id"] == "" and server.order[0]["report_id"]
    assert public_line(test_keys={"number": 1}).strip() == own.raw
