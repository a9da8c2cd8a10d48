"""`fabric connections`: those that the server keeps."""

from typing import Annotated

import typer

from api.cli import terminal
from api.cli.names import MANY, fetch, suggesting
from api.cli.server import Server, segment
from catalog.errors import NotFound
from catalog.jsonvalue import Json

app = typer.Typer(no_args_is_help=True, help="Connections that the server keeps.")


def _names(incomplete: str) -> list[str]:
    """Names that begin so, for the shell; nothing where no server answers."""
    from catalog.errors import FabricError  # noqa: PLC0415 - only the shell asks

    try:
        rows = list(Server.configured().pages("connections", MANY))
    except FabricError:
        return []  # completion has no way to tell; the command itself will
    return [each["name"] for each in rows if each["name"].startswith(incomplete)]


Name = Annotated[str, typer.Argument(help="Its name or id.", autocompletion=_names)]

_COLUMNS: list[terminal.Column] = [
    ("NAME", lambda each: each["name"]),
    ("STATE", lambda each: "broken" if each.get("broken") else "enabled" if each["enabled"] else "disabled"),
    ("SOURCE", lambda each: _patterns(each["source_event"])),
    ("STEPS", lambda each: " ".join(step["operation_id"] for step in each["steps"])),
    ("UPDATED", lambda each: terminal.moment(each["updated_at"])),
]


def _patterns(source: Json) -> str:
    return source if isinstance(source, str) else " ".join(source)


@app.command("ls")
def list_connections(limit: terminal.Limit = 200, json: terminal.AsJson = False) -> None:
    """List Connections.

    Example: fabric connections ls
    """
    rows = Server.configured().pages("connections", limit)
    terminal.show_rows(rows, _COLUMNS, as_json=json, empty="There are no Connections. Write one and `fabric sync` it.")


@app.command("show")
def show(name: Name, json: terminal.AsJson = False) -> None:
    """Show a Connection. Who is not its author sees no params.

    Example: fabric connections show porch-person-archive
    """
    found = fetch(Server.configured(), "connections", name)
    if json:
        terminal.print_json(found)
    else:
        terminal.show_fields(found)


@app.command("rm")
def remove(name: Name, yes: terminal.Yes = False, json: terminal.AsJson = False) -> None:
    """Delete a Connection; its runs and audit stay.

    Example: fabric connections rm porch-person-archive --yes
    """
    server = Server.configured()
    found = fetch(server, "connections", name)
    if terminal.confirmed(f"Delete `{found['name']}`?", yes=yes):
        server.send("DELETE", f"connections/{segment(found['id'])}")
        terminal.done(f"`{found['name']}` is deleted.", {"deleted": found["id"]}, as_json=json)


@app.command("enable")
def enable(name: Name, json: terminal.AsJson = False) -> None:
    """Let a Connection fire.

    Example: fabric connections enable porch-person-archive
    """
    _switch(name, on=True, json=json)


@app.command("disable")
def disable(name: Name, json: terminal.AsJson = False) -> None:
    """Keep a Connection from firing; what runs goes on.

    Example: fabric connections disable porch-person-archive
    """
    _switch(name, on=False, json=json)


def _switch(name: str, *, on: bool, json: bool) -> None:
    server = Server.configured()
    try:
        found = server.send("PATCH", f"connections/{segment(name)}", body={"enabled": on}).body
    except NotFound as error:
        raise suggesting(error, name, server.pages("connections", MANY)) from None
    terminal.done(f"`{found['name']}` is {'enabled' if on else 'disabled'}.", found, as_json=json)
