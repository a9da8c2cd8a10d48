"""Bodies and queries: read whole, within a count of our own, and turned into what the handler asked for."""

from typing import TypeVar
from urllib.parse import parse_qsl

import msgspec
from sanic import Request
from sanic.http import Http

from api.endpoints import Endpoint, Fields, NoQuery, Raw, Source
from api.refusals import LengthRequired
from catalog.errors import Invalid, TooLarge
from catalog.jsonvalue import Json, parse_strict

T = TypeVar("T")

_NO_QUERY = NoQuery()


async def read_body(request: Request, limit: int, needed: bool) -> bytes:
    """The whole body. Raises TooLarge BODY_TOO_LARGE before a byte of it is read; LengthRequired LENGTH_REQUIRED."""
    stream = request.stream
    if not isinstance(stream, Http) or not stream.request_body:
        if needed and "content-length" not in request.headers:
            raise LengthRequired("LENGTH_REQUIRED", "The request has no body.", hint="Send one, with Content-Length.")
        return b""
    if (stream.request_bytes_left or 0) > limit:
        raise TooLarge("BODY_TOO_LARGE", f"The body is over {limit} bytes.", hint="Send less.")
    body = await stream.read() or b""
    if stream.request_bytes_left:
        return body + b"".join([part async for part in stream])
    stream.request_body = None  # as Sanic's reader would find by asking once more
    return body


def decode_body(endpoint: Endpoint, body: bytes) -> Json:
    """The body as the handler wants it. Raises Invalid JSON_*, BODY_INVALID."""
    kind = endpoint.body
    if kind is Source or kind is Raw:
        return body
    if kind is None:
        return None
    value = parse_strict(body) if body else {}
    return _converted(value, dict if kind is Fields else kind, "BODY_INVALID", "The body does not fit", strict=True)


def decode_query(endpoint: Endpoint, text: str) -> Json:
    """The query as the handler wants it. Raises Invalid QUERY_INVALID."""
    kind = endpoint.query
    if kind is NoQuery and not text:
        return _NO_QUERY
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=16, errors="strict")
    except ValueError:
        raise Invalid("QUERY_INVALID", "The query is malformed.", hint="Send name=value pairs in UTF-8.") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Invalid("QUERY_INVALID", "The query names a parameter twice.", hint="Send each once.")
    return _converted(found, kind, "QUERY_INVALID", "The query does not fit", strict=False)


def _converted(value: Json, kind: type[T], code: str, text: str, *, strict: bool) -> T:
    try:
        return msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError as error:
        raise Invalid(code, f"{text}: {error}.", hint="Compare with `/api/v1/openapi.json`.") from None
