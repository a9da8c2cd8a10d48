"""Types of a component's functions: the JSON Schema that says the same, and values on their way in and out.

A record is an object, an option may be null (and left out of an object), a list of bytes is base64, flags are a list of
names, a variant is an object of its one case. What refers to a resource, or is an option of an option, has no JSON.
"""

import base64
from collections.abc import Callable

import msgspec
from wasmtime import component as wit

from catalog.jsonvalue import Json

INTEGERS: dict[type, tuple[int, int]] = {
    wit.S8: (-(1 << 7), (1 << 7) - 1),
    wit.U8: (0, (1 << 8) - 1),
    wit.S16: (-(1 << 15), (1 << 15) - 1),
    wit.U16: (0, (1 << 16) - 1),
    wit.S32: (-(1 << 31), (1 << 31) - 1),
    wit.U32: (0, (1 << 32) - 1),
    wit.S64: (-(1 << 63), (1 << 63) - 1),
    wit.U64: (0, (1 << 63) - 1),  # beyond is no number that everybody's JSON keeps
}


class NoJson(Exception):
    """A type that has no JSON; the text names it."""


class Shape(msgspec.Struct, frozen=True):
    """`lower` makes of JSON what wasmtime takes, and raises TypeError, ValueError or KeyError where it cannot; `lift`
    goes the other way.
    """

    schema: Json
    lower: Callable[[Json], object]
    lift: Callable[[object], Json]
    optional: bool = False


def shape_of(kind: wit.ValType) -> Shape:
    """The shape of a type. Raises NoJson."""
    if type(kind) in INTEGERS:
        least, most = INTEGERS[type(kind)]
        return Shape({"type": "integer", "minimum": least, "maximum": most}, int, _same)
    match kind:
        case wit.Bool():
            return Shape({"type": "boolean"}, bool, _same)
        case wit.F32() | wit.F64():
            return Shape({"type": "number"}, float, _same)
        case wit.Char():
            return Shape({"type": "string", "minLength": 1, "maxLength": 1}, str, _same)
        case wit.String():
            return Shape({"type": "string"}, str, _same)
        case wit.EnumType():
            return Shape({"enum": kind.names}, str, _same)
        case wit.FlagsType():
            return _flags(kind.names)
        case wit.OptionType():
            return _option(kind)
        case _:
            return _compound(kind)


def _compound(kind: wit.ValType) -> Shape:
    match kind:
        case wit.ListType():
            return _list(kind)
        case wit.TupleType():
            return _tuple([shape_of(each) for each in kind.elements])
        case wit.RecordType():
            return _record({name: shape_of(each) for name, each in kind.fields})
        case wit.VariantType() | wit.ResultType():
            return _variant(kind)
        case _:
            raise NoJson(type(kind).__name__)


def _same(value: object) -> Json:
    return value


def _flags(names: list[str]) -> Shape:
    schema = {"type": "array", "items": {"enum": names}, "uniqueItems": True}
    return Shape(schema, set, lambda value: [name for name in names if name in value])  # type: ignore[operator]


def _option(kind: wit.OptionType) -> Shape:
    if isinstance(kind.payload, wit.OptionType):
        raise NoJson("an option of an option, whose two ways to be nothing are one null")
    inner, tagged = shape_of(kind.payload), kind._tagged()

    def lower(value: Json) -> object:
        if not tagged:
            return None if value is None else inner.lower(value)
        return wit.Variant("none") if value is None else wit.Variant("some", inner.lower(value))

    def lift(value: object) -> Json:
        if isinstance(value, wit.Variant) and tagged:
            return None if value.tag == "none" else inner.lift(value.payload)
        return None if value is None else inner.lift(value)

    return Shape({"anyOf": [inner.schema, {"type": "null"}]}, lower, lift, optional=True)


def _list(kind: wit.ListType) -> Shape:
    if isinstance(kind.element, wit.U8):
        return Shape(
            {"type": "string", "contentEncoding": "base64", "description": "Bytes in base64."},
            lambda value: base64.b64decode(value, validate=True),
            lambda value: base64.b64encode(bytes(value)).decode(),  # type: ignore[call-overload]
        )
    inner = shape_of(kind.element)
    return Shape(
        {"type": "array", "items": inner.schema},
        lambda value: [inner.lower(each) for each in value],
        lambda value: [inner.lift(each) for each in value],  # type: ignore[attr-defined]
    )


def _tuple(shapes: list[Shape]) -> Shape:
    schemas: Json = [each.schema for each in shapes]
    schema = {"type": "array", "prefixItems": schemas, "minItems": len(shapes), "maxItems": len(shapes)}
    return Shape(
        schema,
        lambda value: tuple(shape.lower(each) for shape, each in zip(shapes, value, strict=True)),
        lambda value: [shape.lift(each) for shape, each in zip(shapes, value, strict=True)],  # type: ignore[call-overload]
    )


def object_schema(shapes: dict[str, Shape]) -> Json:
    """An object of these; what is optional may be left out."""
    required: Json = [name for name, each in shapes.items() if not each.optional]
    fields = {name: each.schema for name, each in shapes.items()}
    return {"type": "object", "properties": fields, "required": required, "additionalProperties": False}


def complete(schema: Json) -> Json:
    """The same for what comes out, which leaves nothing out."""
    if isinstance(schema, list):
        return [complete(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    fields = schema.get("properties")
    found = {key: complete(each) for key, each in schema.items() if key != "properties"}
    if not isinstance(fields, dict):
        return found
    return {**found, "properties": {name: complete(each) for name, each in fields.items()}, "required": list(fields)}


def _record(shapes: dict[str, Shape]) -> Shape:
    def lower(value: Json) -> object:
        made = wit.Record()
        for name, shape in shapes.items():
            setattr(made, name, shape.lower(value.get(name) if shape.optional else value[name]))
        return made

    def lift(value: object) -> Json:
        return {name: shape.lift(getattr(value, name)) for name, shape in shapes.items()}

    return Shape(object_schema(shapes), lower, lift)


def _variant(kind: wit.VariantType | wit.ResultType) -> Shape:
    """`{"some-case": payload}`, and `{"some-case": null}` for a case that has none."""
    shapes = {name: None if inner is None else shape_of(inner) for name, inner in kind._cases()}
    classes = {name: _classes(inner) for name, inner in kind._cases()}
    tagged = kind._tagged()

    def lower(value: Json) -> object:
        ((tag, inner),) = value.items()
        shape = shapes[tag]
        payload = None if shape is None else shape.lower(inner)
        return wit.Variant(tag, payload) if tagged else payload

    def lift(value: object) -> Json:
        if tagged and isinstance(value, wit.Variant):
            tag, payload = value.tag, value.payload
        else:
            tag, payload = next(name for name, each in classes.items() if type(value) in each), value
        shape = shapes[tag]
        return {tag: None if shape is None else shape.lift(payload)}

    cases = [_case(name, shape) for name, shape in shapes.items()]
    return Shape({"oneOf": cases}, lower, lift)


def _case(name: str, shape: Shape | None) -> Json:
    inner = {"type": "null"} if shape is None else shape.schema
    return {"type": "object", "properties": {name: inner}, "required": [name], "additionalProperties": False}


def _classes(kind: wit.ValType | None) -> set[type]:
    found: set[type] = set()
    if kind is None:
        return {type(None)}
    kind.add_classes(found)
    return {type(None) if each is object else each for each in found}
