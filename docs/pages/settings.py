"""docs/settings.md."""

from typing import get_args, get_type_hints

from api.settings import CLIENT_VARIABLES, Settings, variable


def page() -> str:
    """Every environment variable with its default and meaning."""
    hints = get_type_hints(Settings, include_extras=True)
    defaults = dict(zip(Settings.__struct_fields__, Settings.__struct_defaults__, strict=True))
    rows = [
        f"| `{variable(field)}` | {_shown(defaults[field])} | {get_args(hints[field])[1].description} |"
        for field in Settings.__struct_fields__
    ]
    client = [f"| `{name}` | {meaning} |" for name, meaning in CLIENT_VARIABLES.items()]
    return "\n".join(
        [
            "# Settings",
            "",
            "The server is told what to do by its environment; an unknown `FABRIC_*` variable is named at start.",
            "",
            "| variable | default | meaning |",
            "|---|---|---|",
            *rows,
            "",
            "## The command line's",
            "",
            "| variable | meaning |",
            "|---|---|",
            *client,
        ]
    )


def _shown(value: object) -> str:
    if value in ("", (), None):
        return "(unset)"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
