"""Serve the helper's routes. Every refusal is one sentence, and no peer is logged."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from aiohttp import web

from probe.formats.ooni_helper import GREETING
from probe.helper.calls.sip_ports import SIPPorts
from probe.helper.calls.webrtc import WebRTC
from probe.helper.dtls_port import DTLSPort
from probe.helper.helper_limits import capacity, raise_descriptors
from probe.helper.helper_measure import measure_target, with_ages
from probe.helper.media.media_reflector import Media
from probe.helper.ooni_measure import measure_url
from probe.helper.ooni_request import read_request
from probe.helper.query import RequestRefused, read_question
from probe.helper.state import HelperState, cached_answer, cancel_all, fresh_answer
from probe.helper.transfer.port import TransferPort
from probe.helper.udp_echo import EchoResponder
from probe.http_server import bug_reports, connections
from probe.http_server.forwarded import client_address
from probe.http_server.peers import Client, client_at
from probe.http_server.request_counts import RequestCounts
from probe.platforms.signals import INTERRUPTED, handled
from probe.targets.address_guard import Contacts, may_contact

LONGEST_QUESTION = 64 * 1024  # bytes
RETRY_AFTER = 5  # seconds
BODY_SECONDS = connections.REQUEST_SECONDS
SENTENCE_SECONDS = 5.0  # for the refusal of a body that is late
ROUTES = web.AppKey("routes", str)  # what the helper has, in words


def build(state: HelperState) -> web.Application:
    """Return the application with all routes. Errors are `{"error": "…"}`."""
    app = web.Application(middlewares=[_errors_as_json], client_max_size=LONGEST_QUESTION)
    app.on_response_prepare.append(_name_server)
    app[ROUTES] = _routes(calls=state.webrtc is not None)
    app.router.add_get("/health", _health)
    app.router.add_post("/v1/measure", partial(_measure, state))
    app.router.add_post("/v1/tokens", partial(_renew_tokens, state))
    if state.webrtc is not None:
        app.router.add_post("/v1/webrtc", partial(_open_call, state, state.webrtc))
    app.router.add_get("/", _greet)
    app.router.add_post("/", partial(_measure_for_ooni, state))
    return app


def _routes(*, calls: bool) -> str:
    ours = ("GET /health", "POST /v1/measure", "POST /v1/tokens", *(("POST /v1/webrtc",) if calls else ()))
    return f"{', '.join(ours)}, and for OONI's probe POST /"


async def _health(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def _greet(_: web.Request) -> web.Response:
    return web.json_response({"message": GREETING})


async def _measure(state: HelperState, request: web.Request) -> web.Response:
    """Answer our probe's question about a target. Raises Refused."""
    address = _address(state, request)
    _admit(state.counts, client := client_at(address or request.remote))
    question = read_question(await _body(request), state.targets, state.contacts)
    if question.fresh:
        _admit(state.fresh_counts, client)
        found = await fresh_answer(state, lambda: measure_target(state, question), client=client)
    else:
        found = await cached_answer(state, question.key, lambda: measure_target(state, question), client=client)
    dated = with_ages(found, state.clock())
    public = address if address and may_contact(address, Contacts.PUBLIC) else None
    response = web.json_response({**dated, **_offers(state, client), "your_address": public}, dumps=_dumps)
    response.enable_compression()  # makes the answer ten times smaller, for clients that accept it
    return response


async def _measure_for_ooni(state: HelperState, request: web.Request) -> web.Response:
    """Answer a question with OONI's protocol about a web address. Raises Refused."""
    _admit(state.counts, client := _client(state, request))
    question = read_request(await _body(request))
    found = await fresh_answer(state, lambda: measure_url(state, question), client=client)  # OONI's have no age
    return web.json_response(found, dumps=_dumps)


async def _renew_tokens(state: HelperState, request: web.Request) -> web.Response:
    """Return what the helper offers, with new tokens. Raises Refused."""
    _admit(state.counts, client := _client(state, request))
    return web.json_response(_offers(state, client), dumps=_dumps)


async def _open_call(state: HelperState, webrtc: WebRTC, request: web.Request) -> web.Response:
    """Return the helper's side of a WebRTC call. Raises Refused."""
    _admit(state.counts, client := _client(state, request))
    try:
        question = json.loads(await _body(request))
    except (ValueError, RecursionError):
        raise RequestRefused(400, "the body of the request is not JSON") from None
    return web.json_response(await webrtc.answer(question, client), dumps=_dumps)


async def serve(state: HelperState, host: str, port: int, announce: Callable[[str], None]) -> int:
    """Serve until SIGTERM or Ctrl-C and return the exit code. `announce` receives the base URL once. Raises OSError."""
    loop = asyncio.get_running_loop()
    bug_reports.watch(loop)
    stopped: asyncio.Future[int] = loop.create_future()
    with handled({"terminate": partial(_stop, stopped, 0), "interrupt": partial(_stop, stopped, INTERRUPTED)}):
        return await _serve(state, host, port, announce, stopped)


async def _serve(
    state: HelperState, host: str, port: int, announce: Callable[[str], None], stopped: "asyncio.Future[int]"
) -> int:
    allowed = capacity(raise_descriptors())
    state.slots.size, state.flows = allowed.measurements, allowed.flows
    try:
        for further in _further_ports(state).values():
            await further.open(host)
        async with listening(state, host, port, most=allowed.connections) as bound:
            announce(_base_url(host, bound))
            code = await stopped
            await cancel_all(state)
            if state.webrtc is not None:
                await state.webrtc.close()
        return code
    finally:
        for further in _further_ports(state).values():
            further.close()


def _further_ports(state: HelperState) -> dict[str, EchoResponder | Media | SIPPorts | DTLSPort | TransferPort]:
    """Return the ports beside the HTTP side by the key of their offer in an answer."""
    known = {
        "echo": state.echo,
        "media": state.media,
        "sip": state.sip,
        "dtls": state.dtls,
        "transfer": state.transfer,
    }
    return {name: ports for name, ports in known.items() if ports is not None}


def _offers(state: HelperState, client: Client) -> dict[str, dict[str, Any]]:
    """Return what the helper offers a client beside its measurements, with new tokens."""
    calls = {} if state.webrtc is None else {"webrtc": state.webrtc.offer(client)}
    return {name: ports.offer(client) for name, ports in _further_ports(state).items()} | calls


@asynccontextmanager
async def listening(state: HelperState, host: str, port: int, *, most: int = 512) -> AsyncIterator[int]:
    """Serve HTTP at `host` with at most `most` connections. Yield the port. Raises OSError."""
    app = web.AppRunner(build(state), access_log=None, handle_signals=False)
    await app.setup()
    assert app.server is not None
    table = connections.ServedConnections(most, state.trusted)
    server = connections.HTTPServer(app.server, table, _refusal)
    runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=2.0)
    await runner.setup()
    try:
        for bound in _bind(host, port):
            await web.SockSite(runner, bound, backlog=connections.ACCEPTED_AT_ONCE).start()
            bound.listen(connections.WAITING_TO_BE_ACCEPTED)
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
        await app.cleanup()


def _bind(host: str, port: int) -> list[socket.socket]:
    """Bind a socket to each address of `host`. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return [socket.create_server(address, family=family) for family, _, _, _, address in found]


def _stop(stopped: "asyncio.Future[int]", code: int) -> None:
    if not stopped.done():
        stopped.set_result(code)


def _base_url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _admit(counts: RequestCounts, client: Client) -> None:
    """Count one request. Raises RequestRefused (429) if it came too often."""
    if (refusal := counts.refusal(client)) is not None:
        raise RequestRefused(429, refusal)


def _client(state: HelperState, request: web.Request) -> Client:
    """Return the client that limits count. The clients of a proxy that does not name them are one."""
    return client_at(_address(state, request) or request.remote)


def _address(state: HelperState, request: web.Request) -> str | None:
    """Return the client's address. None if the proxy before it does not name it. Note at which address it came in."""
    here = request.transport.get_extra_info("sockname") if request.transport else None
    if isinstance(here, tuple):  # the address of a Unix socket is a text
        state.machine.reached_at(here[0])
    return client_address(request.remote or "", request.headers, state.trusted)


async def _body(request: web.Request) -> bytes:
    """Read at most 64 kB of the request within some seconds. Raises Refused."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await request.read()
    except TimeoutError:
        raise RequestRefused(
            400, f"the body of the request did not arrive within {BODY_SECONDS:.0f} seconds, send it again"
        ) from None
    except (web.RequestPayloadError, OSError, RuntimeError) as error:  # broken chunks or gzip, or the client has gone
        if isinstance(error, RuntimeError) and request.transport is not None:
            raise
        raise RequestRefused(400, "the body of the request is incomplete or damaged, send it again") from None
    connections.works_for_client(request)
    return body


async def _name_server(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = connections.SERVER


@web.middleware
async def _errors_as_json(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    connections.waits_for_client(request, BODY_SECONDS + SENTENCE_SECONDS)
    response = await _answer_or_error(request, handler)
    if not request.content.is_eof():
        response.force_close()  # nothing separates the rest of the body from the next request
    connections.waits_for_client(request, connections.TAKE_SECONDS)
    return response


async def _answer_or_error(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except RequestRefused as refused:
        return _error(refused.status, str(refused))
    except web.HTTPException as error:
        return _error(error.status, _sentence(error.status, request), error.headers)
    except Exception as bug:
        bug_reports.report(bug)
        return _error(500, f"the helper has a bug: {type(bug).__name__}")


def _sentence(status: int, request: web.Request) -> str:
    routes = request.app[ROUTES]
    known = {
        404: f"there is nothing at {request.path}; this helper has {routes}",
        405: f"{request.method} is not for {request.path}; this helper has {routes}",
        413: f"the question is longer than {LONGEST_QUESTION} bytes",
    }
    return known.get(status, f"the request cannot be served (status {status})")


def _refusal(status: int) -> web.Response:
    """Return the answer to a request that reaches no route."""
    sentences = {417: "the helper does nothing of what the header Expect asks for"}
    return _error(status, sentences.get(status, "this is no HTTP request"))


def _error(status: int, sentence: str, extra: Mapping[str, str] | None = None) -> web.Response:
    headers = {"Allow": extra["Allow"]} if extra and "Allow" in extra else {}
    if status in {429, 503}:
        headers["Retry-After"] = str(RETRY_AFTER)
    return web.json_response({"error": sentence}, status=status, headers=headers)


def _dumps(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"), allow_nan=False)
