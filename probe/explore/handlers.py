"""Answer requests that passed the checks of access. Every error becomes one sentence."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from aiohttp import web

from probe.analysis.compare.axes import QuestionError
from probe.analysis.compare.verdict_table import StoreError
from probe.explore import responses
from probe.explore.access import Access
from probe.explore.answer_cache import BusyError
from probe.explore.cursor import ChangedError
from probe.explore.endpoints import API, ENDPOINTS, Endpoint
from probe.explore.explorer import ATTEMPTS, Explorer, UnsteadyError
from probe.explore.openapi import description, media_type
from probe.explore.page import form, with_form
from probe.explore.parameters import (
    Format,
    FormParameters,
    PagedParameters,
    PageParameters,
    ParameterError,
    Parameters,
    checked,
    parse,
)
from probe.http_server.bug_reports import report
from probe.local_server.origin import TOKEN
from probe.messages import tr
from probe.results import FullDisk

PATIENCE = 2.0  # seconds until the page says that the answer is being computed
API_PATIENCE = 45.0  # seconds until the API says so. A connection without an answer is closed after 60.
_CHANGED = "The store changed after the first rows of this answer. Ask again without cursor."
_BUSY = "Too many other questions are being computed. Ask again in a few seconds."
_COMPUTING = "The answer is being computed, and is kept. Ask again in a few seconds."
_UNSTEADY = "Another command is writing to the store. Ask again in a few seconds."
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Handlers:
    """Hold what the addresses of one server share."""

    def __init__(self, explorer: Explorer, access: Access) -> None:
        self._explorer, self._access = explorer, access
        self._description = json.dumps(description()).encode()

    def api(self) -> Iterator[tuple[str, Handler]]:
        """Iterate over the addresses of the API with their handlers."""
        for endpoint in ENDPOINTS:
            yield f"{API}/{endpoint.name}", self._handler(endpoint)

    async def answered(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Return the answer of a handler, or a sentence in place of its error."""
        try:
            return await handler(request)
        except (ParameterError, QuestionError) as refused:
            return self._refused(request, str(refused))
        except ChangedError:
            return responses.error(request.path, 410, _CHANGED)
        except BusyError:
            return responses.error(request.path, 503, _BUSY)
        except TimeoutError:
            return responses.error(request.path, 503, _COMPUTING)
        except UnsteadyError:
            return responses.error(request.path, 503, _UNSTEADY)
        except (StoreError, FullDisk) as failed:
            return responses.error(request.path, 500, str(failed))
        except web.HTTPException as found:
            return responses.error(request.path, found.status, "There is nothing at this address.")
        except Exception as bug:
            report(bug)
            return responses.error(request.path, 500, "This is a bug in probe. The terminal shows its place.")

    async def page(self, request: web.Request) -> web.StreamResponse:
        """Answer with the HTML page, or with one that loads again until the answer is computed."""
        asked = _parsed(PageParameters, request)

        def finished(page: str) -> str:
            return with_form(page, asked, self._access.token)

        async def answer(state: str) -> web.Response:
            tag = responses.tag_of(request, state)
            if responses.has_tag(request, tag):
                return responses.unchanged(tag)
            try:
                page = await asyncio.wait_for(self._explorer.page(asked, state, finished), PATIENCE)
            except TimeoutError:
                return _computing()
            if not page:
                return self._empty(asked)
            return responses.html(page, tag=tag)

        return await self._steady(answer)

    def _handler(self, endpoint: Endpoint) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            asked = _parsed(endpoint.parameters, request)

            async def answer(state: str) -> web.Response:
                tag = responses.tag_of(request, state)
                if responses.has_tag(request, tag):
                    return responses.unchanged(tag)
                if isinstance(asked, FormParameters) and asked.format is not Format.JSON:
                    file = f"{endpoint.name}.{asked.format.value}"
                    body = await self._explorer.document(asked, state)
                    return responses.data(body, media_type(asked.format), tag=tag, file=file)
                return responses.data(await self._body(endpoint, asked, state), tag=tag)

            return await asyncio.wait_for(self._steady(answer), API_PATIENCE)

        return handle

    async def _body(self, endpoint: Endpoint, asked: Any, state: str) -> bytes:
        if isinstance(asked, PagedParameters):
            return await self._explorer.rows(asked, state)
        return await self._explorer.facts(state) if endpoint.name == "store" else self._description

    async def _steady(self, answer: Callable[[str], Awaitable[web.Response]]) -> web.Response:
        """Answer from one state of the store, and again if that changed meanwhile. Raises UnsteadyError."""
        for _ in range(ATTEMPTS - 1):
            try:
                return await answer(await self._explorer.state())
            except UnsteadyError:
                self._explorer.forget_state()
        return await answer(await self._explorer.state())

    def _refused(self, request: web.Request, sentence: str) -> web.Response:
        if request.path != "/":
            return responses.error(request.path, 400, sentence)
        below = form(PageParameters(), self._access.token, links=False)
        return responses.notice_page("This question has no answer", sentence, status=400, below=below)

    def _empty(self, asked: PageParameters) -> web.Response:
        sentence = tr("No measurement matches this question. Widen it, or include artificial measurements.")
        below = form(asked, self._access.token, links=False)
        return responses.notice_page("No measurement matches", sentence, status=404, below=below)


def _parsed(kind: type[Parameters], request: web.Request) -> Any:
    asked = parse(kind, ((name, value) for name, value in request.query.items() if name != TOKEN))
    checked(asked)
    return asked


def _computing() -> web.Response:
    sentence = tr("The answer is being computed. This page shows it when it is there.")
    return responses.notice_page("Computing", sentence, status=202, again=True)
