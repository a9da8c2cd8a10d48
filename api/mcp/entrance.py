"""Entrance: who may come in at /mcp, and with what headers, before a byte of the body is read."""

from collections.abc import Collection

from sanic import Request

from api.auth.credentials import identify_assistant
from api.refusals import Refused
from api.wiring import Application
from catalog.errors import Forbidden
from engine.tenancy import Actor, Credential

JSON = "application/json"
STREAM = "text/event-stream"


async def enter(application: Application, request: Request) -> tuple[Actor, Credential]:
    """Who asks. Raises Forbidden MCP_ORIGIN; Unauthenticated CREDENTIAL_*; TooMany MCP_RATE."""
    check_origin(request, application.settings.mcp_origins)
    actor, credential = await identify_assistant(application.credentials, request)
    application.assistants.admit(credential)
    return actor, credential


def check_origin(request: Request, allowed: Collection[str]) -> None:
    """Refuse a web page that was not named, so that no name that is bound anew leads a browser here."""
    for origin in request.headers.getall("origin", ()):
        if origin not in allowed:
            raise Forbidden(
                "MCP_ORIGIN", "This web origin may not speak to the server.", hint="Name it in FABRIC_MCP_ORIGINS."
            )


def check_content(request: Request) -> None:
    """Refuse a body that does not say that it is JSON, and a client that does not take JSON. Raises Refused."""
    kind = str(request.headers.get("content-type", "")).partition(";")[0].strip().lower()
    if kind != JSON:
        raise Refused(415, "MCP_CONTENT_TYPE", f"The body is not `{JSON}`.", f"Send `Content-Type: {JSON}`.")
    check_accept(request, JSON)


def check_accept(request: Request, kind: str) -> None:
    """Refuse a client that says what it takes, and not this. Raises Refused MCP_ACCEPT."""
    named = ",".join(request.headers.getall("accept", ())) or "*/*"
    taken = {each.partition(";")[0].strip().lower() for each in named.split(",")}
    if not taken & {kind, f"{kind.partition('/')[0]}/*", "*/*"}:
        raise Refused(406, "MCP_ACCEPT", f"The answer is `{kind}`, which `Accept` leaves out.", f"Accept `{kind}`.")
