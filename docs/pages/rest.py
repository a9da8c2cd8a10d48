"""docs/rest.md."""

from inspect import getdoc

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
        ]
    )


def _purpose(handler: object) -> str:
    return " ".join((getdoc(handler) or "").partition("\n\n")[0].split()).rstrip(".").replace("|", "\\|")
