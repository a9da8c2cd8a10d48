"""docs/rest.md."""

from inspect import getdoc

from api.daemon.endpoint import Endpoint
from api.daemon.routes import ENDPOINTS as SERVICES
from api.fabric.routes import ENDPOINTS


def page() -> str:
    """Every route with its permission and statuses."""
    rows = [
        f"| {each.method} | `{each.path}` | {_purpose(each.handler)} | {each.who.text} |"
        f" {', '.join(map(str, each.gives))} | {', '.join(map(str, each.refusals))} |"
        for each in ENDPOINTS
    ]
    return "\n".join(
        [
            "# REST",
            "",
            "People send `Authorization: Bearer …`, machines `X-API-Key: …`. Errors are `application/problem+json`",
            "with `code` and `hint` ([errors](errors.md)). Lists answer `{items, next}`; send `next` as `cursor`.",
            "The whole contract is served at `/api/v1/openapi.json`. Besides: `/healthz`, `/readyz`, `/metrics`,",
            "and `/mcp` for assistants ([why so](decisions/0006-mcp.md)).",
            "",
            "| method | path | purpose | permission | answers | refuses with |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            "## Services",
            "",
            "On the daemon's Unix socket and, if `listen` of `[api]` says so, over TCP. With `auth_enabled` every",
            'request needs `X-Fabricks-API-Key`. Answers are `{status: "success", data}` or `{status: "error", error:',
            "{code, message, details}}`; `details.hint` says what to do. The whole contract is served at",
            "`/v1/openapi.json`; what of it the reference prints is in [daemon.md](daemon.md).",
            "",
            "| method | path | purpose | answers |",
            "|---|---|---|---|",
            *(_service_row(each) for each in SERVICES),
        ]
    )


def _service_row(endpoint: Endpoint) -> str:
    methods = ", ".join(endpoint.method.split())
    return f"| {methods} | `{endpoint.path}` | {_purpose(endpoint.handler)} | {', '.join(map(str, endpoint.gives))} |"


def _purpose(handler: object) -> str:
    return " ".join((getdoc(handler) or "").partition("\n\n")[0].split()).rstrip(".").replace("|", "\\|")
