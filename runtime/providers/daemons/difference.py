"""Difference: which fields a change adds, changes and removes, in a few words for its summary."""

from collections.abc import Iterator, Mapping

from catalog.jsonvalue import Json

NAMED = 5
"""Fields that a sentence names; of more it gives the number."""


def words(before: Json, after: Json) -> str:
    """Such as ``changes `args`, adds `environment.MODE` ``; what was there stands in the change itself."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    parts = [
        _part("changes", [each for each in old if each in new and old[each] != new[each]]),
        _part("adds", [each for each in new if each not in old]),
        _part("removes", [each for each in old if each not in new]),
    ]
    return ", ".join(each for each in parts if each) or "changes nothing"


def _part(verb: str, names: list[str]) -> str:
    if not names:
        return ""
    shown = ", ".join(f"`{each}`" for each in names[:NAMED])
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{verb} {shown}{more}"


def _leaves(value: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Lists are taken whole: that one entry moved another says nothing to a reader."""
    if isinstance(value, Mapping) and value:
        for key, each in value.items():
            yield from _leaves(each, f"{path}.{key}" if path else str(key))
    elif path:
        yield path, value
