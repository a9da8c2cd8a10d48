"""docs/daemon.md: everything that the reference prints, from headings to commands, and its proof."""

from collections import defaultdict

from tests.reference.coverage import coverage

KINDS = {
    "heading": ("Headings", "The reference's parts."),
    "says": ("Statements", "What it says in prose."),
    "endpoint": ("Endpoints", "Sent as printed, answered as printed."),
    "query": ("Query parameters", ""),
    "request": ("Request fields", ""),
    "response": ("Response fields", "Keys, types and formats."),
    "error": ("The error envelope", ""),
    "code": ("Error codes", "Each with its HTTP status."),
    "event": ("Events", "The nine types, and the fields of the stream's samples."),
    "metric": ("Metrics", "Under the printed names and labels, as correct Prometheus types."),
    "setting": ("Settings", "Every key of the configuration file: its default, and what it does."),
    "variable": ("Environment variables", ""),
    "command": ("Commands", ""),
    "status": ("Lines of `fabricksd status`", ""),
    "unit": ("systemd units", ""),
    "program": ("Example programs", "Run unchanged but for paths and names."),
}


def page() -> str:
    """A table a kind. Raises SystemExit where an item has no test."""
    rows: dict[str, list[str]] = defaultdict(list)
    for item, tests in coverage().items():
        if not tests:
            raise SystemExit(f"nothing proves `{item}`")
        kind, _, rest = item.partition(" ")
        rows[kind].append(f"| {_cell(rest)} | {'<br>'.join(f'`{each}`' for each in _short(tests))} |")
    lines = [
        "# The daemon's reference, covered",
        "",
        "The services API is served on the daemon's Unix socket under `/v1`; `GET /v1/openapi.json` describes all of",
        "it. Below is everything that its reference prints, with the tests that fail when it is not so. Paths are",
        "those of `tests/`; what is marked and what is listed stands in `tests/reference/`.",
        "",
    ]
    for kind, (title, text) in KINDS.items():
        lines += [f"## {title}", "", *([text, ""] if text else []), "| item | proof |", "|---|---|", *rows[kind], ""]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return "`" + text.replace("|", "\\|") + "`"


def _short(tests: list[str]) -> list[str]:
    return [each.removeprefix("tests/") for each in tests]
