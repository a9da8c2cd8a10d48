"""Endpoint: one route of the services API as data, and what its handler is given."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Generic, NewType, TypeVar

import msgspec
from sanic import Request

from api.hardening import let_last
from api.route import Answer, NoQuery, Route
from catalog.jsonvalue import Json

if TYPE_CHECKING:
    from api.daemon.door import Door
    from runtime.daemon.daemon import Daemon

__all__ = ["Answer", "AnyQuery", "Asked", "Document", "Endpoint", "NoQuery", "Raw", "Upload"]

B = TypeVar("B")
Q = TypeVar("Q")

Document = NewType("Document", dict[str, Json])
"""A body that is a JSON object which the handler reads itself, such as a service or a merge patch."""

Raw = NewType("Raw", bytes)
"""A body that is only handed on."""

Upload = NewType("Upload", bytes)
"""A body too large for memory: its handler reads it with `uploads.pieces`; `asked.body` is None."""


class AnyQuery(msgspec.Struct, frozen=True):
    """A query that nobody looks at here."""


class Asked(msgspec.Struct, Generic[B, Q], frozen=True, kw_only=True):
    """A request that may be answered: its sender is let in, its query and body are decoded."""

    door: "Door"
    path: Mapping[str, str]
    query: Q
    body: B
    request: Request

    @property
    def daemon(self) -> "Daemon":
        """What is asked."""
        return self.door.daemon

    def header(self, name: str) -> str | None:
        """The first header of that name."""
        value = self.request.headers.get(name)
        return None if value is None else str(value)

    def allow(self, seconds: float) -> None:
        """Let this request last so long beyond the request timeout: what it waits for has a limit of its own."""
        let_last(self.request, self.door.limits.request_seconds + seconds)


class Endpoint(Route, frozen=True, kw_only=True, dict=True):
    """A route under /v1. `method` may be several, `{rest*}` in a path takes all that is left of it.

    `gives` has one status: the one that its handler's Answer carries. The handler answers `Answer(data, status)`; the
    envelope is put round it. Query and body types name their fields
    with defaults, in plain msgspec Structs; a query field of type `tuple[str, ...]` may be repeated. Unknown fields
    and parameters are refused whether or not the Struct says so. Everything a handler raises as FabricError is
    answered in the error envelope.
    """

    most: int = 0
    """Bytes that the body may have; 0: the daemon's `max_body_size`."""
