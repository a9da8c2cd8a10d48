"""The description of the services API, and that every route it names answers mistakes in the one error shape."""

import json
import re
from collections.abc import Iterator

import pytest

from api.daemon.endpoint import AnyQuery, Document, Endpoint, Raw
from api.daemon.routes import ENDPOINTS
from catalog.jsonvalue import Json
from tests.api.daemon.hosted import Hosted

STREAMED = ("/v1/modules",)
"""Routes whose body is no JSON."""


@pytest.fixture(scope="module")
def described(daemon: Hosted) -> Json:
    """The document as it is served."""
    reply = daemon.call("GET", "/openapi.json")
    assert reply.status == 200
    return reply.body


def references(value: Json) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_every_route_is_described_once(described: Json) -> None:
    told = {(method, path) for path, operations in described["paths"].items() for method in operations}
    routes = {(method.lower(), each.path.replace("*}", "}")) for each in ENDPOINTS for method in each.method.split()}
    assert told == routes
    ids = [each["operationId"] for operations in described["paths"].values() for each in operations.values()]
    assert len(set(ids)) == len(ids)
    assert all(each["summary"] for operations in described["paths"].values() for each in operations.values())


def test_every_reference_leads_somewhere(described: Json) -> None:
    for each in set(references(described)):
        found = described
        for part in each.removeprefix("#/").split("/"):
            found = found[part]
        assert found


def test_every_parameter_of_a_path_is_described(described: Json) -> None:
    for path, operations in described["paths"].items():
        wanted = set(re.findall(r"\{(\w+)\}", path))
        for each in operations.values():
            assert {part["name"] for part in each["parameters"] if part["in"] == "path"} == wanted, path


def asked_path(endpoint: Endpoint) -> str:
    return re.sub(r"\{\w+\*?\}", "nothing", endpoint.path)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: f"{each.method} {each.path}")
def test_a_mistake_is_answered_in_the_envelope_and_never_by_a_bug(daemon: Hosted, endpoint: Endpoint) -> None:
    for method in endpoint.method.split():
        replies = []
        if endpoint.query is not AnyQuery:
            replies.append(daemon.ask(method, f"{asked_path(endpoint)}?nonsense=1"))
            assert replies[-1].status == 400
            assert replies[-1].body["error"]["details"]["field"] == "nonsense"
        if endpoint.body is not None and endpoint.body is not Raw and endpoint.path not in STREAMED:
            for body in (b"{", b"[]", b'{"nonsense": {}}', b'{"name": 1, "name": 2}'):
                replies.append(daemon.ask(method, asked_path(endpoint), body=body))
                # A merge patch and what reads no field of it ask first whether there is such a thing.
                wanted = (400, 404, 409) if endpoint.body is Document else (400,)
                assert replies[-1].status in wanted, (body, replies[-1].content)
        for reply in replies:
            assert reply.headers["content-type"] == "application/json"
            error = json.loads(reply.content)["error"]
            assert error.keys() == {"code", "message", "details"}
            assert error["message"].endswith(".")
