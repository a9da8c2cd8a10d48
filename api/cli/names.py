"""Names and ids that a person types: found as they stand, by a unique beginning, or answered with what was meant."""

from collections.abc import Callable, Iterable

from api.cli.server import Server, segment
from catalog.catalog import nearest
from catalog.errors import NotFound
from catalog.jsonvalue import Json

MANY = 1000
LEAST = 6
"""Characters of an id that suffice, if only one begins so."""


def fetch(server: Server, collection: str, name: str) -> Json:
    """One resource by id (or name where REST takes names), else by the unique beginning of its id.

    Raises NotFound with "did you mean"; other FabricErrors as the server means them.
    """
    try:
        return server.get(f"{collection}/{segment(name)}")
    except NotFound as error:
        rows = list(server.pages(collection, MANY))
        begun = [each for each in rows if len(name) >= LEAST and str(each["id"]).startswith(name)]
        if len(begun) == 1:
            return server.get(f"{collection}/{segment(begun[0]['id'])}")
        raise suggesting(error, name, rows) from None


def by_name(rows: Iterable[Json], name: str, missing: Callable[[], NotFound]) -> Json:
    """The row whose name or id it is, or whose id begins so. Raises what `missing` makes, with "did you mean"."""
    found = list(rows)
    for row in found:
        if name in (row.get("id"), row.get("name")):
            return row
    begun = [row for row in found if len(name) >= LEAST and str(row.get("id", "")).startswith(name)]
    if len(begun) == 1:
        return begun[0]
    raise suggesting(missing(), name, found)


def suggesting(error: NotFound, name: str, rows: Iterable[Json]) -> NotFound:
    """The error with the nearest known name or id as its hint."""
    known = [str(row[key]) for row in rows for key in ("name", "id") if row.get(key)]
    near = nearest(name, known)
    if near is not None:
        error.hint = f"Did you mean `{near}`?"
    return error
