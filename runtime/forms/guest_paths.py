"""Paths as a guest sees them."""

PATH_MOST = 1024


def good_guest_path(path: str) -> bool:
    """Is it absolute and plain: no `.`, `..` or empty part, nothing unprintable, and not the root itself?"""
    if not path.startswith("/") or len(path) > PATH_MOST or not path.isprintable():
        return False
    parts = path[1:].removesuffix("/").split("/")
    return all(part not in ("", ".", "..") for part in parts)
