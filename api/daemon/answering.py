"""Answering: the way of one request through an Endpoint of the services API: who, what, handler, envelope."""

from collections.abc import Callable, Coroutine
from time import perf_counter

from sanic import Request
from sanic.exceptions import SanicException
from sanic.http import Http
from sanic.response import HTTPResponse

from api.bodies import read_body
from api.daemon.decoding import decode_body, decode_query
from api.daemon.door import Door
from api.daemon.endpoint import Asked, Endpoint, Upload
from api.daemon.envelope import crash, failure, success
from api.hardening import let_last
from api.route import Answer
from catalog.errors import FabricError
from catalog.jsonvalue import Json

_PREFIX = "/v1"


def answering(endpoint: Endpoint, door: Door) -> Callable[..., Coroutine[None, None, HTTPResponse | None]]:
    """The Sanic handler of an endpoint."""
    label = endpoint.path.removeprefix(_PREFIX)
    limit = endpoint.most or door.limits.body_bytes

    async def answer(request: Request, **path: str) -> HTTPResponse | None:
        began = perf_counter()
        status = 500
        try:
            response = await _answered(endpoint, door, request, path, limit)
            status = response.status if response is not None else 200
            return response
        except FabricError as error:
            status = error.status
            return failure(error)
        except SanicException as error:
            status = error.status_code or 500
            raise
        except Exception as bug:  # noqa: BLE001 - the API handler: a bug becomes a bare 500
            return crash(request, bug)
        finally:
            door.requests.note(request.method, label, perf_counter() - began, status)

    return answer


async def _answered(
    endpoint: Endpoint, door: Door, request: Request, path: dict[str, str], limit: int
) -> HTTPResponse | None:
    let_last(request, door.limits.request_seconds)
    door.admit(request)
    query = decode_query(endpoint, request.query_string)
    # An upload is read by its handler, piece by piece.
    body = None if endpoint.body is Upload else decode_body(endpoint, await read_body(request, limit, False))
    asked: Asked[Json, Json] = Asked(door=door, path=path, query=query, body=body, request=request)
    work = endpoint.handler(asked)
    given = await (door.own(work) if endpoint.owned else work)
    if door.stopping.is_set() and isinstance(request.stream, Http):
        request.stream.keep_alive = False
    return _response(given)


def _response(given: Answer) -> HTTPResponse | None:
    if given.sent:
        return None
    if isinstance(given.body, HTTPResponse):
        return given.body
    return success(given.body, given.status, given.headers)
