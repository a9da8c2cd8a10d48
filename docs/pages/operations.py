"""docs/operations.md."""

from catalog.jsonvalue import Json
from catalog.operations import Operation
from catalog.registry import Registry
from runtime.providers import NATIVE


def page() -> str:
    """Every native operation with its parameters."""
    catalog = Registry(NATIVE).current()
    operations = sorted(catalog.operations.values(), key=lambda each: each.id)
    table = [
        f"| [`{op.id}`](#{op.id.replace('.', '')}) | {'write' if op.write else 'read'} | {_permission(op)} |"
        f" {'later' if op.driver_missing else 'yes'} |"
        for op in operations
    ]
    parts = [
        "# Operations",
        "",
        "A read runs at once; a write is staged and waits for a person. `driver: later` answers `DRIVER_MISSING`.",
        "",
        "| operation | kind | permission | driver |",
        "|---|---|---|---|",
        *table,
        "",
    ]
    for op in operations:
        parts += _section(op)
    return "\n".join(parts)


def _permission(op: Operation) -> str:
    return f"`{op.permission}`" if op.permission else "none (sink)"


def _section(op: Operation) -> list[str]:
    lines = [f"## {op.id}", "", f"{op.title}. {op.description}".rstrip(), ""]
    for word, media in (("Takes", op.accepts), ("Produces", op.produces)):
        if media:
            lines += [f"{word} an artifact: {', '.join(f'`{each}`' for each in media)}.", ""]
    lines += ["| parameter | required | type | meaning |", "|---|---|---|---|"]
    required = op.input_schema.get("required", [])
    for name, schema in op.input_schema.get("properties", {}).items():
        lines.append(
            f"| `{name}` | {'yes' if name in required else 'no'} | {shape(schema)} | {schema.get('description', '')} |"
        )
    lines += ["", f"Output: {shape(op.output_schema)}.", ""]
    return lines


def shape(schema: Json) -> str:
    """A schema in a few words."""
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(shape(each) for each in schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    if schema.get("type") == "object" and schema.get("properties"):
        return "object of " + ", ".join(f"`{name}`" for name in schema["properties"])
    if schema.get("type") == "array":
        return f"list of {shape(schema.get('items', {}))}"
    kind = schema.get("type", "any")
    return str(schema.get("format", kind) if kind == "string" else kind)
