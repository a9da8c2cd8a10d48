"""Cursors and pages."""

import base64
import binascii
from collections.abc import Callable
from typing import TypeVar

from catalog.errors import Invalid
from engine.records import Page
from engine.stores.sqlite.readers import Rows

T = TypeVar("T")

FIRST = 2**63 - 1
"""Greater than every seq: where a list that runs newest first begins."""


def after_seq(cursor: str | None) -> int:
    """The seq that a cursor of a list by time names. Raises Invalid CURSOR_INVALID."""
    if cursor is None:
        return FIRST
    text = _decoded(cursor, "s")
    if not text.isdecimal() or len(text) > 18:
        raise _invalid()
    return int(text)


def after_name(cursor: str | None) -> str:
    """The name that a cursor of a list by name names. Raises Invalid CURSOR_INVALID."""
    return "" if cursor is None else _decoded(cursor, "n")


def page_by_seq(rows: Rows, limit: int, make: Callable[..., T]) -> Page[T]:
    """A page of rows (seq, …) of which one more than `limit` was asked for; `make` takes what follows the seq."""
    return Page(
        [make(*row[1:]) for row in rows[:limit]], _cursor("s", rows[limit - 1][0]) if _more(rows, limit) else None
    )


def page_by_name(rows: Rows, limit: int, make: Callable[..., T]) -> Page[T]:
    """As `page_by_seq`, of rows (name, …)."""
    return Page(
        [make(*row[1:]) for row in rows[:limit]], _cursor("n", rows[limit - 1][0]) if _more(rows, limit) else None
    )


def _more(rows: Rows, limit: int) -> bool:
    return len(rows) > limit > 0


def _cursor(kind: str, value: object) -> str:
    return base64.urlsafe_b64encode(f"{kind}{value}".encode()).decode().rstrip("=")


def _decoded(cursor: str, kind: str) -> str:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise _invalid() from None
    if not text.startswith(kind):
        raise _invalid()
    return text[1:]


def _invalid() -> Invalid:
    return Invalid("CURSOR_INVALID", "The cursor is not one of this list's.", hint="Send `next` of the page before.")
