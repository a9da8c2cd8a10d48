"""Answering: the way of one request through an Endpoint: who, what, handler, answer."""

from collections.abc import Callable, Coroutine

import msgspec
from sanic import Request
from sanic.exceptions import SanicException
from sanic.http import Http
from sanic.response import HTTPResponse

from api.auth.credentials import identify, identify_fresh
from api.bodies import decode_body, decode_query, read_body
from api.endpoints import Answer, Asked, Endpoint
from api.problems import bug_response, problem_response
from api.responses import BodyResponse
from api.serving import Serving
from catalog.errors import FabricError
from catalog.jsonvalue import Json

_encode = msgspec.json.Encoder().encode


def answering(endpoint: Endpoint, serving: Serving) -> Callable[..., Coroutine[None, None, HTTPResponse | None]]:
    """The Sanic handler of an endpoint."""
    check = endpoint.who.check

    async def answer(request: Request, **path: str) -> HTTPResponse | None:
        try:
            application = serving.application()
            actor, credential = identify_fresh(application.credentials, request) or await identify(
                application.credentials, request
            )
            if check is not None:
                check(actor, credential)
            query = decode_query(endpoint, request.query_string)
            body = await read_body(request, endpoint.limit, endpoint.needs_body)
            asked: Asked[Json, Json] = Asked(
                serving=serving,
                application=application,
                actor=actor,
                credential=credential,
                path=path,
                query=query,
                body=decode_body(endpoint, body),
                request=request,
            )
            work = endpoint.handler(asked)
            given = await (serving.own(work) if endpoint.owned else work)
            if serving.stopping.is_set() and isinstance(request.stream, Http):
                request.stream.keep_alive = False
            return _response(given)
        except FabricError as error:
            return problem_response(request, error)
        except SanicException:
            raise
        except Exception as bug:  # noqa: BLE001 - the API handler: a bug becomes a bare 500
            return bug_response(request, bug)

    return answer


def _response(answer: Answer) -> HTTPResponse | None:
    if answer.sent:
        return None
    if answer.body is None:
        return HTTPResponse(b"", answer.status, answer.headers)
    return BodyResponse(_encode(answer.body), answer.status, answer.headers)
