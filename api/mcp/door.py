"""The door: /mcp over HTTP. POST brings one message, GET listens as the revisions with a handshake do."""

from sanic import Request
from sanic.exceptions import SanicException
from sanic.response import HTTPResponse

from api.bodies import read_body
from api.hardening import BODY_LIMIT, AnySanic
from api.mcp.entrance import STREAM, check_accept, check_content, enter
from api.mcp.methods import answer_method, check_method, completed
from api.mcp.revisions import HANDSHAKE, VERSION_HEADER, revision_of
from api.mcp.rpc import INTERNAL_ERROR, Message, ProtocolError, error_body, invalid_params, read_message, result_body
from api.mcp.streams import Listener, awaited, event_of, stream_of
from api.mcp.tools import answered, refused
from api.refusals import Refused, note_crash, status_headers
from api.responses import BodyResponse
from api.serving import Serving
from api.wiring import Application
from catalog.errors import FabricError
from catalog.jsonvalue import Json, compact
from catalog.operations import Operation
from engine.tenancy import Actor, Credential

PATH = "/mcp"


class Visit:
    """One request of a client that has come in."""

    def __init__(
        self, serving: Serving, application: Application, request: Request, actor: Actor, credential: Credential
    ) -> None:
        self._serving = serving
        self._application = application
        self._assistants = application.assistants
        self._request = request
        self._actor = actor
        self._credential = credential

    async def answer(self, message: Message, revision: str) -> HTTPResponse | None:
        """The answer to a request; None where it has been streamed. Raises ProtocolError."""
        check_method(revision, message.method)
        if message.method == "tools/call":
            return await self._call(message, revision)
        if message.method == "subscriptions/listen":
            await self.listen(revision, message)
            return None
        return _answer(message, await answer_method(self._assistants, self._actor, revision, message), revision)

    async def listen(self, revision: str, message: Message | None) -> None:
        """Tell of tools that change. Raises Refused MCP_ACCEPT; TooMany STREAM_LIMIT."""
        check_accept(self._request, STREAM)
        await Listener(self._application, self._serving, self._actor, self._credential).listen(
            self._request, revision, message
        )

    async def _call(self, message: Message, revision: str) -> HTTPResponse | None:
        operation, arguments = self._wanted(message.params)
        work = self._assistants.call(self._actor, self._credential, operation, arguments)
        try:
            came = await self._serving.own(work)
            if isinstance(came, str):
                await self._call_slowly(message, revision, operation, came)
                return None
            result = answered(operation, came)
        except FabricError as error:
            result = refused(error)
        return _answer(message, result, revision)

    async def _call_slowly(self, message: Message, revision: str, operation: Operation, slow: str) -> None:
        async with stream_of(self._serving, self._request) as response:
            try:
                came = await awaited(self._application, self._serving, self._actor, slow, response)
                body = _body(message, answered(operation, came), revision)
            except FabricError as error:
                body = _body(message, refused(error), revision)
            except Exception as bug:  # noqa: BLE001 - the API handler, once its answer has begun
                body = error_body(_crashed(self._request, bug), message)
            await response.send(event_of(body))

    def _wanted(self, params: dict[str, Json]) -> tuple[Operation, dict[str, Json]]:
        name, arguments = params.get("name"), params.get("arguments")
        if not isinstance(name, str) or not isinstance(arguments, dict | None):
            raise invalid_params("MCP_PARAMS", "`name` is no text, or `arguments` no object.")
        operation = self._assistants.tools(self._actor).get(name)
        if operation is None:
            raise invalid_params("MCP_TOOL_UNKNOWN", f"Unknown tool: `{name[:64]}`.", "Ask for `tools/list` again.")
        return operation, arguments or {}


def add_mcp(app: AnySanic, serving: Serving) -> None:
    """Register /mcp."""

    async def post(request: Request) -> HTTPResponse | None:
        message: Message | None = None
        revision: str | None = None
        try:
            application = serving.application()
            actor, credential = await enter(application, request)
            check_content(request)
            message = read_message(await read_body(request, BODY_LIMIT, needed=True))
            revision = revision_of(request.headers, message)
            if message.id is None:
                return HTTPResponse(b"", 202)
            return await Visit(serving, application, request, actor, credential).answer(message, revision)
        except FabricError as error:
            return refusal(error, message, revision)
        except SanicException:
            raise
        except Exception as bug:  # noqa: BLE001 - the API handler: a bug becomes an internal error
            return refusal(_crashed(request, bug), message, None)

    async def listen(request: Request) -> HTTPResponse | None:
        try:
            application = serving.application()
            actor, credential = await enter(application, request)
            revision = str(request.headers.get(VERSION_HEADER, HANDSHAKE[0]))
            if revision not in HANDSHAKE:
                raise Refused(405, "MCP_METHOD", "This revision has no GET.", "Use `subscriptions/listen`.")
            await Visit(serving, application, request, actor, credential).listen(revision, None)
            return None
        except FabricError as error:
            return refusal(error, None, None)

    app.add_route(post, PATH, methods=["POST"], name="mcp_post", stream=True)
    app.add_route(listen, PATH, methods=["GET"], name="mcp_listen")


def refusal(error: FabricError, message: Message | None, revision: str | None) -> BodyResponse:
    """The answer to what is refused.

    Clients of the revisions with a handshake read a JSON-RPC error from a 200 alone, once the message was understood.
    """
    headers, status = status_headers(error), error.status
    if status == 401:
        headers["www-authenticate"] = 'Bearer realm="fabric"'
    if status == 405:
        headers["allow"] = "POST"
    if revision in HANDSHAKE and isinstance(error, ProtocolError):
        status = 200
    return BodyResponse(compact(error_body(error, message)), status, headers)


def _answer(message: Message, result: Json, revision: str) -> BodyResponse:
    return BodyResponse(compact(_body(message, result, revision)), 200, {"cache-control": "no-store"})


def _body(message: Message, result: Json, revision: str) -> Json:
    return result_body(message.id, completed(result, revision))


def _crashed(request: Request, bug: Exception) -> ProtocolError:
    hint = f"Report it with the id {note_crash(request, bug)}."
    return ProtocolError(INTERNAL_ERROR, "INTERNAL_ERROR", "The server fails unexpectedly.", hint=hint)
