"""`fabric changes`: staged writes, and the decision on them."""

import time
from typing import Annotated

import typer

from api.cli import exits, terminal
from api.cli.change_view import asked_by, show_change
from api.cli.names import fetch
from api.cli.server import Server, segment
from catalog.errors import Conflict
from catalog.jsonvalue import Json

app = typer.Typer(no_args_is_help=True, help="Writes that wait for a person, and the decision on them.")

Id = Annotated[str, typer.Argument(help="The change's id, or its unique beginning.")]

LOOK_SECONDS = 1.0
"""Between two looks at a change that is being applied."""

_COLUMNS: list[terminal.Column] = [
    ("CHANGE", lambda each: each["id"]),
    ("STATE", lambda each: each["state"]),
    ("OPERATION", lambda each: each["operation_id"]),
    ("SUMMARY", lambda each: each["summary"]),
    ("ASKED BY", lambda each: each["connection_name"] or asked_by(each)),
    ("STAGED", lambda each: terminal.moment(each["staged_at"])),
]


@app.command("ls")
def list_changes(
    state: Annotated[str | None, typer.Option("--state", help="Only those in this state, such as `pending`.")] = None,
    limit: terminal.Limit = 50,
    json: terminal.AsJson = False,
) -> None:
    """List changes, newest first.

    Example: fabric changes ls --state pending
    """
    rows = Server.configured().pages("changes", limit, state=state)
    terminal.show_rows(rows, _COLUMNS, as_json=json, empty="There are no changes.")


@app.command("show")
def show(change_id: Id, json: terminal.AsJson = False) -> None:
    """Show a change: before and after, and the digest that names exactly this.

    Example: fabric changes show 0192f3c4
    """
    change = fetch(Server.configured(), "changes", change_id)
    if json:
        terminal.print_json(change)
    else:
        show_change(change)


@app.command("apply")
def apply(change_id: Id, yes: terminal.Yes = False, json: terminal.AsJson = False) -> None:
    """Apply a change: show its difference, ask, then send exactly what was shown. Takes a person's token.

    Example: fabric changes apply 0192f3c4 --yes
    """
    server = Server.configured()
    change = fetch(server, "changes", change_id)
    if not json:
        show_change(change)
    _refuse_decided(change)
    if not terminal.confirmed("Apply this change?", yes=yes):
        terminal.note("Nothing is applied.")
        return
    body = {"force": True, "digest": change["digest"]}
    done = _awaited(server, server.post(f"changes/{segment(change['id'])}/apply", body))
    if json:
        terminal.print_json(done)
    else:
        terminal.say("change ", done["id"], "  ", terminal.styled(done["state"]))
        if done.get("error"):
            terminal.note(f"{done['error']['code']}: {done['error']['message']}")
    raise typer.Exit(exits.of_change(done))


@app.command("reject")
def reject(
    change_id: Id,
    note: Annotated[str | None, typer.Option("--note", help="Why, for the record.")] = None,
    yes: terminal.Yes = False,
    json: terminal.AsJson = False,
) -> None:
    """Decline a change for good.

    Example: fabric changes reject 0192f3c4 --note "wrong folder"
    """
    server = Server.configured()
    change = fetch(server, "changes", change_id)
    if not json:
        show_change(change)
    _refuse_decided(change)
    if not terminal.confirmed("Reject this change?", yes=yes):
        terminal.note("Nothing is rejected.")
        return
    done = server.post(f"changes/{segment(change['id'])}/reject", {"note": note} if note else {})
    if json:
        terminal.print_json(done)
    else:
        terminal.say("change ", done["id"], "  ", terminal.styled(done["state"]))


def _awaited(server: Server, change: Json) -> Json:
    """The change once it is applied or is not: some take minutes, and go on without anybody waiting."""
    if change["state"] == "applying":
        terminal.note("The target takes a while; the change goes on even if you do not wait.")
    while change["state"] == "applying":
        time.sleep(LOOK_SECONDS)
        change = server.get(f"changes/{segment(change['id'])}")
    return change


def _refuse_decided(change: Json) -> None:
    """Do not ask a person for what the server would refuse. Raises Conflict CHANGE_STATE."""
    if change["state"] != "pending":
        raise Conflict(
            "CHANGE_STATE", f"The change is {change['state']}.", hint="Only a pending change can be decided, and once."
        )
