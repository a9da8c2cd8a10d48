"""Parsed parameters against an input schema: constants are checked, references asked whether they can ever fit."""

from collections.abc import Callable, Iterator

from catalog.catalog import nearest
from catalog.fit import Fit, fits
from catalog.jsonvalue import Json
from catalog.reach import types_of
from connections.builder import BROKEN
from connections.operators import compile_pattern, equal, is_number
from connections.passes.outbound import header_problems, url_problems
from connections.passes.problems import Path, Problem, named
from connections.references import Reference
from connections.render_careful import Text
from connections.shape import kind_of
from connections.uuids import is_canonical_uuid

SchemaOf = Callable[[Reference], Json]
"""The schema of what a reference leads to."""

_TYPE_NAMES = {
    "null": "null",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "array": "a list",
    "object": "a mapping",
}


class ValueCheck:
    """Finds what is wrong with a parsed value. `schema_of` tells the types of references."""

    def __init__(self, schema_of: SchemaOf) -> None:
        self._schema_of = schema_of

    def problems(self, node: Json, schema: Json, path: Path) -> Iterator[Problem]:
        """Everything that keeps the value from being valid, whatever the references bring."""
        if node is BROKEN or schema is True or not schema:
            if schema is False and node is not BROKEN:
                yield Problem(path, "PARAM_TYPE", f"{named(path)} takes no value.")
            return
        templated = type(node) is Reference or type(node) is Text
        if says(schema, "format", "uri") if templated else schema.get("format") == "uri":
            yield from url_problems(node, path)
        if type(node) is Reference:
            yield from self._typed(self._schema_of(node), schema, path, f"`{node.text}`")
        elif type(node) is Text:
            shortest = sum(len(each) for each in node.parts if isinstance(each, str))
            text = {"type": "string", "minLength": shortest}
            yield from self._typed(text, schema, path, "The text around the reference")
        else:
            yield from self._constant(node, schema, path)

    def _typed(self, given: Json, schema: Json, path: Path, what: str) -> Iterator[Problem]:
        if fits(given, schema) is Fit.NEVER:
            yield Problem(
                path,
                "PARAM_TYPE",
                f"{what} can never be what {named(path)} takes: {_wanted(schema)}.",
                "Look at the operation's input schema.",
            )

    def _constant(self, node: Json, schema: Json, path: Path) -> Iterator[Problem]:
        kinds = types_of(schema)
        kind = next((each for each in kinds if _is_kind(node, each)), None)
        if kind is None:
            yield Problem(
                path,
                "PARAM_TYPE",
                f"{named(path)} is {kind_of(node)}; it must be {_wanted(schema)}.",
                f"Write {_wanted(schema)}.",
            )
            return
        yield from _among(node, schema, path)
        if kind == "object":
            yield from self._object(node, schema, path)
        elif kind == "array":
            yield from self._array(node, schema, path)
        elif kind == "string":
            yield from _text(node, schema, path)
        elif kind in ("number", "integer"):
            yield from _number(node, schema, path)
        for each in schema.get("allOf", ()):
            yield from self.problems(node, each, path)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                yield from self._branches(node, schema[key], path)

    def _branches(self, node: Json, branches: list[Json], path: Path) -> Iterator[Problem]:
        """Nothing where one branch takes the value; else what the branch that comes nearest says."""
        found = [list(self.problems(node, each, path)) for each in branches]
        if all(found):
            yield from min(found, key=lambda each: (any(one.path == path for one in each), len(each)))

    def _object(self, node: dict[str, Json], schema: Json, path: Path) -> Iterator[Problem]:
        properties: dict[str, Json] = schema.get("properties", {})
        others = schema.get("additionalProperties", {})
        for name in schema.get("required", ()):
            if name not in node:
                yield Problem(
                    (*path, name), "PARAM_REQUIRED", f"{named((*path, name))} is required.", f"Add `{name}:`."
                )
        for name, each in node.items():
            if name in properties:
                yield from self.problems(each, properties[name], (*path, name))
            elif "patternProperties" in schema:
                continue
            elif others is False:
                yield _unknown(name, properties, path)
            else:
                yield from self.problems(each, others, (*path, name))
        yield from _size(len(node), schema, "Properties", "members", path)
        if schema.get("x-fabric-headers"):
            yield from header_problems(node, path)

    def _array(self, node: list[Json], schema: Json, path: Path) -> Iterator[Problem]:
        leading = schema.get("prefixItems", ())
        for number, each in enumerate(node):
            item = leading[number] if number < len(leading) else schema.get("items", {})
            yield from self.problems(each, item, (*path, number))
        yield from _size(len(node), schema, "Items", "items", path)


def says(schema: Json, key: str, value: Json) -> bool:
    """Does the schema, or a branch of it, carry this keyword with this value?"""
    if not isinstance(schema, dict):
        return False
    inner = [each for group in ("anyOf", "oneOf", "allOf") for each in schema.get(group, ())]
    return bool(schema.get(key) == value) or any(says(each, key, value) for each in inner)


def _wanted(schema: Json) -> str:
    if "enum" in schema or "const" in schema:
        return "one of a few values"
    branches = [each for key in ("anyOf", "oneOf") for each in schema.get(key, ())]
    kinds = [each for branch in branches or [schema] if isinstance(branch, dict) for each in types_of(branch)]
    form = f" ({schema['format']})" if "format" in schema else ""
    return " or ".join(dict.fromkeys(_TYPE_NAMES.get(each, each) for each in kinds)) + form


def _is_kind(node: Json, kind: str) -> bool:
    found = type(node)
    if kind == "integer":
        return found is int or (found is float and node.is_integer())
    if kind == "number":
        return is_number(node)
    return found is {"null": type(None), "boolean": bool, "string": str, "array": list, "object": dict}.get(kind)


def _among(node: Json, schema: Json, path: Path) -> Iterator[Problem]:
    options = [schema["const"]] if "const" in schema else schema.get("enum")
    if options is None or any(equal(node, each) for each in options):
        return
    words = [each for each in options if isinstance(each, str)]
    near = nearest(node, words) if isinstance(node, str) else None
    listed = f"Allowed are {', '.join(f'`{each}`' for each in words[:12])}." if words else "Look at the schema."
    yield Problem(
        path,
        "PARAM_ENUM",
        f"{named(path)} is none of the allowed values.",
        f"Did you mean `{near}`?" if near else listed,
    )


def _unknown(name: str, properties: dict[str, Json], path: Path) -> Problem:
    near = nearest(name, properties)
    listed = f"It takes {', '.join(f'`{each}`' for each in list(properties)[:12])}." if properties else "Remove it."
    return Problem(
        (*path, name),
        "PARAM_UNKNOWN_FIELD",
        f"There is no parameter {named((*path, name))}.",
        f"Did you mean `{near}`?" if near else listed,
    )


def _size(count: int, schema: Json, what: str, unit: str, path: Path) -> Iterator[Problem]:
    lowest, highest = schema.get(f"min{what}", 0), schema.get(f"max{what}", count)
    if not lowest <= count <= highest:
        bound = f"at least {lowest}" if count < lowest else f"at most {highest}"
        yield Problem(path, "PARAM_RANGE", f"{named(path)} must have {bound} {unit}.")


def _text(node: str, schema: Json, path: Path) -> Iterator[Problem]:
    yield from _size(len(node), schema, "Length", "characters", path)
    form = schema.get("format")
    if form == "uuid" and not is_canonical_uuid(node):
        yield Problem(path, "PARAM_TYPE", f"{named(path)} is not a UUID in lower case.")
    if "pattern" in schema:
        pattern = compile_pattern(schema["pattern"])
        if pattern is not None and pattern.search(node) is None:
            yield Problem(path, "PARAM_RANGE", f"{named(path)} does not match `{schema['pattern'][:80]}`.")


def _number(node: float, schema: Json, path: Path) -> Iterator[Problem]:
    for key, words, holds in _BOUNDS:
        if key in schema and not holds(node, schema[key]):
            yield Problem(path, "PARAM_RANGE", f"{named(path)} must be {words} {schema[key]}.")
            return


_BOUNDS: tuple[tuple[str, str, Callable[[float, float], bool]], ...] = (
    ("minimum", "at least", lambda node, bound: node >= bound),
    ("maximum", "at most", lambda node, bound: node <= bound),
    ("exclusiveMinimum", "more than", lambda node, bound: node > bound),
    ("exclusiveMaximum", "less than", lambda node, bound: node < bound),
)
