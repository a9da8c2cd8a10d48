"""The metrics' own port: one page, and nothing else answers there."""

import secrets

from sanic import Request, Sanic
from sanic.response import HTTPResponse

from api.app import allowed_methods
from api.daemon.door import Door
from api.hardening import AnySanic, Limits, check_config, hard_config, harden
from api.problems import ProblemHandler


def make_metrics_app(door: Door) -> AnySanic:
    """The application that answers GET /metrics. Numbers and the names of services only: it asks for no key."""
    limits = Limits()
    app = Sanic(
        f"metrics-{secrets.token_hex(4)}",
        config=hard_config(limits),
        error_handler=ProblemHandler(),
        configure_logging=False,
    )
    harden(app, limits)

    async def metrics(_request: Request) -> HTTPResponse:
        from api.daemon.metrics import CONTENT_TYPE, exposition  # noqa: PLC0415 - prometheus_client is slow to import

        return HTTPResponse(await exposition(door), content_type=CONTENT_TYPE)

    app.add_route(metrics, "/metrics", methods=["GET", "HEAD"], name="metrics")
    app.ctx.allowed = allowed_methods(app)
    check_config(app)
    return app
