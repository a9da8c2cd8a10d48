"""Pages: how every list is asked for and answered, and how a revision travels as an ETag."""

from collections.abc import Callable
from typing import Annotated, Generic, TypeVar

import msgspec
from msgspec import Meta

from api.endpoints import Asked
from catalog.errors import Invalid
from catalog.jsonvalue import Json
from engine.records import Page

S = TypeVar("S")
T = TypeVar("T")

DEFAULT = 50
MOST = 200

Limit = Annotated[int, Meta(ge=1, le=MOST, description=f"How many rows at most; {DEFAULT} by default.")]
Cursor = Annotated[str, Meta(min_length=1, max_length=512, description="`next` of the page before.")]


class PageQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which slice of a list."""

    limit: Limit = DEFAULT
    cursor: Cursor | None = None


class Listing(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A slice of a list; `next` is the cursor of the following slice, null at the end."""

    items: list[T]
    next: str | None = None


def listing(page: Page[S], show: Callable[[S], T]) -> Listing[T]:
    """A page of records as they are shown."""
    return Listing(items=[show(each) for each in page.items], next=page.next)


def etag(revision: int) -> dict[str, str]:
    """The header that names a revision."""
    return {"etag": f'"{revision}"'}


def expected_revision(asked: Asked[Json, Json]) -> int | None:
    """The revision that If-Match names; None where the caller does not mind. Raises Invalid IF_MATCH."""
    text = asked.header("if-match")
    if text is None or text.strip() == "*":
        return None
    bare = text.strip().removeprefix("W/").strip('"')
    if not (bare.isascii() and bare.isdecimal() and len(bare) <= 18):
        raise Invalid("IF_MATCH", "If-Match does not hold one of our ETags.", hint='Send it as it came, like `"3"`.')
    return int(bare)
