"""`fabric diff` and `fabric sync`: make the server's Connections those of a folder, plan first."""

import json as json_module
from pathlib import Path
from typing import Annotated

import typer

from api.cli import terminal
from api.cli.commands.validate import show_problems
from api.cli.exits import ExitCode
from api.cli.files import connection_files, read_bytes
from api.cli.moves import Action, Local, Move, plan_moves
from api.cli.names import MANY
from api.cli.problems import diagnostics_from
from api.cli.server import Server, segment
from api.cli.server_catalog import server_catalog
from catalog.catalog import Catalog
from catalog.diagnostics import Severity
from catalog.errors import ConnectionInvalid, Invalid
from catalog.jsonvalue import compact

Folder = Annotated[
    list[Path], typer.Option("-f", "--files", help="A folder, or files.", exists=True, show_default=False)
]
Prune = Annotated[bool, typer.Option("--prune", help="Delete what the server has and the folder has not.")]
YAML = {"Content-Type": "application/yaml"}

_MARKS = {Action.CREATE: ("+", "green"), Action.CHANGE: ("~", "yellow"), Action.DELETE: ("-", "red")}
_DONE = {Action.CREATE: "created", Action.CHANGE: "changed", Action.DELETE: "deleted"}
_LINE_STYLES = {"+": "green", "-": "red", "~": "yellow"}


def diff(
    files: Folder,
    prune: Prune = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 1 where there is a difference.")] = False,
    json: terminal.AsJson = False,
) -> None:
    """Show what `fabric sync` would do.

    Example: fabric diff -f connections/ --prune
    """
    moves = _planned(Server.configured(), files, prune=prune)
    _show(moves, json=json)
    raise typer.Exit(ExitCode.AUTHOR if exit_code and _doing(moves) else ExitCode.FINE)


def sync(files: Folder, prune: Prune = False, yes: terminal.Yes = False, json: terminal.AsJson = False) -> None:
    """Make the server's Connections those of a folder: show the plan, ask, then do it.

    Nothing is changed while any file has an error.

    Example: fabric sync -f connections/ --prune --yes
    """
    server = Server.configured()
    moves = _planned(server, files, prune=prune)
    _show(moves, json=json)
    doing = _doing(moves)
    if not doing:
        return
    if not terminal.confirmed("Do this?", yes=yes):
        terminal.note("Nothing is changed.")
        return
    for move in doing:
        _carry_out(server, move)
        terminal.note(f"`{move.name}` is {_DONE[move.action]}.")


def _planned(server: Server, files: list[Path], *, prune: bool) -> list[Move]:
    catalog = server_catalog(server)
    local: dict[str, Local] = {}
    broken = False
    for path in connection_files(files):
        found = _local(server, catalog, path)
        if found is None:
            broken = True
            continue
        name = found.source["name"]
        if name in local:
            raise Invalid(
                "SYNC_DUPLICATE",
                f"`{name}` stands in `{local[name].file}` and in `{path}`.",
                hint="A name is one Connection's.",
            )
        local[name] = found
    if broken:
        terminal.note("Nothing is planned while a file has an error.")
        raise typer.Exit(ExitCode.AUTHOR)
    remote = {each["name"]: each for each in server.pages("connections", MANY * 100)}
    return plan_moves(local, remote, prune=prune)


def _local(server: Server, catalog: Catalog, path: Path) -> Local | None:
    """The file as the server would take it; None after showing why it would not."""
    import connections  # noqa: PLC0415 - keeps `--help` quick

    content = read_bytes(path)
    try:
        plan = connections.compile(content, catalog)
    except ConnectionInvalid as error:
        show_problems(str(path), content, error.diagnostics)
        return None
    verdict = server.send("POST", "connections/validate", raw=content, headers=YAML).body
    problems = diagnostics_from(verdict["diagnostics"])
    show_problems(str(path), content, [each for each in problems if each.severity is Severity.ERROR])
    if not verdict["valid"]:
        return None
    return Local(file=path, content=content, source=json_module.loads(compact(plan.connection.document())))


def _doing(moves: list[Move]) -> list[Move]:
    return [move for move in moves if move.action is not Action.KEEP]


def _show(moves: list[Move], *, json: bool) -> None:
    if json:
        terminal.print_json(
            [
                {
                    "action": move.action.value,
                    "name": move.name,
                    "file": str(move.local.file) if move.local else None,
                    "difference": [f"{mark} {text}" for mark, text in move.lines],
                }
                for move in moves
            ]
        )
        return
    for move in _doing(moves):
        mark, style = _MARKS[move.action]
        place = f"  ({move.local.file})" if move.local else ""
        terminal.say(
            terminal.styled(f"{mark} {move.action.value} {move.name}", style), (terminal.visible(place), "dim")
        )
        for sign, text in move.lines:
            terminal.say("    ", terminal.styled(f"{sign} {text}", _LINE_STYLES[sign]))
    counts = {action: sum(move.action is action for move in moves) for action in Action}
    terminal.say(
        f"Plan: {counts[Action.CREATE]} to create, {counts[Action.CHANGE]} to change, "
        f"{counts[Action.DELETE]} to delete, {counts[Action.KEEP]} as they are."
    )


def _carry_out(server: Server, move: Move) -> None:
    if move.action is Action.CREATE and move.local is not None:
        server.send("POST", "connections", raw=move.local.content, headers=YAML)
        return
    path = f"connections/{segment(move.remote['id'])}"
    if move.action is Action.DELETE:
        server.send("DELETE", path)
    else:
        revision = {"If-Match": f'"{move.remote["revision"]}"'}
        server.send("PATCH", path, body=move.patch, headers=revision)
