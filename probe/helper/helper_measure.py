"""Answer a question of our own protocol: run the same nettest on the same target."""

import asyncio

from probe import __version__
from probe.helper.query import HelperQuery
from probe.helper.state import Answer, HelperState
from probe.run.measure import measure, measured_nothing
from probe.run.network.preflight import preflight
from probe.session.session import Session
from probe.signatures.evidence_age import HELPERS_NETWORK

ANSWER_WITHIN = 25.0  # seconds until nothing new starts. HARD_LIMIT sends what is finished.
HARD_LIMIT = 29.0
BEGAN = "began"  # key of an answer that is not sent: when its measurement began, by the helper's clock


async def measure_target(state: HelperState, question: HelperQuery) -> Answer:
    """Run the question's nettest. Return what is finished within HARD_LIMIT, to be sent through `with_ages`."""
    deadline = asyncio.get_running_loop().time() + HARD_LIMIT
    recent = await _recent_session(state)
    session = state.session()
    session.preflight, session.ipv4, session.ipv6 = recent.preflight, recent.ipv4, recent.ipv6
    session.neutral_addresses, session.encrypted = list(recent.neutral_addresses), recent.encrypted
    session.abilities = recent.abilities
    session.pace.segment_sizes = dict(recent.pace.segment_sizes)
    timer = asyncio.get_running_loop().call_at(deadline - HARD_LIMIT + ANSWER_WITHIN, session.stopping.set)
    began = state.clock()
    try:
        async with asyncio.timeout_at(deadline):
            measured = await measure(question.target, session, services=question.services, addresses=question.addresses)
    except TimeoutError:
        measured = measured_nothing(question.target, session)
    finally:
        timer.cancel()
    facts = {"ipv4": session.ipv4, "ipv6": session.ipv6, "udp": recent.preflight.get("udp")}
    return {
        "software_version": __version__,
        "targets_digest": state.digest,
        "preflight": facts,
        "test_keys": measured.test_keys,
        BEGAN: began,
    }


def with_ages(answer: Answer, now: float) -> Answer:
    """Return the answer as it is sent. Each transaction has `age`, the seconds from its begin to `now`.

    `now` is a time of the helper's clock. An answer is older each time that it is sent.
    """
    keys, began = answer["test_keys"], answer[BEGAN]
    dated = [{**each, "age": max(0.0, round(now - began - each["t0"], 3))} for each in keys["x_transactions"]]
    sent = {key: value for key, value in answer.items() if key != BEGAN}
    return sent | {"test_keys": {**keys, "x_transactions": dated}}


async def _recent_session(state: HelperState) -> Session:
    """Return a session whose preflight is at most a minute old. It shows whether the helper's own network works."""
    if (
        state.session_task is None
        or state.clock() - state.session_task[0] > HELPERS_NETWORK.seconds
        or _failed(state.session_task[1])
    ):
        state.session_task = (state.clock(), asyncio.create_task(_preflight(state)))
    return await asyncio.shield(state.session_task[1])


def _failed(task: "asyncio.Task[Session]") -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


async def _preflight(state: HelperState) -> Session:
    session = state.session()
    await preflight(session, state.roots)
    return session
