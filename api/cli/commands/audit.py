"""`fabric audit`: who did what, when, from where."""

import typer

from api.cli import terminal
from api.cli.exits import ExitCode
from api.cli.server import Server

app = typer.Typer(no_args_is_help=True, help="Who did what, when, from where: a chain of hashes.")

_COLUMNS: list[terminal.Column] = [
    ("SEQ", lambda each: each["seq"]),
    ("TIME", lambda each: terminal.moment(each["time"])),
    ("ACTOR", lambda each: each["actor_id"]),
    ("ACTION", lambda each: each["action"]),
    ("SUBJECT", lambda each: each["subject"]),
    ("FROM", lambda each: each["address"]),
]


@app.command("ls")
def list_audit(limit: terminal.Limit = 50, json: terminal.AsJson = False) -> None:
    """List audit rows, newest first.

    Example: fabric audit ls --limit 20
    """
    rows = Server.configured().pages("audit", limit)
    terminal.show_rows(rows, _COLUMNS, as_json=json, empty="There are no audit rows.")


@app.command("verify")
def verify(json: terminal.AsJson = False) -> None:
    """Check the chain from its first row: does each hash follow from the row before? Exit 1 where one does not.

    Example: fabric audit verify
    """
    found = Server.configured().get("audit/verify")
    if json:
        terminal.print_json(found)
    elif found["intact"]:
        terminal.say("audit chain: ", terminal.styled("ok"))
    else:
        terminal.say("audit chain: ", terminal.styled("broken"), f" at row {found['broken_at']}")
    raise typer.Exit(ExitCode.FINE if found["intact"] else ExitCode.AUTHOR)
