"""Answer requests that passed the checks of access. Every error becomes one sentence.

Describe the API in OpenAPI 3.1, from the classes that check its parameters and from the table of its addresses.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from markupsafe import Markup, escape

from probe import __version__
from probe.analysis.compare.axes import QuestionError
from probe.analysis.compare.verdict_table import StoreError
from probe.analysis.store.kept_evidence import UnknownMeasurementError
from probe.explore import responses
from probe.explore.answer_cache import BusyError
from probe.explore.api_endpoints import API, ENDPOINTS, APIEndpoint
from probe.explore.compare_page import form, with_form
from probe.explore.cursor import ChangedError
from probe.explore.explorer import ATTEMPTS, Explorer, UnsteadyError
from probe.explore.explorer_access import Access
from probe.explore.hosted import TooOftenError
from probe.explore.measurement_list import list_part
from probe.explore.parameters import (
    FeedParameters,
    Format,
    FormParameters,
    MeasurementParameters,
    PagedParameters,
    PageParameters,
    ParameterError,
    Parameters,
    QuestionsParameters,
    SQLParameters,
    VerdictsParameters,
    checked,
    parse,
)
from probe.http_server.bug_reports import report
from probe.local_server.request_origin import TOKEN
from probe.messages import printable, tr
from probe.results import FullDisk

VERSION = "3.1.0"
_TYPES = {
    Format.JSONL: "application/x-ndjson",
    Format.CSV: "text/csv",
    Format.PARQUET: "application/vnd.apache.parquet",
}
_ERROR = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
_REFUSALS = {
    "400": "A parameter cannot be used.",
    "401": "The token is missing or wrong.",
    "410": "The store changed since the answer that gave the cursor.",
    "503": "Too many questions wait, or the store is being written.",
}


def description() -> dict[str, Any]:
    """Return the document."""
    return {
        "openapi": VERSION,
        "info": {
            "title": "probe explore",
            "version": __version__,
            "description": "Read-only questions about a store, answered as `probe compare` answers them.",
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"query": []}],
        "paths": {f"{API}/{endpoint.name}": {"get": _operation(endpoint)} for endpoint in ENDPOINTS},
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "query": {"type": "apiKey", "in": "query", "name": "token"},
            },
            "schemas": {"Error": _ERROR},
        },
    }


def _operation(endpoint: APIEndpoint) -> dict[str, Any]:
    refusals = {
        status: {"description": text, "content": _json({"$ref": "#/components/schemas/Error"})}
        for status, text in _REFUSALS.items()
        if status != "410" or issubclass(endpoint.parameters, PagedParameters)
    }
    return {
        "operationId": endpoint.name.partition(".")[0],
        "summary": endpoint.summary,
        "parameters": parameters_of(endpoint.parameters),
        "responses": {"200": _answer(endpoint), "304": {"description": "Nothing changed since that ETag."}, **refusals},
    }


def parameters_of(kind: type[Parameters]) -> list[dict[str, Any]]:
    """Return the parameters of a class as OpenAPI lists them."""
    schema = kind.model_json_schema()
    return [_parameter(name, _resolved(one, schema.get("$defs", {}))) for name, one in schema["properties"].items()]


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    words = schema.pop("description")
    return {"name": name, "in": "query", "required": False, "description": words, "schema": schema}


def _resolved(schema: Any, named: dict[str, Any]) -> Any:
    """Put named schemas in their places, since a parameter has no definitions of its own."""
    if isinstance(schema, list):
        return [_resolved(one, named) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        kind = _resolved(named[schema["$ref"].rpartition("/")[2]], named)
        schema = {key: value for key, value in kind.items() if key != "description"} | schema
    return {key: _resolved(value, named) for key, value in schema.items() if key not in {"$ref", "title"}}


def _answer(endpoint: APIEndpoint) -> dict[str, Any]:
    content = _json(_document(endpoint))
    if issubclass(endpoint.parameters, FormParameters):
        content |= {kind: {"schema": {"type": "string"}} for kind in _TYPES.values()}
    return {
        "description": endpoint.answer,
        "headers": {"ETag": {"description": "Names question and state of the store.", "schema": {"type": "string"}}},
        "content": content,
    }


def _document(endpoint: APIEndpoint) -> dict[str, Any]:
    if not issubclass(endpoint.parameters, PagedParameters):
        return {"type": "object"}
    row = {"type": "object", "required": list(endpoint.columns)}
    properties = {"rows": {"type": "array", "items": row}, "next": {"type": ["string", "null"]}}
    return {"type": "object", "required": ["rows", "next"], "properties": properties}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def media_type(form: Format) -> str:
    return _TYPES.get(form, "application/json")


_FEEDS = {"atom": "application/atom+xml", "json": "application/feed+json"}
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
        except TooOftenError as refused:
            return responses.error(request.path, 429, str(refused))
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

    async def measurement(self, request: web.Request) -> web.StreamResponse:
        """Answer with the evidence of one measurement."""
        asked = _parsed(MeasurementParameters, request)
        back = f"/?{urlencode({TOKEN: self._access.token})}" if self._access.token else "/"

        async def answer(state: str) -> web.Response:
            try:
                part = await self._explorer.measurement(asked.id, state, back)
            except UnknownMeasurementError as unknown:
                return responses.error(request.path, 404, str(unknown))
            sentence = tr("The evidence of one measurement, computed from the store.")
            return responses.notice_page(f"Measurement {asked.id}", sentence, status=200, below=Markup(part))  # nosec B704

        return await asyncio.wait_for(self._steady(answer), API_PATIENCE)

    async def questions(self, request: web.Request) -> web.StreamResponse:
        """Answer with the five questions as forms, and with what the store has."""
        asked = _parsed(QuestionsParameters, request)

        async def answer(state: str) -> web.Response:
            part = await self._explorer.questions(asked.lab, state, self._access.token)
            sentence = tr("Choose a question. The lists have what the store has.")
            return responses.notice_page("Five questions", sentence, status=200, below=Markup(part))  # nosec B704

        return await asyncio.wait_for(self._steady(answer), API_PATIENCE)

    async def sql(self, request: web.Request) -> web.StreamResponse:
        """Answer a SELECT. A hosted server does not, since its readers are not known."""
        if not self._access.token:
            return responses.error(request.path, 404, "This server answers no SQL. Use the questions.")
        asked = _parsed(SQLParameters, request)

        async def answer(state: str) -> web.Response:
            try:
                part, status = await self._explorer.sql(asked.statement, state, self._access.token), 200
            except StoreError as refused:
                part, status = await self._explorer.sql("", state, self._access.token), 400
                part = f"<p>{escape(printable(str(refused)))}</p>{part}"
            sentence = tr("Ask the tables of the store. A query has {seconds} seconds and 1 GB of memory.", seconds=30)
            return responses.notice_page("SQL", sentence, status=status, below=Markup(part))  # nosec B704

        return await asyncio.wait_for(self._steady(answer), API_PATIENCE)

    async def measurements(self, request: web.Request) -> web.StreamResponse:
        """Answer with a list of verdicts, of which each has a link to its evidence."""
        asked = _parsed(VerdictsParameters, request)
        own = [(TOKEN, self._access.token)] if self._access.token else []
        own += [("lab", "true")] if asked.lab else []

        async def answer(state: str) -> web.Response:
            found = json.loads(await self._explorer.rows(asked, state))
            others = [
                (name, value) for name, value in request.query.items() if value and name not in {TOKEN, "cursor", "lab"}
            ]
            more = f"/measurements?{urlencode([*own, *others, ('cursor', found['next'])])}" if found["next"] else ""
            part = Markup(list_part(found["rows"], own, more))  # nosec B704
            sentence = tr("Each line is the verdict on one service. Its time is a link to the evidence.")
            return responses.notice_page("Measurements", sentence, status=200, below=part)

        return await asyncio.wait_for(self._steady(answer), API_PATIENCE)

    def feed(self, kind: str) -> Handler:
        """Return the handler of a feed of events."""

        async def handle(request: web.Request) -> web.StreamResponse:
            asked = _parsed(FeedParameters, request)
            pairs = urlencode([(name, value) for name, value in request.query.items() if name != TOKEN])
            token = urlencode({TOKEN: self._access.token}) if self._access.token else ""
            page = f"{self._access.address}/" + (
                f"?{question}" if (question := "&".join(filter(None, (token, pairs)))) else ""
            )

            async def answer(state: str) -> web.Response:
                tag = responses.tag_of(request, state)
                if responses.has_tag(request, tag):
                    return responses.unchanged(tag)
                return responses.data(await self._explorer.feed(asked, state, page, kind), _FEEDS[kind], tag=tag)

            return await asyncio.wait_for(self._steady(answer), API_PATIENCE)

        return handle

    def _handler(self, endpoint: APIEndpoint) -> Handler:
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

    async def _body(self, endpoint: APIEndpoint, asked: Any, state: str) -> bytes:
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
