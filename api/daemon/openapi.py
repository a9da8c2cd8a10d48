"""OpenAPI 3.1 of the services API, made from its table of routes."""

from collections.abc import Sequence
from functools import cache
from importlib.metadata import version

import msgspec

from api.daemon.endpoint import Answer, AnyQuery, Asked, Document, Endpoint, NoQuery, Raw
from api.daemon.envelope import Failure, Success
from api.openapi import JSON, STREAM, path_parameters, purpose, query_parameters
from api.responses import BodyResponse
from catalog.jsonvalue import Json

PATH = "/v1/openapi.json"


async def openapi(asked: Asked[None, NoQuery]) -> Answer:
    """This description."""
    return Answer(BodyResponse(_body(), 200))


ENDPOINTS = (Endpoint(method="GET", path=PATH, handler=openapi, gives={200: dict}),)


@cache
def _body() -> bytes:
    from api.daemon.routes import ENDPOINTS as ALL  # noqa: PLC0415 - the list has this one too

    return msgspec.json.encode(document(ALL, version("fabricksd")))


def document(endpoints: Sequence[Endpoint], release: str) -> Json:
    """The whole document."""
    kinds: list[Json] = [Success, Failure]
    kinds += [each.body for each in endpoints if each.body not in (None, Raw, Document)]
    schemas, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    known = dict(zip(map(repr, kinds), schemas, strict=True))
    paths: dict[str, Json] = {}
    for endpoint in endpoints:
        for method in endpoint.method.split():
            described = paths.setdefault(endpoint.path.replace("*}", "}"), {})
            described[method.lower()] = _operation(endpoint, method, known)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Fabric services",
            "version": release,
            "description": "WASM services, networks, volumes and projects, on the daemon's Unix socket.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "http://localhost"}],
        "security": [{}, {"key": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Fabricks-API-Key"}},
        },
    }


def _operation(endpoint: Endpoint, method: str, known: dict[str, Json]) -> Json:
    summary, more = purpose(endpoint)
    several = "" if method == endpoint.method else f"_{method.lower()}_{'rest' if '*' in endpoint.path else 'root'}"
    found: Json = {
        "operationId": f"{endpoint.name}{several}",
        "summary": summary,
        "description": more.strip(),
        "tags": [endpoint.path.split("/")[2]],
        "parameters": [
            *path_parameters(endpoint),
            *([] if endpoint.query is AnyQuery else query_parameters(endpoint)),
        ],
        "responses": {
            **{str(status): _given(kind, known) for status, kind in endpoint.gives.items()},
            "default": {"description": "Refused", "content": {JSON: {"schema": known[repr(Failure)]}}},
        },
    }
    if endpoint.body is not None and method not in ("GET", "HEAD"):
        found["requestBody"] = _request_body(endpoint, known)
    return found


def _given(kind: type | None, known: dict[str, Json]) -> Json:
    if kind is None:
        return {"description": "What the service answers"}
    content = {STREAM: {"schema": {"type": "string"}}} if kind is str else {JSON: {"schema": known[repr(Success)]}}
    return {"description": "Done", "content": content}


def _request_body(endpoint: Endpoint, known: dict[str, Json]) -> Json:
    if endpoint.body is Raw:
        return {"content": {"*/*": {"schema": {}}}}
    schema = {"type": "object"} if endpoint.body is Document else known[repr(endpoint.body)]
    return {"content": {JSON: {"schema": schema}}}
