"""`fabric controllers`: the targets that operations work on."""

import json as json_module
import sys
from pathlib import Path
from typing import Annotated

import typer

from api.cli import terminal
from api.cli.files import read_bytes
from api.cli.names import by_name
from api.cli.server import Server, segment
from catalog.errors import Invalid, NotFound
from catalog.jsonvalue import Json

app = typer.Typer(no_args_is_help=True, help="The targets that operations work on.")

Name = Annotated[str, typer.Argument(help="Its name, id, or the id's unique beginning.")]
Settings = Annotated[
    list[str] | None, typer.Option("--setting", help="KEY=VALUE for the driver; a value that is JSON is taken as such.")
]
Credentials = Annotated[
    list[str] | None, typer.Option("--credential", help="KEY=@FILE or KEY=@- (stdin): sealed, never shown again.")
]

_COLUMNS: list[terminal.Column] = [
    ("ID", lambda each: each["id"]),
    ("NAME", lambda each: each["name"]),
    ("DRIVER", lambda each: each["driver"]),
    ("READ ONLY", lambda each: "yes" if each["read_only"] else "no"),
    ("SITE", lambda each: each["site_id"]),
]


def _find(server: Server, name: str) -> Json:
    rows = server.pages("controllers", 10_000)
    return by_name(rows, name, lambda: NotFound("CONTROLLER_NOT_FOUND", f"There is no controller `{name}`."))


@app.command("ls")
def list_controllers(json: terminal.AsJson = False) -> None:
    """List controllers.

    Example: fabric controllers ls
    """
    rows = Server.configured().pages("controllers", 10_000)
    terminal.show_rows(rows, _COLUMNS, as_json=json, empty="There are no controllers.")


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Its name.")],
    driver: Annotated[str, typer.Option("--driver", help="What speaks to it, such as `local`.")] = "local",
    site: Annotated[
        str | None, typer.Option("--site", help="Where it stands (name or id); needed if there are several.")
    ] = None,
    setting: Settings = None,
    credential: Credentials = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Nothing is applied to it.")] = False,
    json: terminal.AsJson = False,
) -> None:
    """Add a controller.

    Example: fabric controllers add nas --driver local --setting directory=/srv/store
    """
    server = Server.configured()
    body = {
        "name": name,
        "driver": driver,
        "site_id": _site(server, site),
        "settings": _settings(setting),
        "credentials": _credentials(credential),
        "read_only": read_only,
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
    found = _find(Server.configured(), name)
    if json:
        terminal.print_json(found)
    else:
        terminal.show_fields(found)


@app.command("set")
def set_controller(
    name: Name,
    rename: Annotated[str | None, typer.Option("--name", help="Another name.")] = None,
    setting: Settings = None,
    credential: Credentials = None,
    read_only: Annotated[
        bool | None, typer.Option("--read-only/--writable", help="May anything be applied to it?")
    ] = None,
    json: terminal.AsJson = False,
) -> None:
    """Change a controller; settings are added to those it has.

    Example: fabric controllers set nas --read-only
    """
    server = Server.configured()
    found = _find(server, name)
    changes: Json = {"name": rename, "read_only": read_only}
    changes = {key: value for key, value in changes.items() if value is not None}
    if setting:
        changes["settings"] = {**(found["settings"] or {}), **_settings(setting)}
    if credential:
        changes["credentials"] = _credentials(credential)
    if not changes:
        raise typer.BadParameter("Nothing is to be changed.", param_hint="--name, --setting, --credential, --read-only")
    revision = {"If-Match": f'"{found["revision"]}"'}
    made = server.send("PATCH", f"controllers/{segment(found['id'])}", body=changes, headers=revision).body
    terminal.done(f"`{made['name']}` is changed.", made, as_json=json)


@app.command("rm")
def remove(name: Name, yes: terminal.Yes = False, json: terminal.AsJson = False) -> None:
    """Remove a controller. Changes that wait for it can then only be rejected.

    Example: fabric controllers rm nas --yes
    """
    server = Server.configured()
    found = _find(server, name)
    if terminal.confirmed(f"Remove `{found['name']}`?", yes=yes):
        server.send("DELETE", f"controllers/{segment(found['id'])}")
        terminal.done(f"`{found['name']}` is removed.", {"deleted": found["id"]}, as_json=json)


def _site(server: Server, name: str | None) -> str:
    rows = list(server.pages("sites", 10_000))
    if name is not None:
        return str(by_name(rows, name, lambda: NotFound("SITE_NOT_FOUND", f"There is no site `{name}`."))["id"])
    if len(rows) != 1:
        raise typer.BadParameter(f"There are {len(rows)} sites; name one.", param_hint="--site")
    return str(rows[0]["id"])


def _pairs(given: list[str] | None, option: str) -> dict[str, str]:
    pairs = [each.partition("=") for each in given or []]
    for key, equals, _ in pairs:
        if not key or not equals:
            raise typer.BadParameter("Write KEY=VALUE.", param_hint=option)
    return {key: value for key, _, value in pairs}


def _settings(given: list[str] | None) -> dict[str, Json]:
    return {key: _json_or_text(value) for key, value in _pairs(given, "--setting").items()}


def _json_or_text(text: str) -> Json:
    try:
        return json_module.loads(text)
    except ValueError:
        return text


def _credentials(given: list[str] | None) -> dict[str, str]:
    """Credentials come from files or stdin, so that they stand in no shell's history and no process list."""
    found = {}
    for key, source in _pairs(given, "--credential").items():
        if not source.startswith("@"):
            raise Invalid(
                "CREDENTIAL_SOURCE", f"`{key}` is given on the command line.", hint=f"Write {key}=@FILE or {key}=@-."
            )
        content = sys.stdin.buffer.read() if source == "@-" else read_bytes(Path(source[1:]))
        found[key] = content.decode().removesuffix("\n")
    return found
