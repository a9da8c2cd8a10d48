"""Paths of blobs: plain, relative, the same for every storage."""

from catalog.errors import Invalid


def check_path(path: str) -> tuple[str, ...]:
    """The segments of a relative path. Raises Invalid PATH_INVALID."""
    segments = tuple(path.split("/"))
    bad = any(each in ("", ".", "..") or len(each.encode("utf-8", "replace")) > 255 for each in segments)
    if bad or not path.isprintable() or "\\" in path:
        raise Invalid(
            "PATH_INVALID",
            "`path` is not a plain relative path.",
            hint="Write `folder/name.ext`: no leading `/`, no `..`, no control characters.",
        )
    return segments
