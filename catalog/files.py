"""A catalog in a file: exported by a server, loaded to compile offline."""

import msgspec

from catalog.catalog import Catalog, full_entry
from catalog.errors import Invalid
from catalog.events import EventSpec
from catalog.operations import Operation, check_schemas


class _File(msgspec.Struct):
    operations: list[Operation]
    events: list[EventSpec]


def export_catalog(catalog: Catalog) -> bytes:
    """The catalog as JSON, sorted by id, ending in a newline: stable under version control."""
    body = {
        "operations": [full_entry(catalog.operations[each]) for each in sorted(catalog.operations)],
        "events": [full_entry(catalog.events[each]) for each in sorted(catalog.events)],
    }
    return msgspec.json.format(msgspec.json.encode(body), indent=2) + b"\n"


def load_catalog(content: bytes) -> Catalog:
    """Read what `export_catalog` or GET /catalog wrote. Raises Invalid CATALOG_FILE, SCHEMA_INVALID, OP_*, EVENT_*."""
    try:
        found = msgspec.json.decode(content, type=_File)
    except msgspec.DecodeError as error:
        raise Invalid(
            "CATALOG_FILE", f"The catalog file cannot be read: {error}.", hint="Make it with `fabric catalog export`."
        ) from None
    for operation in found.operations:
        check_schemas(operation.id, operation.input_schema, operation.output_schema)
    for spec in found.events:
        check_schemas(spec.event_type, spec.payload_schema)
    return Catalog(found.operations, found.events)
