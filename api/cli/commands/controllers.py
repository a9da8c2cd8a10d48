"""`fabric controllers`: the targets that operations work on."""

from typing import Annotated

import typer

from api.cli import terminal
from api.cli.commands import controller_drivers, controller_test
from api.cli.controller_values import credentials_of, driver_names, settings_of
from api.cli.names import by_name
from api.cli.server import Server, segment
from catalog.errors import Conflict, NotFound
from catalog.jsonvalue import Json

app = typer.Typer(no_args_is_help=True, help="The targets that operations work on.")

Name = Annotated[str, typer.Argument(help="Its name, id, or the id's unique beginning.")]
Settings = Annotated[
    list[str] | None, typer.Option("--setting", help="KEY=VALUE for the driver; a value that is JSON is taken as such.")
]
Credentials = Annotated[
    list[str] | None,
    typer.Option(
        "--credential",
        help="KEY=@FILE, KEY=@- (stdin), or KEY alone to be asked for it: sealed, never shown again.",
    ),
]

_COLUMNS: list[terminal.Column] = [
    ("ID", lambda each: each["id"]),
    ("NAME", lambda each: each["name"]),
    ("DRIVER", lambda each: each["driver"]),
    ("READ ONLY", lambda each: "yes" if each["read_only"] else "no"),
    ("SITE", lambda each: each["site_id"]),
]


def find(server: Server, name: str) -> Json:
    """The controller of that name or id. Raises NotFound CONTROLLER_NOT_FOUND with "did you mean"."""
    rows = server.pages("controllers", 10_000)
    return by_name(rows, name, lambda: NotFound("CONTROLLER_NOT_FOUND", f"There is no controller `{name}`."))


@app.command("ls")
def list_controllers(json: terminal.AsJson = False) -> None:
    """List controllers.

    Example: fabric controllers ls
    """
    rows = Server.configured().pages("controllers", 10_000)
    terminal.show_rows(rows, _COLUMNS, as_json=json, empty="There are no controllers.")


app.command("drivers")(controller_drivers.drivers)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Its name.")],
    driver: Annotated[
        str,
        typer.Option(
            "--driver",
            help="What speaks to it, such as `local`; `fabric controllers drivers` lists them.",
            autocompletion=driver_names,
        ),
    ] = "local",
    site: Annotated[
        str | None, typer.Option("--site", help="Where it stands (name or id); needed if there are several.")
    ] = None,
    setting: Settings = None,
    credential: Credentials = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Nothing is applied to it.")] = False,
    wanted_id: Annotated[
        str | None, typer.Option("--id", help="A UUID that your Connections name already; else one is made.")
    ] = None,
    json: terminal.AsJson = False,
) -> None:
    """Add a controller. Its driver says at once what does not fit.

    Example: fabric controllers add nas --driver local --setting directory=/srv/store
    """
    server = Server.configured()
    body = {
        "name": name,
        "driver": driver,
        "site_id": _site(server, site),
        "settings": settings_of(setting),
        "credentials": credentials_of(credential),
        "read_only": read_only,
        **({} if wanted_id is None else {"id": wanted_id}),
    }
    made = server.post("controllers", body)
    if json:
        terminal.print_json(made)
    else:
        terminal.say("controller ", made["name"], "  ", (made["id"], "bold"))


@app.command("show")
def show(name: Name, json: terminal.AsJson = False) -> None:
    """Show a controller; its credentials are never shown.

    Example: fabric controllers show nas
    """
    found = find(Server.configured(), name)
    if json:
        terminal.print_json(found)
    else:
        terminal.show_fields(found)


@app.command("test")
def test(name: Name, json: terminal.AsJson = False) -> None:
    """Really connect to a controller and say what works. Exit code 1 where anything does not.

    Example: fabric controllers test nas
    """
    server = Server.configured()
    controller_test.test(server, find(server, name), as_json=json)


@app.command("set")
def set_controller(
    name: Name,
    rename: Annotated[str | None, typer.Option("--name", help="Another name.")] = None,
    setting: Settings = None,
    unset: Annotated[list[str] | None, typer.Option("--unset", help="KEY of a setting that goes.")] = None,
    credential: Credentials = None,
    read_only: Annotated[
        bool | None, typer.Option("--read-only/--writable", help="May anything be applied to it?")
    ] = None,
    json: terminal.AsJson = False,
) -> None:
    """Change a controller; settings are added to those it has, credentials take the place of those it has.

    Example: fabric controllers set nas --read-only
    """
    server = Server.configured()
    found = find(server, name)
    changes: Json = {"name": rename, "read_only": read_only}
    changes = {key: value for key, value in changes.items() if value is not None}
    if setting or unset:
        kept = {key: value for key, value in (found["settings"] or {}).items() if key not in (unset or ())}
        changes["settings"] = {**kept, **settings_of(setting)}
    if credential:
        changes["credentials"] = credentials_of(credential)
    if not changes:
        options = "--name, --setting, --unset, --credential, --read-only"
        raise typer.BadParameter("Nothing is to be changed.", param_hint=options)
    revision = {"If-Match": f'"{found["revision"]}"'}
    made = server.send("PATCH", f"controllers/{segment(found['id'])}", body=changes, headers=revision).body
    terminal.done(f"`{made['name']}` is changed.", made, as_json=json)


@app.command("rm")
def remove(name: Name, yes: terminal.Yes = False, json: terminal.AsJson = False) -> None:
    """Remove a controller. Changes that wait for it expire with it; you are told before.

    Example: fabric controllers rm nas --yes
    """
    server = Server.configured()
    found = find(server, name)
    if not terminal.confirmed(f"Remove `{found['name']}`?", yes=yes):
        return
    path = f"controllers/{segment(found['id'])}"
    try:
        server.send("DELETE", path, query={"force": "true"} if yes else None)
    except Conflict as error:
        waiting = error.details.get("changes")
        if error.code != "IN_USE" or yes or not isinstance(waiting, int):
            raise
        changes = terminal.counted(waiting, "change")
        if not terminal.confirmed(f"{changes} wait for it and expire with it. Remove it all the same?", yes=False):
            return
        server.send("DELETE", path, query={"force": "true"})
    terminal.done(f"`{found['name']}` is removed.", {"deleted": found["id"]}, as_json=json)


def _site(server: Server, name: str | None) -> str:
    rows = list(server.pages("sites", 10_000))
    if name is not None:
        return str(by_name(rows, name, lambda: NotFound("SITE_NOT_FOUND", f"There is no site `{name}`."))["id"])
    if len(rows) != 1:
        raise typer.BadParameter(f"There are {len(rows)} sites; name one.", param_hint="--site")
    return str(rows[0]["id"])
