"""`fabric test`: one Connection with a payload, or whole scenarios offline."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli import exits, terminal
from api.cli.names import MANY, suggesting
from api.cli.payload import read_payload
from api.cli.run_view import show_run
from api.cli.server import Server, segment
from catalog.errors import NotFound
from catalog.jsonvalue import Json


def test(
    names: Annotated[list[str], typer.Argument(help="A Connection's name or id; with --scenario, files or folders.")],
    payload: Annotated[
        str | None,
        typer.Option("--payload", "-p", help="A file, `-` for stdin, or JSON; without it the last matching event."),
    ] = None,
    event: Annotated[
        str | None, typer.Option("--event", help="Type of the event, where a wildcard leaves it open.")
    ] = None,
    scenario: Annotated[bool, typer.Option("--scenario", help="Play scenario files; no server is needed.")] = False,
    json: terminal.AsJson = False,
) -> None:
    """Run a Connection of the server once (its writes stage), or play scenarios on this machine.

    Example: fabric test porch-person-archive --payload event.json
    Example: fabric test --scenario samples/
    """
    if scenario:
        from api.cli.scenario_report import play_files  # noqa: PLC0415 - brings the engine along

        raise typer.Exit(play_files([Path(each) for each in names], as_json=json))
    if len(names) != 1:
        raise typer.BadParameter("One Connection is tested at a time.", param_hint="NAME")
    run = _tested(Server.configured(), names[0], payload, event)
    if json:
        terminal.print_json(run)
    else:
        show_run(run)
    raise typer.Exit(exits.of_run(run))


def _tested(server: Server, name: str, payload: str | None, event: str | None) -> Json:
    body: Json = {} if payload is None else {"payload": read_payload(payload)}
    if event is not None:
        body["event_type"] = event
    try:
        return server.post(f"connections/{segment(name)}/test", body)
    except NotFound as error:
        if error.code != "CONNECTION_NOT_FOUND":
            raise
        raise suggesting(error, name, server.pages("connections", MANY)) from None
