"""`fabric ingest`: push an event through the inbound bridge."""

from typing import Annotated

import typer

from api.cli import terminal
from api.cli.payload import read_payload
from api.cli.server import Server


def ingest(
    name: Annotated[str, typer.Argument(help="The callback's name: a Connection's condition on `trigger.name`.")],
    payload: Annotated[str, typer.Option("--payload", "-p", help="A file, `-` for stdin, or JSON.")] = "{}",
    key: Annotated[str | None, typer.Option("--key", help="Idempotency-Key: the same event once, for 24 h.")] = None,
    json: terminal.AsJson = False,
) -> None:
    """Push an event; it is kept when this returns.

    Example: fabric ingest order-received --payload '{"order": 7}'
    """
    body = {"name": name, "payload": read_payload(payload)}
    headers = {"Idempotency-Key": key} if key else {}
    reply = Server.configured().send("POST", "ingest", body=body, headers=headers)
    if json:
        terminal.print_json(reply.body)
    else:
        terminal.say("accepted ", reply.body["name"], "  event ", (reply.body["event_id"], "bold"))
