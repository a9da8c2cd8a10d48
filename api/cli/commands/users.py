"""`fabric users`: the organisation's people."""

from typing import Annotated

import typer

from api.cli import terminal
from api.cli.names import by_name
from api.cli.server import Server
from catalog.errors import NotFound
from catalog.jsonvalue import Json

app = typer.Typer(no_args_is_help=True, help="The organisation's people.")


def _roles(user: Json) -> str:
    return " ".join(
        each["role"] + ("" if each["sites"] is None else f"@{len(each['sites'])}") for each in user["grants"]
    )


_COLUMNS: list[terminal.Column] = [
    ("ID", lambda each: each["id"]),
    ("NAME", lambda each: each["name"]),
    ("E-MAIL", lambda each: each["email"]),
    ("STATE", lambda each: "enabled" if each["active"] else "disabled"),
    ("ROLES", _roles),
]


@app.command("ls")
def list_users(json: terminal.AsJson = False) -> None:
    """List people with their roles (`@2`: at two sites only).

    Example: fabric users ls
    """
    terminal.show_rows(Server.configured().pages("users", 10_000), _COLUMNS, as_json=json, empty="There is nobody.")


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="The person's name.")],
    role: Annotated[list[str], typer.Option("--role", help="A role: `org_admin`, `operator`, `viewer` or your own.")],
    site: Annotated[list[str] | None, typer.Option("--site", help="Only at this site (name or id).")] = None,
    email: Annotated[str | None, typer.Option("--email", help="An address for notifications.")] = None,
    json: terminal.AsJson = False,
) -> None:
    """Add a person. A token for him: `fabric keys create --kind token --user NAME`.

    Example: fabric users add ada --role operator --site cellar
    """
    server = Server.configured()
    sites = [_site(server, each) for each in site] if site else None
    body: Json = {"name": name, "email": email, "grants": [{"role": each, "sites": sites} for each in role]}
    made = server.post("users", body)
    if json:
        terminal.print_json(made)
    else:
        terminal.say("user ", made["name"], "  ", (made["id"], "bold"))


def _site(server: Server, name: str) -> str:
    rows = server.pages("sites", 10_000)
    return str(by_name(rows, name, lambda: NotFound("SITE_NOT_FOUND", f"There is no site `{name}`."))["id"])
