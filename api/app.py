"""The Sanic application: made from the table of routes, hardened, and answering every failure in one shape."""

import re
import secrets
from collections.abc import Callable
from functools import cache
from importlib.metadata import version

import msgspec
from sanic import Request, Sanic
from sanic.response import HTTPResponse

from api.answering import answering
from api.fabric.routes import ENDPOINTS
from api.hardening import AnySanic, check_config, hard_config, harden
from api.health import add_health
from api.mcp.door import add_mcp
from api.openapi import PATH, document
from api.problems import ProblemHandler
from api.responses import BodyResponse
from api.serving import Serving

FLOOR_PATH = "/bench/floor"
"""What the benchmarks measure against: the same server, protocol class and signals, and a 204."""


def make_app(serving: Serving, *, floor: bool = False) -> AnySanic:
    """The application for one server; `floor` adds the benchmarks' route."""
    app = Sanic(
        f"fabric-{secrets.token_hex(4)}",
        config=hard_config(serving.limits),
        error_handler=ProblemHandler(),
        configure_logging=False,
    )
    harden(app, serving.limits)
    for endpoint in ENDPOINTS:
        path = re.sub(r"\{(\w+)\}", r"<\1:str>", endpoint.path)
        handler = answering(endpoint, serving)
        app.add_route(handler, path, methods=[endpoint.method], name=endpoint.name, stream=True, unquote=True)
    add_health(app, serving)
    add_mcp(app, serving)
    app.add_route(_openapi, PATH, methods=["GET"], name="openapi")
    if floor:
        app.add_route(_nothing, FLOOR_PATH, methods=["GET"], name="floor")
    app.ctx.allowed = allowed_methods(app)
    check_config(app)
    return app


def allowed_methods(app: AnySanic) -> Callable[[str], str]:
    """What a path takes, as `Allow` says it: Sanic's router knows that a method is wrong, and not which are right."""
    known = [(re.compile(_pattern(route.uri) + "/?"), sorted(route.methods or ())) for route in app._future_routes]

    def allowed(path: str) -> str:
        plain = [methods for pattern, methods in known if pattern.pattern == path + "/?"]
        found = plain or [methods for pattern, methods in known if pattern.fullmatch(path)]
        return ", ".join(sorted({method for methods in found for method in methods}))

    return allowed


def _pattern(uri: str) -> str:
    return re.sub(r"<\w+:path>", ".+", re.sub(r"<\w+:str>", "[^/]+", uri))


@cache
def openapi_body() -> bytes:
    """The OpenAPI document as it is served."""
    return msgspec.json.encode(document(ENDPOINTS, version("fabricksd")))


async def _openapi(_request: Request) -> BodyResponse:
    return BodyResponse(openapi_body(), 200)


async def _nothing(_request: Request) -> HTTPResponse:
    return HTTPResponse(status=204)
