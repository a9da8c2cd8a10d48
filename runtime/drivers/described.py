"""Described: what a driver takes, as one JSON Schema that stands alone and as fields for tables."""

from collections.abc import Iterator, Mapping

import msgspec

from catalog.jsonvalue import Json

_MARKS = {"writeOnly": True, "x-fabric-secret": True}


def schema_of(kind: type[msgspec.Struct], *, secret: bool = False) -> dict[str, Json]:
    """The JSON Schema of settings or credentials; the fields of `secret` ones are marked as such."""
    whole: Json = msgspec.json.schema(kind)
    parts = whole.get("$defs", {})
    schema = dict(parts[whole["$ref"].rpartition("/")[2]]) if "$ref" in whole else dict(whole)
    rest = {name: each for name, each in parts.items() if name != kind.__name__}
    if secret:
        schema["properties"] = {name: {**each, **_MARKS} for name, each in schema.get("properties", {}).items()}
    return {**schema, "$defs": rest} if rest else schema


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One setting or credential. `default` is None where there is none; `required` then says whether it must be given.

    `name` has dots and `<name>` or `[]` where it stands inside another.
    """

    name: str
    type: str
    required: bool
    default: Json
    description: str


def fields_of(schema: Mapping[str, Json]) -> list[Field]:
    """The fields of `schema_of`, those inside others behind them."""
    return list(_fields(schema, schema.get("$defs", {}), ""))


def _fields(schema: Mapping[str, Json], parts: Mapping[str, Json], before: str) -> Iterator[Field]:
    required = schema.get("required", [])
    for name, given in schema.get("properties", {}).items():
        each = _resolved(given, parts)
        yield Field(
            name=before + name,
            type=_type(each, parts),
            required=name in required,
            default=given.get("default"),
            description=str(given.get("description") or each.get("description") or ""),
        )
        inner, place = _inner(each, parts)
        if inner is not None:
            yield from _fields(inner, parts, f"{before}{name}{place}.")


def _inner(schema: Mapping[str, Json], parts: Mapping[str, Json]) -> tuple[Mapping[str, Json] | None, str]:
    """What has fields of its own in there, and how its place is written."""
    for key, place in (("additionalProperties", ".<name>"), ("items", "[]"), ("prefixItems", "[]"), ("anyOf", "")):
        found = schema.get(key)
        for each in found if isinstance(found, list) else [found] if isinstance(found, dict) else []:
            resolved = _resolved(each, parts)
            if resolved.get("properties"):
                return resolved, place
            inner, deeper = _inner(resolved, parts) if "$ref" not in each else (None, "")
            if inner is not None:
                return inner, place + deeper
    return (schema, "") if schema.get("properties") else (None, "")


def _resolved(schema: Mapping[str, Json], parts: Mapping[str, Json]) -> Mapping[str, Json]:
    if "$ref" in schema:
        return _resolved(parts[str(schema["$ref"]).rpartition("/")[2]], parts)
    return schema


def _type(schema: Mapping[str, Json], parts: Mapping[str, Json]) -> str:
    """In words that a person knows."""
    if "enum" in schema:
        return "one of " + ", ".join(f"`{each}`" for each in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(_resolved(each, parts), parts) for each in schema["anyOf"]))
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {_listed(schema, parts)}"
    if kind == "object":
        inner = schema.get("additionalProperties")
        return f"map of {_type(_resolved(inner, parts), parts)}" if isinstance(inner, dict) else "object"
    return {"string": "text", "boolean": "yes or no", "null": "nothing"}.get(str(kind), str(kind)) + _bounds(schema)


def _listed(schema: Mapping[str, Json], parts: Mapping[str, Json]) -> str:
    """A list of its own length says what stands at each place."""
    first = schema.get("prefixItems")
    if isinstance(first, list) and first:
        kinds = [_type(_resolved(each, parts), parts) for each in first]
        return f"{len(kinds)} times {kinds[0]}" if len(set(kinds)) == 1 else ", ".join(kinds)
    items = schema.get("items")
    return _type(_resolved(items, parts), parts) if isinstance(items, dict) else "anything"


def _bounds(schema: Mapping[str, Json]) -> str:
    low, over = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, under = schema.get("maximum"), schema.get("exclusiveMaximum")
    said = [
        f"{words} {bound:g}"
        for words, bound in (("from", low), ("above", over), ("to", high), ("below", under))
        if bound is not None
    ]
    return f" {' '.join(said)}" if said else ""
