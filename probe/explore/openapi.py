"""Describe the API in OpenAPI 3.1, from the classes that check its parameters and from the table of its addresses."""

from typing import Any

from probe import __version__
from probe.explore.endpoints import API, ENDPOINTS, Endpoint
from probe.explore.parameters import Format, FormParameters, PagedParameters, Parameters

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


def _operation(endpoint: Endpoint) -> dict[str, Any]:
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


def _answer(endpoint: Endpoint) -> dict[str, Any]:
    content = _json(_document(endpoint))
    if issubclass(endpoint.parameters, FormParameters):
        content |= {kind: {"schema": {"type": "string"}} for kind in _TYPES.values()}
    return {
        "description": endpoint.answer,
        "headers": {"ETag": {"description": "Names question and state of the store.", "schema": {"type": "string"}}},
        "content": content,
    }


def _document(endpoint: Endpoint) -> dict[str, Any]:
    if not issubclass(endpoint.parameters, PagedParameters):
        return {"type": "object"}
    row = {"type": "object", "required": list(endpoint.columns)}
    properties = {"rows": {"type": "array", "items": row}, "next": {"type": ["string", "null"]}}
    return {"type": "object", "required": ["rows", "next"], "properties": properties}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def media_type(form: Format) -> str:
    """Return the media type of a format."""
    return _TYPES.get(form, "application/json")
