"""`fabric notifications`: what `fabric.notify` delivered in-app."""

import typer

from api.cli import terminal
from api.cli.server import Server

app = typer.Typer(no_args_is_help=True, help="In-app notifications.")

_COLUMNS: list[terminal.Column] = [
    ("TIME", lambda each: terminal.moment(each["created_at"])),
    ("TITLE", lambda each: each["title"]),
    ("BODY", lambda each: each["body"]),
    ("SOURCE", lambda each: each["source"]),
]


@app.callback()
def notifications() -> None:
    """In-app notifications."""


@app.command("ls")
def list_notifications(limit: terminal.Limit = 50, json: terminal.AsJson = False) -> None:
    """List notifications, newest first.

    Example: fabric notifications ls
    """
    rows = Server.configured().pages("notifications", limit)
    terminal.show_rows(rows, _COLUMNS, as_json=json, empty="There are no notifications.")
