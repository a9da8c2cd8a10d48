"""`fabric seal`: the key under which credentials and secrets lie."""

import time
from typing import Annotated

import typer

from api.cli import terminal
from api.cli.server import Server
from catalog.errors import Unavailable
from catalog.jsonvalue import Json

app = typer.Typer(no_args_is_help=True, help="The key under which credentials and secrets lie.")

LOOK_SECONDS = 1.0
"""Between two looks at a rotation that takes long."""


@app.command("show")
def show(json: terminal.AsJson = False) -> None:
    """Show how many keys the seal opens with, and how the last rotation went.

    Example: fabric seal show
    """
    found = Server.configured().get("seal")
    if json:
        terminal.print_json(found)
    else:
        terminal.show_fields(found)


@app.command("rotate")
def rotate(
    keep_old: Annotated[
        bool, typer.Option("--keep-old", help="Old keys go on opening what a backup from before brings back.")
    ] = False,
    json: terminal.AsJson = False,
) -> None:
    """Give the seal a fresh key and put everything that is sealed under it, while the server runs.

    A crash at any moment loses nothing: rotate again.

    Example: fabric seal rotate
    """
    server = Server.configured()
    found = server.post("seal/rotate", {"keep_old": keep_old})
    while found["rotation"]["state"] == "running":
        terminal.note(f"{found['rotation']['rows_done']} of {found['rotation']['rows']} rows")
        time.sleep(LOOK_SECONDS)
        found = server.get("seal")
    rotation = found["rotation"]
    if rotation["state"] != "done":
        raise Unavailable(
            "SEAL_NOT_ROTATED",
            f"The key is not rotated: {rotation['detail'] or 'the server ended'}",
            hint="Nothing is lost; rotate again.",
        )
    if json:
        terminal.print_json(found)
    else:
        _tell(found, rotation)


def _tell(found: Json, rotation: Json) -> None:
    for kind, count in rotation["moved"].items():
        terminal.say(f"{count:>7} ", kind)
    for kind, count in rotation["unopened"].items():
        terminal.say((f"{count:>7} {kind} open with no key and stay as they are: set them anew", "bold red"))
    kept = f"; {found['keys'] - 1} old ones are kept" if found["keys"] > 1 else ", the old one is gone"
    terminal.say("the key is ", ("fresh", "green"), kept)
