"""Schema files: JSON Schemas beside a Fabrickfile that it names by path, read when the module is built."""

from collections.abc import Iterable
from pathlib import Path

from catalog.errors import Invalid
from catalog.jsonvalue import Json, parse_strict

SCHEMAS_MOST = 256 * 1024
"""Bytes of all schema files of one module."""


def read_schema_files(folder: Path, named: Iterable[tuple[str, str]]) -> dict[str, Json]:
    """The files by path; `named` tells where the Fabrickfile names one, and its path. Raises Invalid BUILD_SOURCE."""
    found: dict[str, Json] = {}
    size = 0
    for where, name in named:
        if name in found:
            continue
        try:
            with (folder / name).open("rb") as file:
                content = file.read(SCHEMAS_MOST + 1)
        except OSError as error:
            raise _unusable(where, name, f"it cannot be read: {error.strerror}") from None
        size += len(content)
        if size > SCHEMAS_MOST:
            raise _unusable(where, name, f"the schema files have over {SCHEMAS_MOST} bytes")
        try:
            found[name] = parse_strict(content)
        except Invalid as error:
            raise _unusable(where, name, error.message.removesuffix(".")) from None
    return found


def _unusable(where: str, name: str, why: str) -> Invalid:
    return Invalid("BUILD_SOURCE", f"`{where}` names `{name}`: {why}.", hint="Mend the file, or write the schema out.")
