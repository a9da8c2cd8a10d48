"""Route: one way in, as data. Both doors make their endpoints from it: the Connections API and the services API."""

from collections.abc import Callable, Coroutine, Mapping
from functools import cached_property
from typing import get_args, get_type_hints

import msgspec

from api.hardening import BODY_LIMIT
from catalog.jsonvalue import Json


class NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A route without query parameters."""


class Answer(msgspec.Struct, frozen=True):
    """What a handler answers: a body that msgspec encodes (None: no body), its status, headers besides.

    `sent` says that the handler has streamed its answer itself.
    """

    body: object = None
    status: int = 200
    headers: dict[str, str] | None = None
    sent: bool = False


Handle = Callable[..., Coroutine[None, None, Answer]]


class Route(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A route. `gives` maps each success status to its body's type; `fails` are refusals beyond the implied ones.

    What its body and query are is read from the handler's own annotation, `asked: Asked[Body, Query]`. With `owned` the
    work goes on when the caller goes away: whatever changes something is owned. `most` bounds the body in bytes.
    """

    method: str
    path: str
    handler: Handle
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
        """The body's type, None, or a marker that says who reads it."""
        return self._kinds[0]

    @cached_property
    def query(self) -> type:
        """The query's type."""
        return self._kinds[1]

    @property
    def name(self) -> str:
        """Unique: the operationId of OpenAPI."""
        return self.handler.__name__
