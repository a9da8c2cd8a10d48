"""Routes outside the API: is the process there, is it ready, what is it, and what does it count."""

import structlog
from sanic import Request
from sanic.response import HTTPResponse

from api.hardening import AnySanic
from api.problems import problem_response
from api.serving import Serving
from catalog.errors import FabricError, Unavailable

_log = structlog.get_logger()

PLAIN = "text/plain; charset=utf-8"
PAGE = b"""Fabric: a workflow engine centred on Connections, whose writes only stage until a person applies them.

/api/v1/openapi.json   the API, described
/api/v1/fabric/...     the API (Authorization: Bearer ... for people, X-API-Key: ... for machines)
/healthz  /readyz      is it there, is it ready
/metrics               for Prometheus
/mcp                   tools for assistants, over the Model Context Protocol
"""


def add_health(app: AnySanic, serving: Serving) -> None:
    """Register `/`, `/healthz`, `/readyz` and `/metrics`."""

    async def root(_request: Request) -> HTTPResponse:
        return HTTPResponse(PAGE, content_type=PLAIN)

    async def healthz(_request: Request) -> HTTPResponse:
        return HTTPResponse(b"ok\n", content_type=PLAIN)

    async def readyz(request: Request) -> HTTPResponse:
        if serving.ready:
            return HTTPResponse(b"ready\n", content_type=PLAIN)
        word = "stopping" if serving.stopping.is_set() else "starting"
        return problem_response(request, Unavailable("NOT_READY", f"The server is {word}."))

    async def metrics(request: Request) -> HTTPResponse:
        from api.metrics import CONTENT_TYPE, exposition  # noqa: PLC0415 - prometheus_client is slow to import

        try:
            return HTTPResponse(await exposition(serving.application()), content_type=CONTENT_TYPE)
        except FabricError as error:
            return problem_response(request, error)

    for path, handler in (("/", root), ("/healthz", healthz), ("/readyz", readyz), ("/metrics", metrics)):
        app.add_route(handler, path, methods=["GET", "HEAD"], name=handler.__name__)
