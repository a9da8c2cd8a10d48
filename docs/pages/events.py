"""docs/events.md."""

from catalog.registry import Registry
from docs.pages.operations import shape
from runtime.providers import NATIVE


def page() -> str:
    """Every native event with its payload."""
    specs = sorted(Registry(NATIVE).current().events.values(), key=lambda each: each.event_type)
    lines = [
        "# Events",
        "",
        "What a Connection's `source_event` may name. `emitted: later` is declared now and comes with its driver.",
        "",
    ]
    for spec in specs:
        lines += [f"## {spec.event_type}", "", f"{spec.title}. {spec.description}".rstrip(), ""]
        if spec.produces:
            lines += [f"Refers to an artifact: `{spec.produces}`.", ""]
        if spec.driver_missing:
            lines += ["Emitted: later.", ""]
        properties = spec.payload_schema.get("properties", {})
        if properties:
            lines += ["| field | type | meaning |", "|---|---|---|"]
            for name, each in properties.items():
                lines.append(f"| `{name}` | {shape(each)} | {each.get('description', '')} |")
            lines.append("")
    return "\n".join(lines)
