"""`fabric runs`: what happened when Connections fired."""

from typing import Annotated

import typer

from api.cli import exits, terminal
from api.cli.names import fetch, suggesting
from api.cli.run_view import show_run
from api.cli.server import Server, segment
from catalog.errors import NotFound
from catalog.jsonvalue import Json

app = typer.Typer(no_args_is_help=True, help="What happened when Connections fired.")

Id = Annotated[str, typer.Argument(help="The run's id, or its unique beginning.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on as things happen.")]
OVER = ("succeeded", "failed", "skipped", "cancelled", "dead_letter")


def _why(run: Json) -> str:
    if run["error"]:
        return str(run["error"]["code"])
    return run["reason"] or (f"waits for {run['waits_for']}" if run["waits_for"] and run["state"] == "queued" else "")


_COLUMNS: list[terminal.Column] = [
    ("RUN", lambda each: each["id"]),
    ("STATE", lambda each: each["state"]),
    ("CONNECTION", lambda each: each["connection_name"]),
    ("EVENT", lambda each: each["event"]["type"]),
    ("ORIGIN", lambda each: each["origin"]),
    ("QUEUED", lambda each: terminal.moment(each["queued_at"])),
    ("WHY", _why),
]


@app.command("ls")
def list_runs(
    connection: Annotated[str | None, typer.Option("--connection", "-c", help="Only this Connection's.")] = None,
    state: Annotated[str | None, typer.Option("--state", help="Only those in this state.")] = None,
    follow: Follow = False,
    limit: terminal.Limit = 50,
    json: terminal.AsJson = False,
) -> None:
    """List runs, newest first; with --follow, each one's moves as they happen.

    Example: fabric runs ls --state failed
    """
    server = Server.configured()
    rows = server.pages("runs", limit, state=state, connection=connection)
    terminal.show_rows(rows, _COLUMNS, as_json=json, empty="There are no runs.")
    if follow:
        _follow_all(server, json=json)


def _follow_all(server: Server, *, json: bool) -> None:
    from api.cli.follow import moves  # noqa: PLC0415 - only for who follows

    for move in moves(server):
        if move["kind"] == "run":
            terminal.print_line(move) if json else _say_move(move)


def _say_move(move: Json) -> None:
    terminal.say(terminal.moment(move["time"]), "  run ", move["id"], "  ", terminal.styled(move["state"]))


@app.command("show")
def show(run_id: Id, follow: Follow = False, json: terminal.AsJson = False) -> None:
    """Show a run with its steps; with --follow, wait for its end.

    Example: fabric runs show 0192f3c4 --follow
    """
    server = Server.configured()
    run = fetch(server, "runs", run_id)
    if follow:
        run = until_over(server, run)
    _finish(run, json=json)


def until_over(server: Server, run: Json) -> Json:
    """Wait for a run's end, saying its moves on stderr.

    The run itself is the truth; the stream only tells when to look: once it is open, at each move and heartbeat.
    """
    from api.cli.follow import moves  # noqa: PLC0415 - only for who follows

    if run["state"] in OVER:
        return run
    for move in moves(server):
        if move["kind"] == "run" and move["id"] == run["id"]:
            terminal.note(f"{terminal.moment(move['time'])}  {move['state']}")
        elif move["kind"] != "heartbeat":
            continue
        found = server.get(f"runs/{run['id']}")
        if found["state"] in OVER:
            return found
    return run


def _finish(run: Json, *, json: bool) -> None:
    if json:
        terminal.print_json(run)
    else:
        show_run(run)
    raise typer.Exit(exits.of_run(run))


@app.command("replay")
def replay(run_id: Id, follow: Follow = False, json: terminal.AsJson = False) -> None:
    """Run a run's event again by the present Connection; what it stages supersedes what is still pending.

    Example: fabric runs replay 0192f3c4-…
    """
    _act(run_id, "replay", follow=follow, json=json)


@app.command("cancel")
def cancel(run_id: Id, json: terminal.AsJson = False) -> None:
    """End a run that is queued or under way.

    Example: fabric runs cancel 0192f3c4-…
    """
    server = Server.configured()
    run = _post(server, run_id, "cancel")
    if json:
        terminal.print_json(run)
    else:
        show_run(run)


def _act(run_id: str, action: str, *, follow: bool, json: bool) -> None:
    server = Server.configured()
    run = _post(server, run_id, action)
    _finish(until_over(server, run) if follow else run, json=json)


def _post(server: Server, run_id: str, action: str) -> Json:
    try:
        return server.post(f"runs/{segment(fetch(server, 'runs', run_id)['id'])}/{action}")
    except NotFound as error:
        raise suggesting(error, run_id, server.pages("runs", 200)) from None
