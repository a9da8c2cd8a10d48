"""`fabric secrets`: names that `{{secrets.name}}` may use. Values go in and never come out."""

import sys
from typing import Annotated

import typer

from api.cli import terminal
from api.cli.names import by_name
from api.cli.server import Server, segment
from catalog.errors import Invalid, NotFound

app = typer.Typer(no_args_is_help=True, help="Values for {{secrets.name}}: they go in and never come out.")

Name = Annotated[str, typer.Argument(help="Its name: a-z, 0-9, `_` and `-`.")]


@app.command("ls")
def list_secrets(json: terminal.AsJson = False) -> None:
    """List the names.

    Example: fabric secrets ls
    """
    columns: list[terminal.Column] = [
        ("NAME", lambda each: each["name"]),
        ("SET", lambda each: terminal.moment(each["updated_at"])),
    ]
    rows = Server.configured().pages("secrets", 10_000)
    terminal.show_rows(rows, columns, as_json=json, empty="There are no secrets.")


@app.command("set")
def set_secret(name: Name, json: terminal.AsJson = False) -> None:
    """Set a secret: typed unseen at a terminal, else read from stdin (one final newline is dropped).

    Example: fabric secrets set n8n_url < url.txt
    """
    if sys.stdin.isatty():
        value = typer.prompt(f"Value of `{name}`", hide_input=True, err=True)
    else:
        value = sys.stdin.read().removesuffix("\n")
    if not value:
        hint = f"Send it in: `fabric secrets set {name} < FILE`."
        raise Invalid("SECRET_EMPTY", f"No value for `{name}` came in.", hint=hint)
    Server.configured().send("PUT", f"secrets/{segment(name)}", body={"value": value})
    terminal.done(f"`{name}` is set.", {"set": name}, as_json=json)


@app.command("rm")
def remove(name: Name, yes: terminal.Yes = False, json: terminal.AsJson = False) -> None:
    """Delete a secret.

    Example: fabric secrets rm n8n_url --yes
    """
    server = Server.configured()
    by_name(
        server.pages("secrets", 10_000), name, lambda: NotFound("SECRET_NOT_FOUND", f"There is no secret `{name}`.")
    )
    if terminal.confirmed(f"Delete secret `{name}`?", yes=yes):
        server.send("DELETE", f"secrets/{segment(name)}")
        terminal.done(f"`{name}` is deleted.", {"deleted": name}, as_json=json)
