"""Does a path exist in what a JSON Schema describes: always, maybe, never?"""

from collections.abc import Iterable
from enum import StrEnum

from catalog.jsonvalue import Json

TYPES = ("null", "boolean", "number", "string", "array", "object")
"""The JSON types; `integer` lies within `number`."""


class Presence(StrEnum):
    """Whether values of a schema have something at a path."""

    ALWAYS = "always"
    MAYBE = "maybe"
    NEVER = "never"


Found = tuple[Presence, Json]
"""Presence, and the schema of what is found there ({} where nothing is known)."""

_NEVER: Found = (Presence.NEVER, False)
_UNKNOWN: Found = (Presence.MAYBE, {})


def lookup(schema: Json, path: Iterable[str | int]) -> Found:
    """Where `path` leads in values of `schema`. An int, and a string of digits on an array, is an index.

    Whatever cannot be told is MAYBE with {}: NEVER and ALWAYS are certain.
    """
    presence = Presence.ALWAYS
    for segment in path:
        found, schema = _step(schema, segment)
        if found is Presence.NEVER:
            return _NEVER
        if found is Presence.MAYBE:
            presence = Presence.MAYBE
    return presence, schema


def types_of(schema: Json) -> tuple[str, ...]:
    """The JSON types a schema names, all of them where it names none."""
    named = schema.get("type", TYPES)
    return (named,) if isinstance(named, str) else tuple(named)


def _step(schema: Json, segment: str | int) -> Found:
    if schema is False:
        return _NEVER
    if not isinstance(schema, dict) or not schema or "$ref" in schema or "$dynamicRef" in schema:
        return _UNKNOWN
    parts = [_in_base(schema, segment)]
    parts += [_one_of(schema[key], segment) for key in ("anyOf", "oneOf") if key in schema]
    parts += [_step(each, segment) for each in schema.get("allOf", ())]
    return _all_of(parts)


def _all_of(parts: list[Found]) -> Found:
    """What holds where every part holds."""
    if any(found is Presence.NEVER for found, _ in parts):
        return _NEVER
    presence = Presence.ALWAYS if any(found is Presence.ALWAYS for found, _ in parts) else Presence.MAYBE
    known = [schema for _, schema in parts if schema not in ({}, True)]
    if len(known) > 1:
        return presence, {"allOf": known}
    return presence, known[0] if known else {}


def _one_of(branches: Iterable[Json], segment: str | int) -> Found:
    """What holds where at least one branch holds."""
    return _union([_step(each, segment) for each in branches])


def _union(parts: list[Found]) -> Found:
    possible = [(found, schema) for found, schema in parts if found is not Presence.NEVER]
    if not possible:
        return _NEVER
    certain = len(possible) == len(parts) and all(found is Presence.ALWAYS for found, _ in parts)
    schemas = [schema for _, schema in possible]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    if any(each in ({}, True) for each in schemas):
        schema = {}
    return Presence.ALWAYS if certain else Presence.MAYBE, schema


def _in_base(schema: Json, segment: str | int) -> Found:
    return _union([_in_type(schema, kind, segment) for kind in types_of(schema)])


def _in_type(schema: Json, kind: str, segment: str | int) -> Found:
    if kind == "object":
        return _in_object(schema, segment) if isinstance(segment, str) else _NEVER
    if kind == "array":
        return _in_array(schema, segment)
    return _NEVER


def _in_object(schema: Json, name: str) -> Found:
    properties = schema.get("properties", {})
    if name in properties:
        if properties[name] is False:
            return _NEVER
        presence = Presence.ALWAYS if name in schema.get("required", ()) else Presence.MAYBE
        return presence, properties[name]
    if "patternProperties" in schema:
        return _UNKNOWN
    others = schema.get("additionalProperties", {})
    if others is False:
        return _NEVER
    required = name in schema.get("required", ())
    return Presence.ALWAYS if required else Presence.MAYBE, {} if others is True else others


def _in_array(schema: Json, segment: str | int) -> Found:
    if isinstance(segment, str):
        if not segment.isascii() or not segment.isdecimal() or (segment[0] == "0" and segment != "0"):
            return _NEVER
        segment = int(segment)
    if segment >= schema.get("maxItems", segment + 1):
        return _NEVER
    leading = schema.get("prefixItems", ())
    item = leading[segment] if segment < len(leading) else schema.get("items", {})
    if item is False:
        return _NEVER
    presence = Presence.ALWAYS if schema.get("minItems", 0) > segment else Presence.MAYBE
    return presence, {} if item is True else item
