"""The test helper: an aiohttp server that measures the same target from outside, when asked."""

import asyncio
import hashlib
import json
import signal
import sys
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from probe import __version__
from probe.asn import asn_of, default_table
from probe.classify import describe
from probe.echo import Echo
from probe.measure import measure, measured_nothing
from probe.nettests import NETTESTS
from probe.pacing import Pace
from probe.preflight import preflight
from probe.question import Question, Refused, read_question
from probe.session import Session, Settings
from probe.steps.certificates import load_roots
from probe.targets import Neutral, Target, load_neutral, load_target, target_names

LONGEST_QUESTION = 64 * 1024  # bytes
ANSWER_WITHIN = 25.0  # seconds; then nothing new is started, and at the hard limit what is there is sent
HARD_LIMIT = 29.0
CACHE_SECONDS = 60.0
CACHE_ENTRIES = 512
AT_ONCE = 32  # measurements side by side; more are told to come back
RETRY_AFTER = 5  # seconds
PER_MINUTE = 120  # questions from one peer
BODY_SECONDS = 10.0

Answer = dict[str, Any]


@dataclass
class Desk:
    """What the helper knows and is doing. Peers are remembered by address for one minute, in memory only."""

    targets: dict[str, Target]
    neutral: Neutral
    resolvers: Target
    lab: bool = False
    public_roots: str | None = None
    asn_of: Callable[[str], int] = lambda address: 0
    echo: Echo | None = None  # None: no twins are offered
    clock: Callable[[], float] = time.monotonic
    answers: "OrderedDict[str, tuple[float, asyncio.Task[Answer]]]" = field(default_factory=OrderedDict)
    ground: tuple[float, "asyncio.Task[Session]"] | None = None
    asked: dict[str, list[float]] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """One SHA-256 over all target files, so that two sides can see whether they measure the same."""
        listed = "".join(f"{name} {target.digest}\n" for name, target in sorted(self.targets.items()))
        return hashlib.sha256(listed.encode()).hexdigest()

    def session(self) -> Session:
        settings = Settings(followups=False, public_roots=self.public_roots)
        pace = Pace()
        return Session("helper", settings, pace, self.neutral, self.resolvers, as_control=True, asn_of=self.asn_of)


def open_desk(
    folder: Path, *, lab: bool = False, public_roots: str | None = None, echo_ports: Sequence[int] = ()
) -> Desk:
    """Load every target of `folder`, and the table of networks. Raises TargetError, TableError with one sentence."""
    default_table()
    known = frozenset(NETTESTS)
    targets = {name: load_target(folder / f"{name}.toml", known) for name in target_names(folder)}
    neutral, resolvers = load_neutral(folder / "neutral.toml"), load_target(folder / "resolvers.toml")
    echo = Echo(echo_ports) if echo_ports else None
    return Desk(targets, neutral, resolvers, lab, public_roots, asn_of, echo)


def build(desk: Desk) -> web.Application:
    """The application: GET /health and POST /v1/measure; every error is `{"error": "one sentence"}`."""
    app = web.Application(middlewares=[_errors_as_json], client_max_size=LONGEST_QUESTION)

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def answer(request: web.Request) -> web.Response:
        _admit(desk, request.remote or "")
        question = read_question(await _body(request), desk.targets, lab=desk.lab)
        found = await _answer(desk, question)
        echo = {"echo": desk.echo.offer()} if desk.echo else {}
        return web.json_response({**found, **echo, "your_address": request.remote or ""}, dumps=_dumps)

    app.router.add_get("/health", health)
    app.router.add_post("/v1/measure", answer)
    return app


async def serve(desk: Desk, host: str, port: int, announce: Callable[[str], None]) -> int:
    """Serve until SIGTERM or Ctrl-C; `announce` hears the base URL once. Returns the exit code. Raises OSError."""
    runner = web.AppRunner(build(desk), access_log=None, handle_signals=False, shutdown_timeout=2.0)
    stopped: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    _stop_on_signals(stopped)
    await runner.setup()
    try:
        if desk.echo:
            await desk.echo.open(host)
        site = web.TCPSite(runner, host, port)
        await site.start()
        announce(_base_url(host, runner.addresses[0][1]))
        return await stopped
    finally:
        await _wind_up(desk)
        if desk.echo:
            desk.echo.close()
        await runner.cleanup()


def _stop_on_signals(stopped: "asyncio.Future[int]") -> None:
    def stop(code: int) -> None:
        if not stopped.done():
            stopped.set_result(code)

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop, 0)
    loop.add_signal_handler(signal.SIGINT, stop, 130)


async def _wind_up(desk: Desk) -> None:
    """Cancel what is being measured, so that the process ends within seconds."""
    tasks: list[asyncio.Task[Any]] = [task for _, task in desk.answers.values()]
    tasks += [desk.ground[1]] if desk.ground else []
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=3.0)


def _base_url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


# -- one question --------------------------------------------------------------------------------------------------


async def _answer(desk: Desk, question: Question) -> Answer:
    """The cached answer to this very question, or a new one; two who ask at once share it."""
    now = desk.clock()
    while desk.answers and now - next(iter(desk.answers.values()))[0] > CACHE_SECONDS:
        desk.answers.popitem(last=False)
    kept = desk.answers.get(question.key)
    if kept is None:
        if sum(not task.done() for _, task in desk.answers.values()) >= AT_ONCE or len(desk.answers) >= CACHE_ENTRIES:
            raise Refused(503, "too much is being measured at the moment; ask again later")
        kept = (now, asyncio.create_task(_measure(desk, question)))
        desk.answers[question.key] = kept
    try:
        return await asyncio.shield(kept[1])
    except Exception:
        desk.answers.pop(question.key, None)  # a bug of ours is no answer to keep
        raise


async def _measure(desk: Desk, question: Question) -> Answer:
    deadline = asyncio.get_running_loop().time() + HARD_LIMIT
    ground = await _grounded(desk)
    session = desk.session()
    session.preflight, session.ipv4, session.ipv6 = ground.preflight, ground.ipv4, ground.ipv6
    session.neutral_addresses, session.encrypted = list(ground.neutral_addresses), ground.encrypted
    timer = asyncio.get_running_loop().call_at(deadline - HARD_LIMIT + ANSWER_WITHIN, session.stopping.set)
    try:
        async with asyncio.timeout_at(deadline):
            measured = await measure(question.target, session, services=question.services, addresses=question.addresses)
    except TimeoutError:
        measured = measured_nothing(question.target, session)
    finally:
        timer.cancel()
    facts = {"ipv4": session.ipv4, "ipv6": session.ipv6, "udp": ground.preflight.get("udp")}
    return {
        "software_version": __version__,
        "targets_digest": desk.digest,
        "preflight": facts,
        "test_keys": measured.test_keys,
    }


async def _grounded(desk: Desk) -> Session:
    """A session whose preflight is at most a minute old: is the helper's own line fit to be a control?"""
    if desk.ground is None or desk.clock() - desk.ground[0] > CACHE_SECONDS or _failed(desk.ground[1]):
        desk.ground = (desk.clock(), asyncio.create_task(_preflight(desk)))
    return await asyncio.shield(desk.ground[1])


def _failed(task: "asyncio.Task[Session]") -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


async def _preflight(desk: Desk) -> Session:
    session = desk.session()
    await preflight(session, load_roots(desk.public_roots))
    return session


# -- manners -------------------------------------------------------------------------------------------------------


def _admit(desk: Desk, peer: str) -> None:
    """Turn away a peer that asks too often. Raises Refused."""
    now = desk.clock()
    desk.asked = {who: recent for who, times in desk.asked.items() if (recent := [t for t in times if now - t < 60.0])}
    times = desk.asked.setdefault(peer, [])
    if len(times) >= PER_MINUTE:
        raise Refused(429, f"more than {PER_MINUTE} questions in a minute came from here; slow down")
    times.append(now)


async def _body(request: web.Request) -> bytes:
    """Read the question, at most 64 kB of it and within some seconds. Raises Refused."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError:
        raise Refused(400, f"the question did not arrive within {BODY_SECONDS:.0f} seconds") from None


@web.middleware
async def _errors_as_json(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refused as refused:
        return _error(refused.status, str(refused))
    except web.HTTPException as error:
        return _error(error.status, _sentence(error.status, request), error.headers)
    except Exception as bug:
        print(f"probe: a bug of ours: {describe(bug)}", file=sys.stderr, flush=True)
        return _error(500, f"the helper has a bug: {type(bug).__name__}")


def _sentence(status: int, request: web.Request) -> str:
    known = {
        404: f"there is nothing at {request.path}; this helper has GET /health and POST /v1/measure",
        405: f"{request.method} is not for {request.path}; use GET /health or POST /v1/measure",
        413: f"the question is longer than {LONGEST_QUESTION} bytes",
    }
    return known.get(status, f"the request cannot be served (status {status})")


def _error(status: int, sentence: str, extra: Mapping[str, str] | None = None) -> web.Response:
    headers = {"Allow": extra["Allow"]} if extra and "Allow" in extra else {}
    if status in {429, 503}:
        headers["Retry-After"] = str(RETRY_AFTER)
    return web.json_response({"error": sentence}, status=status, headers=headers)


def _dumps(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"), allow_nan=False)
