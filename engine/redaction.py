"""Redaction: what non-authors see instead of step params, and what everybody sees instead of a secret."""

from collections.abc import Collection, Iterable

from catalog.errors import Invalid
from catalog.jsonvalue import Json

MARK = "__redacted__"
HIDDEN: Json = {MARK: "hidden - author-only"}
"""The seed's stand-in for a step's params."""

SHORT = 8
SECRET = "[secret]"  # noqa: S105 - the stand-in for one


def hide_secrets(params: Json, pointers: Iterable[str]) -> Json:
    """A copy of rendered params in which the values at `pointers` (JSON pointers) are replaced by `[secret]`."""
    for pointer in pointers:
        params = _replaced(params, [_unescaped(each) for each in pointer.split("/")[1:]])
    return params


def hide_values(value: Json, secrets: Collection[str]) -> Json:
    """A copy in which no string holds one of `secrets`: what a receiver echoes is not kept either.

    A secret under eight characters is only hidden where it is the whole string: inside text it would hide words.
    """
    if isinstance(value, str):
        for each in secrets:
            value = value.replace(each, SECRET) if len(each) >= SHORT or each == value else value
        return value
    if isinstance(value, dict):
        return {hide_values(key, secrets): hide_values(inner, secrets) for key, inner in value.items()}
    return [hide_values(each, secrets) for each in value] if isinstance(value, list | tuple) else value


def _unescaped(segment: str) -> str:
    return segment.replace("~1", "/").replace("~0", "~")


def _replaced(value: Json, path: list[str]) -> Json:
    if not path:
        return SECRET
    first, *rest = path
    if isinstance(value, dict) and first in value:
        return {**value, first: _replaced(value[first], rest)}
    if isinstance(value, list) and first.isdigit() and int(first) < len(value):
        return [_replaced(each, rest) if number == int(first) else each for number, each in enumerate(value)]
    return value


def redacted_source(source: Json) -> Json:
    """A stored Connection without what only its author may read: every step keeps its operation id alone."""
    kept = {
        key: source[key]
        for key in ("name", "description", "labels", "enabled", "source_event", "cooldown_seconds", "max_rate")
        if key in source
    }
    return {**kept, "steps": [_redacted_step(step) for step in source.get("steps", ())]}


def _redacted_step(step: Json) -> Json:
    kept = {key: step[key] for key in ("id", "needs", "join") if key in step}
    return {**kept, "operation_id": step.get("operation_id"), "params": HIDDEN}


def refuse_redacted(source: Json) -> None:
    """Refuse a redacted copy that is written back. Raises Invalid REDACTED_COPY."""
    level = [source]
    while level:
        value = level.pop()
        if isinstance(value, dict):
            if MARK in value:
                raise Invalid(
                    "REDACTED_COPY",
                    "The Connection is a redacted copy: its params are hidden.",
                    hint="Write the params out, or ask its author for the file.",
                )
            level.extend(value.values())
        elif isinstance(value, list):
            level.extend(value)
