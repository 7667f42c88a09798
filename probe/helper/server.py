"""Serve the helper's four routes. Every refusal is one sentence, and no peer is logged."""

import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from probe import __version__
from probe.formats.ooni_helper import GREETING
from probe.helper.measure import measure_target, with_ages
from probe.helper.ooni_measure import measure_url
from probe.helper.ooni_request import read_request
from probe.helper.query import Refused, read_question
from probe.helper.state import HelperState, admit, admit_fresh, cached_answer, cancel_all, fresh_answer
from probe.session.classify import describe

LONGEST_QUESTION = 64 * 1024  # bytes
RETRY_AFTER = 5  # seconds
BODY_SECONDS = 10.0
ROUTES = "GET /health and POST /v1/measure, and for OONI's probe POST /"


def build(state: HelperState) -> web.Application:
    """Return the application: GET /health, POST /v1/measure, and OONI's GET and POST /. Errors are `{"error": "…"}`."""
    app = web.Application(middlewares=[_errors_as_json], client_max_size=LONGEST_QUESTION)

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def answer(request: web.Request) -> web.Response:
        admit(state, request.remote or "")
        question = read_question(await _body(request), state.targets, lab=state.lab)
        if question.fresh:
            admit_fresh(state, request.remote or "")
            found = await fresh_answer(state, lambda: measure_target(state, question))
        else:
            found = await cached_answer(state, question.key, lambda: measure_target(state, question))
        dated = with_ages(found, state.clock())
        echo = {"echo": state.echo.offer()} if state.echo else {}
        response = web.json_response({**dated, **echo, "your_address": request.remote or ""}, dumps=_dumps)
        response.enable_compression()  # to a tenth, for clients that accept it
        return response

    async def greet(_: web.Request) -> web.Response:
        return web.json_response({"message": GREETING})

    async def answer_ooni(request: web.Request) -> web.Response:
        admit(state, request.remote or "")
        question = read_request(await _body(request))
        found = await fresh_answer(state, lambda: measure_url(state, question))  # OONI's answers have no age
        return web.json_response(found, dumps=_dumps, headers={"Server": f"censorprobe/{__version__}"})

    app.router.add_get("/health", health)
    app.router.add_post("/v1/measure", answer)
    app.router.add_get("/", greet)
    app.router.add_post("/", answer_ooni)
    return app


async def serve(state: HelperState, host: str, port: int, announce: Callable[[str], None]) -> int:
    """Serve until SIGTERM or Ctrl-C and return the exit code. `announce` receives the base URL once. Raises OSError."""
    runner = web.AppRunner(build(state), access_log=None, handle_signals=False, shutdown_timeout=2.0)
    stopped: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    _stop_on_signals(stopped)
    await runner.setup()
    try:
        if state.echo:
            await state.echo.open(host)
        site = web.TCPSite(runner, host, port)
        await site.start()
        announce(_base_url(host, runner.addresses[0][1]))
        return await stopped
    finally:
        await cancel_all(state)
        if state.echo:
            state.echo.close()
        await runner.cleanup()


def _stop_on_signals(stopped: "asyncio.Future[int]") -> None:
    def stop(code: int) -> None:
        if not stopped.done():
            stopped.set_result(code)

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop, 0)
    loop.add_signal_handler(signal.SIGINT, stop, 130)


def _base_url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _body(request: web.Request) -> bytes:
    """Read at most 64 kB of the request within some seconds. Raises Refused."""
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
        404: f"there is nothing at {request.path}; this helper has {ROUTES}",
        405: f"{request.method} is not for {request.path}; this helper has {ROUTES}",
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
