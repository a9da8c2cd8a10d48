"""`fabric catalog`: what a Connection may say."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from api.cli import terminal
from api.cli.commands.validate import CatalogFile
from api.cli.files import write_bytes
from api.cli.offline import offline_catalog
from api.cli.server_catalog import server_catalog
from catalog.catalog import Catalog, full_entry, nearest
from catalog.errors import FabricError, NotFound
from catalog.jsonvalue import Json

app = typer.Typer(no_args_is_help=True, help="Operations and events: what a Connection may say.")

Live = Annotated[bool, typer.Option("--live", help="The running server's, not the built-in one.")]

_OPERATION_COLUMNS: list[terminal.Column] = [
    ("OPERATION", lambda each: each["id"]),
    ("TIER", lambda each: each["tier"]),
    ("KIND", lambda each: "write" if each["write"] else "read"),
    ("PERMISSION", lambda each: each["permission"]),
    ("DRIVER", lambda each: "missing" if each["driver_missing"] else "ok"),
    ("TITLE", lambda each: each["title"]),
]
_EVENT_COLUMNS: list[terminal.Column] = [
    ("EVENT", lambda each: each["event_type"]),
    ("TIER", lambda each: each["tier"]),
    ("ARTIFACT", lambda each: each["produces"]),
    ("DRIVER", lambda each: "missing" if each["driver_missing"] else "ok"),
    ("TITLE", lambda each: each["title"]),
]


Which = Annotated[
    bool | None,
    typer.Option(
        "--live/--built-in", help="The running server's, or the built-in one; the server's where one answers."
    ),
]

BUILT_IN = "note: no server answers; this is the built-in catalog, without services' functions and plugins."


def _chosen(file: Path | None, *, live: bool | None) -> Catalog:
    """The catalog that was asked for: where nothing was, the server's, else the built-in one with a word of it."""
    if live or (live is None and file is None):
        try:
            return server_catalog()
        except FabricError:
            if live:
                raise
            terminal.note(BUILT_IN)
    return offline_catalog(file)


@app.command("ls")
def list_catalog(
    catalog: CatalogFile = None,
    live: Which = None,
    count: Annotated[bool, typer.Option("--count", help="Only how many there are.")] = False,
    json: terminal.AsJson = False,
) -> None:
    """List operations and events.

    Example: fabric catalog ls --count
    """
    found = _chosen(catalog, live=live)
    if count:
        counts: Json = found.snapshot["counts"]
        if json:
            terminal.print_json(counts)
        else:
            terminal.show_fields(counts)
        return
    operations = [full_entry(each) for each in found.operations.values()]
    events = [full_entry(each) for each in found.events.values()]
    if json:
        terminal.print_json({"operations": operations, "events": events})
        return
    terminal.show_rows(operations, _OPERATION_COLUMNS, as_json=False, empty="There are no operations.")
    terminal.show_rows(events, _EVENT_COLUMNS, as_json=False, empty="There are no events.")


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="An operation's id or an event's type.")],
    catalog: CatalogFile = None,
    live: Which = None,
    json: terminal.AsJson = False,
) -> None:
    """Show one operation or event with its schemas.

    Example: fabric catalog show fabric.webhook
    """
    found = _chosen(catalog, live=live)
    entry = found.find_operation(name) or found.find_event(name)
    if entry is None:
        near = nearest(name, [*found.operations, *found.events])
        hint = f"Did you mean `{near}`?" if near else "See `fabric catalog ls`."
        raise NotFound("CATALOG_UNKNOWN", f"The catalog has no `{name[:80]}`.", hint=hint)
    if json:
        terminal.print_json(full_entry(entry))
    else:
        terminal.show_fields(full_entry(entry))


@app.command("export")
def export(
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write to this file.", dir_okay=False)] = None,
    live: Live = False,
) -> None:
    """Write the catalog to a file to compile against offline.

    Example: fabric catalog export --live -o catalog.json
    """
    from catalog.files import export_catalog  # noqa: PLC0415 - keeps `--help` quick

    content = export_catalog(_chosen(None, live=live))
    if output is not None:
        write_bytes(output, content)
    else:
        typer.echo(content.decode(), nl=False)


@app.command("watch")
def watch(
    every: Annotated[float, typer.Option("--every", min=0.2, help="Seconds between looks.")] = 1.0,
    json: terminal.AsJson = False,
) -> None:
    """Say which operations and events of the running server come and go, until Ctrl-C.

    Example: fabric catalog watch
    """
    known = _names(server_catalog())
    terminal.note(f"{len(known)} operations and events; watching.")
    while True:
        time.sleep(every)
        now = _names(server_catalog())
        for name in sorted(known.keys() | now.keys()):
            if known.get(name) != now.get(name):
                mark = "+" if name not in known else "-" if name not in now else "~"
                _say_move(mark, name, json=json)
        known = now


def _say_move(mark: str, name: str, *, json: bool) -> None:
    if json:
        terminal.print_line({"move": {"+": "added", "-": "removed", "~": "changed"}[mark], "name": name})
    else:
        terminal.say(terminal.styled(f"{mark} {name}", {"+": "green", "-": "red", "~": "yellow"}[mark]))


def _names(catalog: Catalog) -> Mapping[str, Json]:
    return {**catalog.operations, **catalog.events}
