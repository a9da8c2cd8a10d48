"""`[function.NAME]` of a Fabrickfile: typed functions that a module's service exports to the catalog.

A schema is written out, or is the path of a JSON file beside the Fabrickfile; at a build such files go along.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from catalog.errors import Invalid
from catalog.foreign_schemas import check_foreign_schema
from catalog.jsonvalue import Json
from runtime.forms.fields import Fields
from runtime.wasm.modules import fabrickfile_forms as forms

FUNCTIONS_MOST = 32
"""Functions of one module."""
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,62}\Z")
_NAME_FORM = "a name of A-Z, a-z, 0-9, `_`, `.` and `-` that begins with a letter, at most 63 long"
_SCHEMA_FORM = "a JSON Schema, or a path inside the Fabrickfile's folder such as `schemas/quote.json`"
_NO_ID = re.compile(r"[^a-z0-9_-]+")

Schema = dict[str, Json] | str
"""A schema, or the path of a file that has it."""


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """A function as it is declared. In a stored module its schemas are written out."""

    name: str
    description: str = ""
    input: Schema = {}
    output: Schema = {}

    @property
    def word(self) -> str:
        """Its name as the end of an operation's id: lower case, `.` and what else has no place there become `_`."""
        return _NO_ID.sub("_", self.name.lower())


def read_functions(fields: Fields) -> tuple[Function, ...]:
    """The section, empty where there is none; what is wrong is noted with its place."""
    value = fields.raw("function")
    if value is None:
        return ()
    if not isinstance(value, Mapping) or not 0 < len(value) <= FUNCTIONS_MOST:
        fields.wrong("function", f"one to {FUNCTIONS_MOST} tables such as `[function.quote]`")
        return ()
    known = tuple(each for each in Function.__struct_fields__ if each != "name")
    found, words = [], dict[str, str]()
    for name, inner in value.items():
        where = f"function.{name}"
        if not NAME.match(str(name)):
            fields.problems.add("function", f"has a name that is not {_NAME_FORM}")
            continue
        function = _function(str(name), Fields(inner, where, fields.problems, known))
        other = words.setdefault(function.word, function.name)
        if other != function.name:
            fields.problems.unknown(where, f"has the same id in the catalog as `function.{other}`, and is left out")
        found.append(function)
    return tuple(found)


def schema_files(functions: Iterable[Function]) -> Iterator[tuple[str, str]]:
    """Every schema that is a file: where the Fabrickfile names it, and its path."""
    for function in functions:
        for word, schema in (("input", function.input), ("output", function.output)):
            if isinstance(schema, str):
                yield f"function.{function.name}.{word}", schema


def with_schemas(functions: Iterable[Function], files: Mapping[str, Json]) -> tuple[Function, ...]:
    """The functions with the schemas that were files written out; what is not among `files` stays a path."""
    return tuple(
        msgspec.structs.replace(each, input=_written(each.input, files), output=_written(each.output, files))
        for each in functions
    )


def check_function(function: Function) -> None:
    """Refuse a function whose schemas we do not take. Raises Invalid SCHEMA_INVALID, which names it."""
    for word, schema in (("input", function.input), ("output", function.output)):
        check_foreign_schema(f"The {word} schema of function `{function.name}`", schema)
    kind = function.input.get("type", "object") if isinstance(function.input, dict) else None
    if kind != "object":
        raise Invalid(
            "SCHEMA_INVALID",
            f"The input schema of function `{function.name}` is not an object's.",
            hint='A function\'s parameters have names: write `type = "object"`.',
        )


def _function(name: str, fields: Fields) -> Function:
    return Function(
        name=name,
        description=fields.text("description", most=2000) or "",
        input=fields.take("input", _schema, _SCHEMA_FORM) or {},
        output=fields.take("output", _schema, _SCHEMA_FORM) or {},
    )


def _schema(value: Json) -> Schema | None:
    if isinstance(value, Mapping):
        return dict(value)
    return forms.inside(value)


def _written(schema: Schema, files: Mapping[str, Json]) -> Schema:
    return files.get(schema, schema) if isinstance(schema, str) else schema
