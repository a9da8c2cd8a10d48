"""JSON Schemas from typed structs, and validators compiled once."""

import inspect
from collections.abc import Callable, Iterator
from typing import TypeVar, cast

import jsonschema_rs
import msgspec

from catalog.errors import FabricError, Invalid
from catalog.jsonvalue import Json

T = TypeVar("T")


def schema_of(kind: type) -> Json:
    """The JSON Schema (2020-12) of a msgspec type, its `$defs` inlined so that it can be read and walked alone.

    Raises TypeError for a type that contains itself.
    """
    schema = msgspec.json.schema(kind)
    definitions = schema.pop("$defs", {})
    return _inlined(schema, definitions, ())


def output_schema_of(kind: type) -> Json:
    """As `schema_of`, for what our own code writes out: whole, so a field that has a default is always there.

    Raises TypeError where that is not so: for a struct that leaves its defaults out.
    """
    for each in _structs(msgspec.inspect.type_info(kind)):
        if each.__struct_config__.omit_defaults:
            raise TypeError(f"type `{each.__name__}` leaves out its defaults, so its output has no certain fields")
    return _whole(schema_of(kind))


def _structs(info: msgspec.inspect.Type) -> Iterator[type[msgspec.Struct]]:
    if isinstance(info, msgspec.inspect.StructType):
        yield info.cls
    for name in info.__struct_fields__:
        inner = getattr(info, name)
        for each in inner if isinstance(inner, tuple) else (inner,):
            found = each.type if isinstance(each, msgspec.inspect.Field) else each
            if isinstance(found, msgspec.inspect.Type):
                yield from _structs(found)


def _whole(schema: Json) -> Json:
    if not isinstance(schema, dict):
        return schema
    whole = {**schema}
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        if key in schema:
            whole[key] = [_whole(each) for each in schema[key]]
    for key in ("items", "additionalProperties"):
        if key in schema:
            whole[key] = _whole(schema[key])
    if "properties" in schema:
        fields = {name: _whole(each) for name, each in schema["properties"].items()}
        given = set(schema.get("required", ()))
        whole["properties"] = fields
        whole["required"] = [name for name, each in fields.items() if name in given or "default" in each]
    return whole


def _inlined(schema: Json, definitions: Json, seen: tuple[str, ...]) -> Json:
    if isinstance(schema, list):
        return [_inlined(each, definitions, seen) for each in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return {key: _readable(key, _inlined(value, definitions, seen)) for key, value in schema.items()}
    name = reference.rpartition("/")[2]
    if name in seen:
        raise TypeError(f"type `{name}` contains itself")
    beside = {key: value for key, value in schema.items() if key != "$ref"}
    return {**_inlined(definitions[name], definitions, (*seen, name)), **beside}


def _readable(key: str, value: Json) -> Json:
    """Docstrings become descriptions as they are indented in the source; readers want them flush."""
    return inspect.cleandoc(value) if key == "description" and isinstance(value, str) else value


_ENUM = "Invalid enum value"


def converter(kind: type[T]) -> Callable[[Json], T]:
    """A function that turns JSON values into `kind` or raises Invalid PARAM_*; its messages never quote a value.

    For `dict` that is the object itself: msgspec would copy it, value by value.
    """
    convert = msgspec.convert

    def into(value: Json) -> T:
        if kind is dict and type(value) is dict:
            return cast(T, value)
        try:
            return convert(value, kind)
        except msgspec.ValidationError as error:
            raise _param_error(str(error)) from None

    return into


def _param_error(text: str) -> FabricError:
    reason = text.lower()
    code = "PARAM_TYPE"
    if "missing required field" in reason:
        code = "PARAM_REQUIRED"
    elif "unknown field" in reason:
        code = "PARAM_UNKNOWN_FIELD"
    elif "enum" in reason:
        code = "PARAM_ENUM"
    elif any(word in reason for word in (">=", "<=", " > ", " < ", "multiple", "length", "matching")):
        code = "PARAM_RANGE"
    if text.startswith(_ENUM):  # msgspec quotes the value, which may be a payload's
        text = f"{_ENUM} - at{text.rpartition(' - at')[2]}"
    return Invalid(code, f"The parameters do not fit: {text}.", hint="Compare with the operation's input schema.")


def validator(schema: Json) -> Callable[[Json], bool]:
    """A compiled check of JSON values against `schema` (jsonschema-rs: the hot path's).

    Raises Invalid SCHEMA_INVALID where `schema` is not a JSON Schema.
    """
    try:
        return jsonschema_rs.validator_for(schema).is_valid
    except (jsonschema_rs.ValidationError, ValueError) as error:
        raise Invalid("SCHEMA_INVALID", "The schema is not a JSON Schema.", hint=str(error)[:200]) from None
