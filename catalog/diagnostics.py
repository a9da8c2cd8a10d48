"""Diagnostic: one thing an author should fix. Values that are collected, never raised one by one."""

from enum import StrEnum

import msgspec


class Severity(StrEnum):
    """An error keeps the Connection from being stored; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


class Span(msgspec.Struct, frozen=True):
    """A place in a text: 1-based line and column, and how many columns the word is wide."""

    line: int
    column: int
    width: int = 1


class Diagnostic(msgspec.Struct, frozen=True, kw_only=True):
    """A problem with its stable code, JSON pointer, place (None where there is no text) and remedy."""

    code: str
    message: str
    pointer: str = ""
    severity: Severity = Severity.ERROR
    hint: str | None = None
    span: Span | None = None


def pointer(*segments: str | int) -> str:
    """The JSON pointer (RFC 6901) of `segments`."""
    return "".join("/" + str(segment).replace("~", "~0").replace("/", "~1") for segment in segments)
