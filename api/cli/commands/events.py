"""`fabric events`: what happened."""

import typer

from api.cli import terminal
from api.cli.server import Server

app = typer.Typer(no_args_is_help=True, help="Events that the server kept.")

_COLUMNS: list[terminal.Column] = [
    ("EVENT", lambda each: each["id"]),
    ("TYPE", lambda each: each["type"]),
    ("ORIGIN", lambda each: each["origin"]),
    ("TIME", lambda each: terminal.moment(each["time"])),
    ("CAUSE", lambda each: each["cause"]),
]


@app.callback()
def events() -> None:
    """Events that the server kept."""


@app.command("ls")
def list_events(limit: terminal.Limit = 50, json: terminal.AsJson = False) -> None:
    """List events, newest first.

    Example: fabric events ls --limit 10
    """
    rows = Server.configured().pages("events", limit)
    terminal.show_rows(rows, _COLUMNS, as_json=json, empty="There are no events.")
