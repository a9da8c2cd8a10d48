"""`[plugin]` of a Fabrickfile: what a module brings to the catalog. Read as written; judged where it is added.

A schema is written out, or is the path of a JSON file beside the Fabrickfile; at a build such files go along.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from catalog.errors import Invalid
from catalog.jsonvalue import Json, parse_strict
from runtime.forms.fields import Fields
from runtime.wasm.modules import fabrickfile_forms as forms

SCHEMAS_MOST = 256 * 1024
"""Bytes of all schema files of one plugin."""
_SCHEMA_FORM = "a JSON Schema, or a path inside the Fabrickfile's folder such as `schemas/parse.json`"

Schema = dict[str, Json] | str
"""A schema, or the path of a file that has it."""


class PluginOperation(msgspec.Struct, frozen=True, kw_only=True):
    """`[plugin.operations.NAME]`. `permission` is a word of `[plugin] permissions`."""

    name: str
    title: str = ""
    description: str = ""
    permission: str | None = None
    write: bool = False
    input: Schema = {}
    output: Schema = {}


class PluginEvent(msgspec.Struct, frozen=True, kw_only=True):
    """`[plugin.events.NAME]`."""

    name: str
    title: str = ""
    description: str = ""
    payload: Schema = {}


class PluginSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[plugin]`: its id, the permissions it declares, its operations and events."""

    id: str
    permissions: tuple[str, ...] = ()
    operations: tuple[PluginOperation, ...] = ()
    events: tuple[PluginEvent, ...] = ()

    def schema_files(self) -> Iterator[tuple[str, str]]:
        """Every schema that is a file: where the Fabrickfile names it, and its path."""
        for operation in self.operations:
            for word, schema in (("input", operation.input), ("output", operation.output)):
                if isinstance(schema, str):
                    yield f"plugin.operations.{operation.name}.{word}", schema
        for event in self.events:
            if isinstance(event.payload, str):
                yield f"plugin.events.{event.name}.payload", event.payload


def read_plugin(fields: Fields) -> PluginSection | None:
    """The section, None where there is none; what is wrong is noted with its place."""
    value = fields.raw("plugin")
    if value is None:
        return None
    plugin = Fields(value, "plugin", fields.problems, PluginSection.__struct_fields__)
    plugin.need("id", "a lower-case word such as `acme-weather`")
    return PluginSection(
        id=plugin.text("id") or "",
        permissions=plugin.texts("permissions"),
        operations=tuple(_operation(name, each) for name, each in _tables(plugin, "operations", PluginOperation)),
        events=tuple(_event(name, each) for name, each in _tables(plugin, "events", PluginEvent)),
    )


def read_schemas(folder: Path, section: PluginSection) -> dict[str, Json]:
    """The schemas that are files, by their path. Raises Invalid BUILD_SOURCE that names the file and its place."""
    found: dict[str, Json] = {}
    size = 0
    for where, name in section.schema_files():
        if name in found:
            continue
        try:
            with (folder / name).open("rb") as file:
                content = file.read(SCHEMAS_MOST + 1)
            size += len(content)
            if size > SCHEMAS_MOST:
                raise Invalid("BUILD_SOURCE", f"The plugin's schema files have over {SCHEMAS_MOST} bytes.")
            found[name] = parse_strict(content)
        except OSError as error:
            raise Invalid(
                "BUILD_SOURCE", f"`{where}` names `{name}`, which cannot be read: {error.strerror}."
            ) from None
        except Invalid as error:
            if error.code == "BUILD_SOURCE":
                raise
            raise Invalid("BUILD_SOURCE", f"`{where}` names `{name}`: {error.message}", hint=error.hint) from None
    return found


def _operation(name: str, fields: Fields) -> PluginOperation:
    return PluginOperation(
        name=name,
        title=fields.text("title") or "",
        description=fields.text("description") or "",
        permission=fields.text("permission"),
        write=fields.flag("write"),
        input=fields.take("input", _schema, _SCHEMA_FORM) or {},
        output=fields.take("output", _schema, _SCHEMA_FORM) or {},
    )


def _event(name: str, fields: Fields) -> PluginEvent:
    return PluginEvent(
        name=name,
        title=fields.text("title") or "",
        description=fields.text("description") or "",
        payload=fields.take("payload", _schema, _SCHEMA_FORM) or {},
    )


def _tables(plugin: Fields, name: str, kind: type[msgspec.Struct]) -> Iterator[tuple[str, Fields]]:
    value = plugin.raw(name)
    if value is None:
        return
    if not isinstance(value, Mapping):
        plugin.wrong(name, f"a table of tables, such as `[plugin.{name}.parse]`")
        return
    known = tuple(each for each in kind.__struct_fields__ if each != "name")
    for key, inner in value.items():
        yield str(key), Fields(inner, f"{plugin.place(name)}.{key}", plugin.problems, known)


def _schema(value: Json) -> Schema | None:
    if isinstance(value, Mapping):
        return dict(value)
    return forms.inside(value)
