"""`fabric sites`: places that controllers stand in."""

from typing import Annotated

import typer

from api.cli import terminal
from api.cli.server import Server

app = typer.Typer(no_args_is_help=True, help="Places that controllers stand in.")

_COLUMNS: list[terminal.Column] = [("ID", lambda each: each["id"]), ("NAME", lambda each: each["name"])]


@app.command("ls")
def list_sites(json: terminal.AsJson = False) -> None:
    """List sites.

    Example: fabric sites ls
    """
    terminal.show_rows(Server.configured().pages("sites", 10_000), _COLUMNS, as_json=json, empty="There are no sites.")


@app.command("add")
def add(name: Annotated[str, typer.Argument(help="Its name.")], json: terminal.AsJson = False) -> None:
    """Add a site.

    Example: fabric sites add cellar
    """
    made = Server.configured().post("sites", {"name": name})
    if json:
        terminal.print_json(made)
    else:
        terminal.say("site ", made["name"], "  ", (made["id"], "bold"))
