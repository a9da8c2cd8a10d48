"""OpenAPI 3.1, made from the table of routes."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from inspect import getdoc

import msgspec

from api.endpoints import Endpoint, Fields, NoQuery, Raw, Source
from api.fabric.ingest import IngestBody
from api.problems import CONTENT_TYPE, Problem
from api.route import Route
from catalog.jsonvalue import Json
from connections.model import Connection

PATH = "/api/v1/openapi.json"
JSON = "application/json"
STREAM = "text/event-stream"
YAML = "application/yaml"

_PARAMETER = re.compile(r"\{(\w+)\*?\}")
_REVISIONED = frozenset({"get_connection", "update_connection", "get_user", "update_user", "get_controller"}) | {
    "create_connection", "create_user", "create_controller", "update_controller",
}  # fmt: skip


def document(endpoints: Sequence[Endpoint], version: str) -> Json:
    """The whole document."""
    kinds: list[Json] = [Problem, Connection, IngestBody]
    for endpoint in endpoints:
        kinds += [kind for kind in (endpoint.body, *endpoint.gives.values()) if _is_schema(kind)]
    schemas, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    known = dict(zip(map(repr, kinds), schemas, strict=True))
    paths: dict[str, Json] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, known)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Fabric",
            "version": version,
            "description": "Connections, runs and staged changes. Writes only stage until a person applies them.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"key": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "A person's token."},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "A machine's key."},
            },
        },
    }


def _is_schema(kind: Json) -> bool:
    return kind is not None and kind not in (Source, Raw, Fields, str)


def _operation(endpoint: Endpoint, known: dict[str, Json]) -> Json:
    summary, more = purpose(endpoint)
    found: Json = {
        "operationId": endpoint.name,
        "summary": summary,
        "description": f"{more}\n\nFor: {endpoint.who.text}.".strip(),
        "tags": [endpoint.path.split("/")[4]],
        "parameters": [*path_parameters(endpoint), *query_parameters(endpoint), *_header_parameters(endpoint)],
        "responses": _responses(endpoint, known),
    }
    if endpoint.body is not None:
        found["requestBody"] = _request_body(endpoint, known)
    return found


def purpose(endpoint: Route) -> tuple[str, str]:
    """What a route is for, from its handler's docstring: the first sentence, and the rest."""
    title, _, rest = (getdoc(endpoint.handler) or "").partition("\n\n")
    first, dot, more = " ".join(title.split()).partition(". ")
    return (first + dot).strip().rstrip("."), f"{more} {' '.join(rest.split())}"


def path_parameters(endpoint: Route) -> list[Json]:
    """The parameters of a path as OpenAPI has them."""
    schema = {"type": "string", "minLength": 1}
    return [
        {"name": name, "in": "path", "required": True, "schema": schema} for name in _PARAMETER.findall(endpoint.path)
    ]


def query_parameters(endpoint: Route) -> list[Json]:
    """The parameters of a query as OpenAPI has them."""
    kind = endpoint.query
    if kind is NoQuery:
        return []
    described = msgspec.json.schema_components([kind], ref_template="{name}")[1]
    schema = described[kind.__name__]
    found = []
    for name, facts in schema["properties"].items():
        plain = _plain(facts, described)
        text = plain.pop("description", "")
        required = name in schema.get("required", ())
        found.append({"name": name, "in": "query", "required": required, "description": text, "schema": plain})
    return found


def _plain(facts: Json, described: Json) -> Json:
    """A query parameter's schema: left out is how null travels, so null is no value of its own."""
    options = [each for each in facts.get("anyOf", (facts,)) if each != {"type": "null"}]
    chosen = {**options[0], **{key: facts[key] for key in ("description",) if key in facts}}
    reference = chosen.pop("$ref", None)
    if reference is not None:
        chosen = {key: value for key, value in described[reference].items() if key in ("enum", "type", "description")}
    chosen.pop("default", None)
    return {"type": "string", **chosen} if "enum" in chosen else chosen


def _header_parameters(endpoint: Endpoint) -> list[Json]:
    texts = {"type": "string"}
    found: list[Json] = []
    if 412 in endpoint.fails:
        found.append({"name": "If-Match", "in": "header", "schema": {**texts, "pattern": '^("[0-9]{1,18}"|\\*)$'}})
    if endpoint.body is Raw:
        found.append({"name": "Idempotency-Key", "in": "header", "schema": {**texts, "pattern": "^[!-~]{1,255}$"}})
    if str in endpoint.gives.values():
        found.append({"name": "Last-Event-ID", "in": "header", "schema": {**texts, "pattern": "^[0-9]{1,18}$"}})
    return found


def _request_body(endpoint: Endpoint, known: dict[str, Json]) -> Json:
    if endpoint.body is Source:
        schema = known[repr(Connection)] if 422 in endpoint.fails else {}
        return {"required": True, "content": {JSON: {"schema": schema}, YAML: {"schema": schema}}}
    if endpoint.body is Fields:
        return {"required": True, "content": {JSON: {"schema": _changes()}}}
    kind = IngestBody if endpoint.body is Raw else endpoint.body
    needed = bool(getattr(kind, "__struct_fields__", ())) and any(
        field.required for field in msgspec.structs.fields(kind)
    )
    return {"required": needed or endpoint.needs_body, "content": {JSON: {"schema": known[repr(kind)]}}}


def _changes() -> Json:
    """Any of a Connection's fields, or null to remove it."""
    described = msgspec.json.schema_components([Connection], ref_template="#/components/schemas/{name}")[1]
    fields = described["Connection"]["properties"]
    return {
        "type": "object",
        "properties": {name: {"anyOf": [facts, {"type": "null"}]} for name, facts in fields.items()},
        "additionalProperties": False,
    }


def _responses(endpoint: Endpoint, known: dict[str, Json]) -> Json:
    found: Json = {}
    for status, kind in endpoint.gives.items():
        found[str(status)] = {"description": HTTPStatus(status).phrase}
        if kind is str:
            found[str(status)]["content"] = {STREAM: {"schema": {"type": "string"}}}
        elif kind is not None:
            found[str(status)]["content"] = {JSON: {"schema": known[repr(kind)]}}
        headers = _response_headers(endpoint, status)
        if headers:
            found[str(status)]["headers"] = headers
    problem = {"content": {CONTENT_TYPE: {"schema": known[repr(Problem)]}}}
    for status in endpoint.refusals:
        found[str(status)] = {"description": HTTPStatus(status).phrase, **problem}
        if status == 429:
            found["429"]["headers"] = {"Retry-After": {"schema": {"type": "integer", "minimum": 1}}}
    return found


def _response_headers(endpoint: Endpoint, status: int) -> Json:
    headers: Json = {}
    text = {"schema": {"type": "string"}}
    if status in (201, 202) and endpoint.owned:
        headers["Location"] = text
    if endpoint.name in _REVISIONED:
        headers["ETag"] = text
    return headers
