"""Private paths: what the platform itself asks guests for lies under `/.fabric/`, and nobody outside gets there."""

from urllib.parse import unquote_to_bytes

from catalog.errors import NotFound

_WORD = b".fabric"


def is_private(target: bytes) -> bool:
    """Does a segment of the path (a target as it was sent, perhaps with a query) say `.fabric`, however it is written?

    A guest may decode the path, or take dots and doubled slashes out of it: so it is no matter where that segment is.
    """
    path = target.partition(b"?")[0]
    if b"%" in path:
        path = unquote_to_bytes(path)
    return _WORD in path and _WORD in path.replace(b"\\", b"/").split(b"/")


def not_found() -> NotFound:
    """What whoever asks for one is told."""
    return NotFound("NOT_FOUND", "There is nothing at this path.", hint="`/.fabric/` is the platform's own.")
