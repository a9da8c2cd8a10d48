"""Endpoint: one route as data. Registration, access check, decoding, OpenAPI and docs are all made from it."""

from collections.abc import Callable, Coroutine, Mapping
from functools import cached_property
from typing import Generic, NewType, TypeVar, get_args, get_type_hints

import msgspec
from sanic import Request

from api.auth.who import Who
from api.hardening import BODY_LIMIT
from api.serving import Serving
from api.wiring import Application
from catalog.jsonvalue import Json
from engine.tenancy import Actor, Credential

B = TypeVar("B")
Q = TypeVar("Q")

Source = NewType("Source", bytes)
"""A body that is a Connection's text: YAML or JSON, read by the compiler alone."""

Fields = NewType("Fields", dict[str, Json])
"""A body that names the fields of a Connection that change; null removes one."""

Raw = NewType("Raw", bytes)
"""A body that the handler reads itself, because it looks at its bytes before it trusts them."""

SOURCE_LIMIT = 257 * 1024
"""A little over what the compiler takes, so that it is the compiler who says that a file is too large."""


class NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A route without query parameters."""


class Asked(msgspec.Struct, Generic[B, Q], frozen=True, kw_only=True):
    """A request whose sender is known and whose parts are decoded."""

    serving: Serving
    application: Application
    actor: Actor
    credential: Credential
    path: Mapping[str, str]
    query: Q
    body: B
    request: Request

    def header(self, name: str) -> str | None:
        """The first header of that name."""
        value = self.request.headers.get(name)
        return None if value is None else str(value)


class Answer(msgspec.Struct, frozen=True):
    """What a handler answers: a body that msgspec encodes (None: no body), its status, headers besides.

    `sent` says that the handler has streamed its answer itself.
    """

    body: object = None
    status: int = 200
    headers: dict[str, str] | None = None
    sent: bool = False


Handle = Callable[..., Coroutine[None, None, Answer]]


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A route. `gives` maps each success status to its body's type; `fails` are refusals beyond the implied ones.

    What its body and query are is read from the handler's own annotation, `asked: Asked[Body, Query]`. With `owned` the
    work goes on when the caller goes away: whatever changes something is owned. `most` bounds the body in bytes.
    """

    method: str
    path: str
    handler: Handle
    who: Who
    gives: Mapping[int, type | None]
    fails: tuple[int, ...] = ()
    owned: bool = False
    most: int = BODY_LIMIT

    @cached_property
    def _kinds(self) -> tuple[Json, type]:
        body, query = get_args(get_type_hints(self.handler)["asked"])
        return (None if body is type(None) else body), query

    @cached_property
    def body(self) -> Json:
        """The body's type, None, `Source` or `Raw`."""
        return self._kinds[0]

    @cached_property
    def query(self) -> type:
        """The query's type."""
        return self._kinds[1]

    @cached_property
    def needs_body(self) -> bool:
        """Is a request without a body refused with 411?"""
        return self.body is Source or self.body is Raw

    @cached_property
    def limit(self) -> int:
        """Bytes that the body may have."""
        return SOURCE_LIMIT if self.body is Source else self.most

    @property
    def name(self) -> str:
        """Unique: the operationId of OpenAPI."""
        return self.handler.__name__

    @property
    def refusals(self) -> tuple[int, ...]:
        """Every status of 400 and above that it can answer with."""
        implied = {400, 401, 408, 503}
        if self.body is not None:
            implied |= {411, 413}
        if "{" in self.path:
            implied.add(404)
        if self.who.can_refuse:
            implied.add(403)
        return tuple(sorted(implied | set(self.fails)))
