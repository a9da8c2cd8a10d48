"""Endpoint: one route of the Connections API as data. Access check, decoding, OpenAPI and docs are made from it."""

from collections.abc import Mapping
from functools import cached_property
from typing import Generic, NewType, TypeVar

import msgspec
from sanic import Request

from api.auth.who import Who
from api.route import Answer, Handle, NoQuery, Route
from api.serving import Serving
from api.wiring import Application
from catalog.jsonvalue import Json
from engine.tenancy import Actor, Credential

__all__ = ["SOURCE_LIMIT", "Answer", "Asked", "Endpoint", "Fields", "Handle", "NoQuery", "Raw", "Source"]

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


class Endpoint(Route, frozen=True, kw_only=True, dict=True):
    """A route whose caller is a person or a machine that `who` permits."""

    who: Who

    @cached_property
    def needs_body(self) -> bool:
        """Is a request without a body refused with 411?"""
        return self.body is Source or self.body is Raw

    @cached_property
    def limit(self) -> int:
        """Bytes that the body may have."""
        return SOURCE_LIMIT if self.body is Source else self.most

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
