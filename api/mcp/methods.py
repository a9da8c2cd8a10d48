"""Methods: what an assistant may ask, apart from calling a tool and listening."""

from importlib.metadata import version

from api.mcp.revisions import CURRENT, SUPPORTED, negotiated
from api.mcp.rpc import METHOD_NOT_FOUND, Message, ProtocolError
from api.mcp.tools import page_of
from catalog.jsonvalue import Json
from engine.assistants import Assistants
from engine.tenancy import Actor, Controller

CAPABILITIES: Json = {"tools": {"listChanged": True}}
SERVER_KEY = "io.modelcontextprotocol/serverInfo"

ONLY_CURRENT = frozenset({"server/discover", "subscriptions/listen"})
ONLY_HANDSHAKE = frozenset({"initialize", "ping"})

_INSTRUCTIONS = (
    "Tools that read answer at once. Tools that change something only stage the change and answer `staged` with its id:"
    " a person looks at it and applies or rejects it, and nothing that is sent here does. Do not ask twice for the same"
    " change."
)


async def answer_method(assistants: Assistants, actor: Actor, revision: str, message: Message) -> Json:
    """The result of a method that this revision has. Raises ProtocolError METHOD_NOT_FOUND, INVALID_PARAMS."""
    match message.method:
        case "tools/list":
            return _fresh(page_of(assistants.tools(actor), message.params.get("cursor")), revision)
        case "server/discover":
            return _fresh({"supportedVersions": list(SUPPORTED), **await _introduced(assistants, actor)}, revision)
        case "initialize":
            agreed = negotiated(message.params)
            return {"protocolVersion": agreed, "serverInfo": _server(), **await _introduced(assistants, actor)}
        case "ping":
            return {}
        case _:
            raise unknown_method(message.method)


def check_method(revision: str, method: str) -> None:
    """Refuse what this revision does not have. Raises ProtocolError METHOD_NOT_FOUND."""
    if method in (ONLY_HANDSHAKE if revision == CURRENT else ONLY_CURRENT):
        raise unknown_method(method)


def unknown_method(method: str) -> ProtocolError:
    """The error for a method that is not served."""
    return ProtocolError(
        METHOD_NOT_FOUND, "MCP_METHOD", f"Method `{method[:64]}` is not served.", hint="This server offers tools alone."
    )


def completed(result: Json, revision: str) -> Json:
    """A result as its revision wants it: the current one says that it is complete, and whose it is."""
    if revision != CURRENT:
        return result
    return {**result, "resultType": "complete", "_meta": {**result.get("_meta", {}), SERVER_KEY: _server()}}


def _fresh(result: Json, revision: str) -> Json:
    """A list is this token's alone, and may be another at the next request."""
    return {**result, "ttlMs": 0, "cacheScope": "private"} if revision == CURRENT else result


def _server() -> Json:
    return {"name": "fabric", "title": "Fabric", "version": version("fabricksd")}


async def _introduced(assistants: Assistants, actor: Actor) -> Json:
    targets = await assistants.targets(actor)
    return {"capabilities": CAPABILITIES, "instructions": "\n".join([_INSTRUCTIONS, *_listed(targets)])}


def _listed(targets: list[Controller]) -> list[str]:
    if not targets:
        return []
    rows = [f"- {each.id}: {each.name} ({each.driver})" for each in targets]
    return ["A `controller_id` is one of:", *rows]
