"""`fabric controllers drivers`: what can be a controller, and what it takes."""

from typing import Annotated

import typer

from api.cli import terminal
from api.cli.controller_values import driver_names
from api.cli.names import by_name
from api.cli.server import Server
from catalog.errors import NotFound, Unauthenticated, Unavailable
from catalog.jsonvalue import Json

_COLUMNS: list[terminal.Column] = [
    ("DRIVER", lambda each: each["name"]),
    ("MODULE", lambda each: each["module"]),
    ("WHAT", lambda each: each["title"]),
    ("INSTALLED", lambda each: "yes" if each["installed"] else f'no: pip install "fabricksd[{each["extra"]}]"'),
]


def drivers(
    name: Annotated[str | None, typer.Argument(help="One of them: what it takes.", autocompletion=driver_names)] = None,
    json: terminal.AsJson = False,
) -> None:
    """List drivers, or say what one takes: its settings and credentials, and a command to begin with.

    Example: fabric controllers drivers local
    """
    rows = _known()
    if name is None:
        terminal.show_rows(rows, _COLUMNS, as_json=json, empty="There are no drivers.")
        return
    found = by_name(
        rows,
        name,
        lambda: NotFound(
            "DRIVER_UNKNOWN", f"There is no driver `{name}`.", hint="`fabric controllers drivers` lists them."
        ),
    )
    if json:
        terminal.print_json(found)
    else:
        _show(found)


def _known() -> list[Json]:
    """The drivers of the server; those of this version where there is none to ask, and a note that says so."""
    try:
        return list(Server.configured().get("drivers")["items"])
    except (Unavailable, Unauthenticated) as error:
        import msgspec  # noqa: PLC0415 - keeps `--help` quick

        from api.fabric.driver_shapes import shown_drivers  # noqa: PLC0415 - only where no server is asked

        terminal.note(f"{error.message} These are the drivers of this command line.")
        return list(msgspec.to_builtins(shown_drivers()))


def _show(driver: Json) -> None:
    from runtime.drivers.described import fields_of  # noqa: PLC0415 - keeps `--help` quick

    terminal.say((driver["name"], "bold"), f"  {driver['title']}  (module {driver['module']})")
    if not driver["installed"]:
        terminal.say(("not installed", "yellow"), f': pip install "fabricksd[{driver["extra"]}]"')
    settings, credentials = fields_of(driver["settings"]), fields_of(driver["credentials"])
    for title, fields in (("Settings", settings), ("Credentials", credentials)):
        terminal.say("")
        terminal.say((title, "bold"))
        rows = [
            {
                "name": each.name,
                "type": each.type,
                "default": _default(each.required, each.default),
                "says": each.description,
            }
            for each in fields
        ]
        terminal.show_rows(rows, _FIELDS, as_json=False, empty="  none")
    terminal.say("")
    words = ["fabric controllers add NAME --driver", driver["name"]]
    words += [f"--setting {each.name}=…" for each in settings if each.required and "." not in each.name]
    words += [f"--credential {each.name}" for each in credentials if each.required]
    terminal.say(" ".join(words))


_FIELDS: list[terminal.Column] = [
    ("  NAME", lambda each: f"  {each['name']}"),
    ("TYPE", lambda each: each["type"]),
    ("DEFAULT", lambda each: each["default"]),
    ("MEANING", lambda each: each["says"]),
]


def _default(required: bool, default: Json) -> str:
    import msgspec  # noqa: PLC0415 - keeps `--help` quick

    if required:
        return "(required)"
    return "" if default in (None, "", [], {}) else msgspec.json.encode(default).decode()
